import test from 'ava';
import fc from 'fast-check';
import type { Deployment } from 'kubernetes-types/apps/v1.d.ts';
import { maxSurge, maxUnavailable, type RevisionSet } from './replica-counts.ts';
import { growNewSet, scaleSets, shrinkOldSets } from './rollout-plan.ts';

const deploymentOf = (replicas: number, surge: number | string, unavailable: number | string): Deployment => ({
  spec: { replicas, selector: {}, template: {}, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: surge, maxUnavailable: unavailable } } },
});

const setOf = (name: string, replicas: number, available: number, max = replicas): RevisionSet => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: {
    name,
    uid: name,
    resourceVersion: '1',
    annotations: { 'deployment.kubernetes.io/max-replicas': String(max), 'deployment.kubernetes.io/desired-replicas': String(max) },
  },
  spec: { replicas, selector: {} },
  status: { replicas, availableReplicas: available },
});

const amount = fc.oneof(
  fc.nat(6),
  fc.nat(100).map((percent) => `${percent}%`),
);
const deployments = fc.tuple(fc.nat(20), amount, amount).map(([replicas, surge, unavailable]) => deploymentOf(replicas, surge, unavailable));
const sized = (name: string) => fc.nat(15).chain((replicas) => fc.nat(replicas).map((available) => setOf(name, replicas, available)));

test('surge rounds up, unavailable rounds down, and not both are 0', (t) => {
  t.is(maxSurge(deploymentOf(10, '25%', '25%')), 3);
  t.is(maxUnavailable(deploymentOf(10, '25%', '25%')), 2);
  t.is(maxUnavailable(deploymentOf(10, 0, '5%')), 1);
  t.is(maxUnavailable(deploymentOf(3, 0, 7)), 3);
  fc.assert(
    fc.property(deployments, (deployment) => {
      t.true((deployment.spec?.replicas ?? 0) === 0 || maxSurge(deployment) + maxUnavailable(deployment) > 0);
    }),
  );
});

test('the newest set never grows beyond the surplus that is allowed', (t) => {
  fc.assert(
    fc.property(deployments, sized('old'), sized('new'), (deployment, old, newest) => {
      const wanted = deployment.spec?.replicas ?? 0;
      const growth = growNewSet(deployment, newest, [old, newest]);
      if (growth === undefined || growth.replicas <= (newest.spec?.replicas ?? 0)) return;
      t.true(growth.replicas + (old.spec?.replicas ?? 0) <= wanted + maxSurge(deployment));
      t.true(growth.replicas <= wanted);
    }),
  );
});

test('old sets never give up more available pods than may be unavailable', (t) => {
  fc.assert(
    fc.property(deployments, sized('a'), sized('b'), sized('new'), (deployment, one, other, newest) => {
      const before = [one, other];
      const after = new Map(shrinkOldSets(deployment, before, newest).map(({ set, replicas }) => [set.metadata.name, replicas]));
      const sizeAfter = (set: RevisionSet): number => after.get(set.metadata.name) ?? set.spec?.replicas ?? 0;
      const taken = before.reduce((sum, set) => sum + Math.max(0, (set.status?.availableReplicas ?? 0) - sizeAfter(set)), 0);
      const available = [...before, newest].reduce((sum, set) => sum + (set.status?.availableReplicas ?? 0), 0);
      const least = (deployment.spec?.replicas ?? 0) - maxUnavailable(deployment);
      t.true(taken <= Math.max(0, available - least));
      t.true(before.every((set) => sizeAfter(set) >= 0 && sizeAfter(set) <= (set.spec?.replicas ?? 0)));
    }),
  );
});

test('a change in the middle of a rollout is handed out completely and leaves no set below zero', (t) => {
  fc.assert(
    fc.property(deployments, fc.integer({ min: 1, max: 15 }), fc.integer({ min: 1, max: 15 }), (deployment, left, right) => {
      const [old, newest] = [setOf('old', left, 0, left + right), setOf('new', right, 0, left + right)];
      const sizes = scaleSets(deployment, newest, [old]);
      const total = sizes.reduce((sum, { replicas }) => sum + replicas, 0);
      const wanted = deployment.spec?.replicas ?? 0;
      t.true(sizes.every(({ replicas }) => replicas >= 0));
      t.is(total, wanted === 0 ? 0 : wanted + maxSurge(deployment));
    }),
  );
});
