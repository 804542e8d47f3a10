import { deepEqual, equal, match, ok } from 'node:assert/strict';
import type { Context } from '../context.ts';
import { at, listAt } from '../json.ts';
import { pod, paths } from '../objects.ts';
import { one } from '../case.ts';

const reviews = '/apis/authentication.k8s.io/v1/tokenreviews';
const audience = 'rouse-controller';

const tokenFor = async (c: Context, spec: object): Promise<string> => {
  await c.make('serviceaccounts', { metadata: { name: c.id } });
  const answer = await c.api.post(c.path('serviceaccounts', c.id, 'token'), { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec });
  return answer.is(201).text('status.token');
};

const review = async (c: Context, token: string, audiences?: readonly string[]) =>
  (
    await c.api.post(reviews, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, ...(audiences === undefined ? {} : { audiences }) },
    })
  ).is(201);

export const access = [
  one('a token that nobody gave out is Unauthorized', 'any request', 'Rouse', async (c) => {
    (await c.api.get(c.path('configmaps'), { token: 'not-a-token' })).fails(401, 'Unauthorized');
  }),
  one('a ServiceAccount gets a token for an audience and a time', 'POST serviceaccounts/token', 'Rouse (gateway identity), kubelet', async (c) => {
    await c.make('serviceaccounts', { metadata: { name: c.id } });
    const spec = { audiences: [audience], expirationSeconds: 3600 };
    const answer = (await c.api.post(c.path('serviceaccounts', c.id, 'token'), { spec })).is(201);
    deepEqual(answer.at('spec.audiences'), [audience]);
    const left = Date.parse(answer.text('status.expirationTimestamp')) - Date.now();
    ok(left > 3_500_000 && left < 3_700_000, `${left} ms left`);
    match(answer.text('status.token'), /^[\w-]+\.[\w-]+\.[\w-]+$/);
  }),
  one('a token is good for its audience and names its account', 'POST tokenreviews', 'Rouse (link)', async (c) => {
    const status = (await review(c, await tokenFor(c, { audiences: [audience] }), [audience])).at('status');
    deepEqual([at(status, 'authenticated'), at(status, 'audiences')], [true, [audience]]);
    equal(at(status, 'user.username'), `system:serviceaccount:${c.ns}:${c.id}`);
    ok(listAt(status, 'user.groups').includes('system:serviceaccounts'));
  }),
  one('a token for another audience does not authenticate', 'POST tokenreviews', 'Rouse (link)', async (c) => {
    const status = (await review(c, await tokenFor(c, { audiences: ['somebody-else'] }), [audience])).at('status');
    ok(at(status, 'authenticated') !== true && at(status, 'error') !== undefined);
  }),
  one('a token for us is not one for the API', 'POST tokenreviews', 'Rouse (link)', async (c) => {
    const token = await tokenFor(c, { audiences: [audience] });
    ok((await review(c, token)).at('status.authenticated') !== true);
    (await c.api.get(c.path('configmaps'), { token })).fails(401, 'Unauthorized');
  }),
  one('what is no token does not authenticate', 'POST tokenreviews', 'Rouse (link)', async (c) => {
    ok((await review(c, 'nonsense', [audience])).at('status.authenticated') !== true);
  }),
  one('a token bound to a pod names the pod', 'POST serviceaccounts/token, tokenreviews', 'Rouse (gateway address)', async (c) => {
    const made = await c.make('pods', { ...pod(c.id), spec: { ...pod(c.id).spec, serviceAccountName: 'default' } });
    const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: c.id, uid: made.text('metadata.uid') };
    const request = { spec: { audiences: [audience], boundObjectRef } };
    const token = (await c.api.post(c.path('serviceaccounts', 'default', 'token'), request)).is(201).text('status.token');
    const status = (await review(c, token, [audience])).at('status');
    deepEqual(
      ['pod-name', 'pod-uid'].map((name) => at(status, ['user', 'extra', `authentication.kubernetes.io/${name}`, '0'])),
      [c.id, made.text('metadata.uid')],
    );
  }),
  one('a token bound to a pod ends with it', 'DELETE pods', 'Rouse (link)', async (c) => {
    const made = await c.make('pods', pod(c.id));
    const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: c.id, uid: made.text('metadata.uid') };
    const request = { spec: { audiences: [audience], boundObjectRef } };
    const token = (await c.api.post(c.path('serviceaccounts', 'default', 'token'), request)).is(201).text('status.token');
    (await c.api.delete(c.path('pods', c.id))).is(200);
    await c.gone(c.path('pods', c.id));
    for (let tries = 0; (await review(c, token, [audience])).at('status.authenticated') === true; tries += 1) ok(tries < 200);
  }),
  one('a token for a pod that is not there is refused', 'POST serviceaccounts/token', 'kubelet', async (c) => {
    const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'nobody', uid: 'u' };
    (await c.api.post(c.path('serviceaccounts', 'default', 'token'), { spec: { audiences: [audience], boundObjectRef } })).fails(404, 'NotFound');
  }),
  one('a token of an account that is not there is NotFound', 'POST serviceaccounts/token', 'kubectl create token', async (c) => {
    (await c.api.post(paths('serviceaccounts', c.ns, c.id, 'token'), { spec: {} })).fails(404, 'NotFound');
  }),
  one('the administrator may do everything', 'POST subjectaccessreviews, selfsubjectaccessreviews', 'kubectl auth can-i', async (c) => {
    const spec = { resourceAttributes: { namespace: c.ns, verb: 'delete', resource: 'pods' } };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    equal((await c.api.post(path, { spec })).is(201).at('status.allowed'), true);
    const about = { ...spec, user: 'somebody', groups: ['system:masters'] };
    equal((await c.api.post('/apis/authorization.k8s.io/v1/subjectaccessreviews', { spec: about })).is(201).at('status.allowed'), true);
  }),
  one('a user learns who they are', 'POST selfsubjectreviews', 'kubectl auth whoami', async (c) => {
    const answer = (await c.api.post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {})).is(201);
    ok(answer.text('status.userInfo.username') !== '');
  }),
];
