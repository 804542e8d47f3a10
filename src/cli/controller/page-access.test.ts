import test from 'ava';
import { failed, instant, ManualClock, ok, seconds } from '../../core/index.ts';
import type { KubeClient, Refusal } from '../../kube/index.ts';
import { pageAccess } from './page-access.ts';

const away = { kind: 'unavailable', message: 'connection refused' } as Refusal;
const identity = { user: 'system:serviceaccount:team:eve', groups: ['system:serviceaccounts'], podName: undefined, podUid: undefined };

interface Asked {
  readonly tokens: (readonly [string, readonly string[]])[];
  readonly reviews: unknown[];
}

/** An API server that knows `known` and lets in whom `allows` says. */
const scene = (allows: () => boolean): { readonly check: (token: string) => Promise<unknown>; readonly asked: Asked; readonly clock: ManualClock } => {
  const asked: Asked = { tokens: [], reviews: [] };
  const clock = new ManualClock(instant(0));
  const client = {
    reviewToken: (token: string, audiences: readonly string[]) => {
      asked.tokens.push([token, audiences]);
      return Promise.resolve(token === 'away' ? failed(away) : ok(token.startsWith('known') ? identity : undefined));
    },
    create: (_resource: unknown, object: { readonly spec: unknown }) => {
      asked.reviews.push(object.spec);
      return Promise.resolve(ok({ ...object, status: { allowed: allows() } }));
    },
  } as unknown as KubeClient;
  const access = pageAccess(client, clock);
  return { check: (token) => (access.kind === 'token' ? access.check(token) : Promise.reject(new Error('no token is asked for'))), asked, clock };
};

test('who holds a token for the page and has the right to read the controller through the API server is let in', async (t) => {
  const { check, asked } = scene(() => true);
  t.deepEqual(await check('known'), { kind: 'allowed' });
  t.deepEqual(asked.tokens, [['known', ['rouse-page']]]);
  t.deepEqual(asked.reviews, [
    {
      user: identity.user,
      groups: identity.groups,
      resourceAttributes: { namespace: 'rouse-system', verb: 'get', group: '', resource: 'services', subresource: 'proxy', name: 'rouse-controller:metrics' },
    },
  ]);
});

test('a token that the API server does not know for our audience is none, and no right is asked for', async (t) => {
  const { check, asked } = scene(() => true);
  t.like(await check('made-up'), { kind: 'unknown' });
  t.deepEqual(asked.reviews, []);
});

test('who lacks the right is told which, by name', async (t) => {
  const { check } = scene(() => false);
  t.deepEqual(await check('known'), {
    kind: 'forbidden',
    detail: 'system:serviceaccount:team:eve may not get services/proxy "rouse-controller:metrics" in namespace rouse-system (docs/live-page.md shows the Role)',
  });
});

test('an API server that cannot be asked lets nobody in', async (t) => {
  t.deepEqual(await scene(() => true).check('away'), { kind: 'busy', detail: 'the API server cannot be asked about the token: connection refused' });
});

test('a token that was let in is not looked at again for 30 s; who has lost the right is out then', async (t) => {
  let isAllowed = true;
  const { check, asked, clock } = scene(() => isAllowed);
  await check('known');
  isAllowed = false;
  await clock.advance(seconds(29));
  t.like(await check('known'), { kind: 'allowed' });
  t.is(asked.tokens.length, 1);
  await clock.advance(seconds(2));
  t.like(await check('known'), { kind: 'forbidden' });
  t.like(await check('known'), { kind: 'forbidden' }, 'a no is not remembered');
  t.is(asked.tokens.length, 3);
});

test('however many tokens are tried at once, the API server is asked about four', async (t) => {
  const { check, asked } = scene(() => true);
  const verdicts = (await Promise.all(Array.from({ length: 10 }, (_, index) => check(`known-${String(index)}`)))) as readonly { readonly kind: string }[];
  t.is(asked.tokens.length, 4);
  t.is(verdicts.filter(({ kind }) => kind === 'busy').length, 6);
  t.like(await check('known-9'), { kind: 'allowed' });
});
