import test from 'ava';
import { failed, instant, ManualClock, millis, ok, seconds } from '../../core/index.ts';
import type { KubeClient, KubeObject, Resource } from '../../kube/index.ts';
import { checkRights } from './check-rights.ts';
import { rights } from './rights.ts';

interface Asked {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly name?: string;
  readonly namespace?: string;
}

/** Answers SelfSubjectAccessReviews as `allows` says; nothing else is asked of it. */
const clientThat = (allows: (asked: Asked) => boolean | undefined): { readonly client: KubeClient; readonly asked: Asked[] } => {
  const asked: Asked[] = [];
  const create = (resource: Resource, object: KubeObject): ReturnType<KubeClient['create']> => {
    const { spec } = object as unknown as { readonly spec: { readonly resourceAttributes: Asked } };
    asked.push(spec.resourceAttributes);
    const allowed = allows(spec.resourceAttributes);
    return Promise.resolve(
      allowed === undefined
        ? failed({ kind: 'forbidden', message: `no ${resource.kind} here`, status: 403, retryAfterMs: undefined })
        : ok({ ...object, status: { allowed } }),
    );
  };
  return { client: { create } as unknown as KubeClient, asked };
};

const never = new AbortController().signal;

test('every right is asked for once, where it is needed', async (t) => {
  const { client, asked } = clientThat(() => true);
  await checkRights(client, { namespaces: undefined, clock: new ManualClock(instant(0)), placement: false }, never);
  t.is(asked.length, rights.cluster.length + rights.workloads.length + rights.system.length);
  t.true(asked.some((one) => one.resource === 'deployments' && one.subresource === 'scale' && one.verb === 'patch' && one.namespace === undefined));
  t.true(asked.some((one) => one.resource === 'leases' && one.name === 'rouse-controller' && one.namespace === 'rouse-system'));
});

test('a controller that places pods needs more', async (t) => {
  const { client } = clientThat(({ resource }) => resource !== 'nodes');
  const clock = new ManualClock(instant(0));
  const refused = t.throwsAsync(checkRights(client, { namespaces: undefined, clock, placement: true }, never), {
    message: 'the controller may not list, watch nodes; the roles in deploy/base/controller-roles.yaml grant it, and those in deploy/components/placement',
  });
  await clock.advance(seconds(11));
  await refused;
});

test('a controller of some namespaces needs its rights in those, and of the Namespace objects only theirs', async (t) => {
  const { client, asked } = clientThat(() => true);
  await checkRights(client, { namespaces: ['team-a', 'team-b'], clock: new ManualClock(instant(0)), placement: false }, never);
  t.deepEqual(
    asked.filter(({ resource }) => resource === 'namespaces').map(({ verb, name }) => `${verb} ${name ?? ''}`),
    ['list team-a', 'list team-b', 'watch team-a', 'watch team-b'],
  );
  t.deepEqual(
    asked.filter(({ resource, verb }) => resource === 'services' && verb === 'watch').map(({ namespace }) => namespace),
    ['team-a', 'team-b'],
  );
});

test('what is missing is named with its verbs, its kind and its place, once roles have had time to come into force', async (t) => {
  const clock = new ManualClock(instant(0));
  const { client } = clientThat(({ resource, verb }) => !(resource === 'services' && verb !== 'get') && resource !== 'secrets');
  const refused = t.throwsAsync(checkRights(client, { namespaces: ['team-a'], clock, placement: false }, never), {
    message:
      'the controller may not list, watch, patch services in team-a; create secrets in rouse-system; get, patch secrets "rouse-ca" in rouse-system; ' +
      'the roles in deploy/base/controller-roles.yaml grant it',
  });
  await clock.advance(seconds(11));
  await refused;
});

test('roles that come into force a moment later are waited for', async (t) => {
  const clock = new ManualClock(instant(0));
  const { client } = clientThat(() => clock.now() >= 2000);
  let done = false;
  const checked = checkRights(client, { namespaces: undefined, clock, placement: false }, never).then(() => (done = true));
  await clock.advance(millis(1900));
  t.false(done);
  await clock.advance(millis(600));
  await checked;
});

test('a cluster that does not tell lets the controller find out', async (t) => {
  const { client } = clientThat(() => undefined);
  await t.notThrowsAsync(checkRights(client, { namespaces: undefined, clock: new ManualClock(instant(0)), placement: false }, never));
});
