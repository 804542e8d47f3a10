import { deepEqual, equal, match, ok } from 'node:assert/strict';
import type { Context } from '../context.ts';
import { configMap } from '../objects.ts';
import { hooked, patching, register } from '../webhooks.ts';
import { one } from '../case.ts';

const own = (c: Context) => configMap(c.id, { a: '1' }, hooked(c));
/** Nothing listens there. */
const nowhere = { url: 'https://127.0.0.1:1/none' };
const hangs = (): Promise<object> => new Promise(() => undefined);
const never = (): object => ({ allowed: false });

export const admissionFailures = [
  one('Ignore: a webhook that cannot be reached is passed over', 'POST configmaps', 'Rouse (down never blocks the cluster)', async (c) => {
    await register(c, 'validating', [{ handler: never, more: { failurePolicy: 'Ignore', clientConfig: nowhere } }]);
    await c.make('configmaps', own(c));
  }),
  one('Fail: a webhook that cannot be reached is an InternalError', 'POST configmaps', 'other webhooks', async (c) => {
    await register(c, 'validating', [{ handler: never, more: { failurePolicy: 'Fail', clientConfig: nowhere } }]);
    const answer = (await c.api.post(c.path('configmaps'), own(c))).fails(500, 'InternalError');
    match(answer.text('message'), new RegExp(`failed calling webhook "${c.id}-0\\.conformance\\.rouse\\.dev": failed to call webhook: `));
    (await c.api.get(c.path('configmaps', c.id))).fails(404, 'NotFound');
  }),
  one('Ignore: a webhook that hangs costs its timeout', 'POST configmaps', 'Rouse (down never blocks the cluster)', async (c) => {
    await register(c, 'mutating', [{ handler: hangs, more: { failurePolicy: 'Ignore', timeoutSeconds: 1 } }]);
    const start = Date.now();
    await c.make('configmaps', own(c));
    const took = Date.now() - start;
    ok(took >= 950 && took < 4000, `${took} ms`);
  }),
  one('Fail: a webhook that hangs is an error after its timeout', 'POST configmaps', 'other webhooks', async (c) => {
    await register(c, 'mutating', [{ handler: hangs, more: { failurePolicy: 'Fail', timeoutSeconds: 1 } }]);
    match((await c.api.post(c.path('configmaps'), own(c))).fails(500, 'InternalError').text('message'), /failed calling webhook/);
  }),
  one('the timeout is told to the webhook', 'POST configmaps', 'Rouse (webhooks)', async (c) => {
    let query = '';
    const handler = (_: unknown, url: URL): object => {
      query = url.search;
      return { allowed: true };
    };
    await register(c, 'validating', [{ handler, more: { timeoutSeconds: 2 } }]);
    await c.make('configmaps', own(c));
    equal(query, '?timeout=2s');
  }),
  one('Ignore: a webhook with a certificate of somebody else is passed over', 'POST configmaps', 'Rouse (rotation)', async (c) => {
    const clientConfig = { url: c.receiver.url(`${c.id}-0`) };
    await register(c, 'validating', [{ handler: never, more: { failurePolicy: 'Ignore', clientConfig } }]);
    await c.make('configmaps', own(c));
  }),
  one('an answer to another request is a failure', 'POST configmaps', 'Rouse (webhooks)', async (c) => {
    await register(c, 'validating', [{ handler: () => ({ uid: 'other', allowed: true }), more: { failurePolicy: 'Fail' } }]);
    (await c.api.post(c.path('configmaps'), own(c))).fails(500, 'InternalError');
  }),
  one('Ignore: a patch that does not apply is passed over', 'POST configmaps', 'Rouse (webhooks)', async (c) => {
    const handler = (): object => patching({ op: 'remove', path: '/data/missing' });
    await register(c, 'mutating', [{ handler, more: { failurePolicy: 'Ignore' } }]);
    const answer = await c.api.post(c.path('configmaps'), own(c));
    if (answer.status === 201) deepEqual(answer.at('data'), { a: '1' });
    else answer.fails(500, 'InternalError');
  }),
  one('Ignore does not ignore a refusal', 'POST configmaps', 'Rouse (problems refused)', async (c) => {
    await register(c, 'validating', [{ handler: never, more: { failurePolicy: 'Ignore' } }]);
    (await c.api.post(c.path('configmaps'), own(c))).is(400);
  }),
  one('a match condition that fails counts by the failurePolicy', 'POST configmaps', 'Rouse (matchConditions)', async (c) => {
    const matchConditions = [{ name: 'breaks', expression: "object.metadata.annotations['x'] == 'y'" }];
    await register(c, 'validating', [{ handler: never, more: { failurePolicy: 'Ignore', matchConditions } }]);
    await c.make('configmaps', own(c));
  }),
  one('with Fail a match condition that fails refuses', 'POST configmaps', 'other webhooks', async (c) => {
    const matchConditions = [{ name: 'breaks', expression: "object.metadata.annotations['x'] == 'y'" }];
    await register(c, 'validating', [{ handler: () => ({ allowed: true }), more: { failurePolicy: 'Fail', matchConditions } }]);
    (await c.api.post(c.path('configmaps'), own(c))).is(403, 500);
  }),
];
