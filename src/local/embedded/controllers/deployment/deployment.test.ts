import test from 'ava';
import type { Deployment } from 'kubernetes-types/apps/v1.d.ts';
import { millis, seconds } from '../../../../core/index.ts';
import { resources, type KubeObject, type Resource } from '../../../../kube/index.ts';
import { ApiError } from '../../api-error.ts';
import type { InProcessApi, StoredObject } from '../../in-process-api.ts';
import { addNode, deploymentOf, runPods, setReady, startTestCluster, user, type TestCluster } from '../testing.ts';

const start = async (t: { teardown: (end: () => Promise<void>) => void }, wrap?: (api: InProcessApi) => InProcessApi): Promise<TestCluster> => {
  const cluster = await startTestCluster(wrap);
  t.teardown(() => cluster.close());
  await addNode(cluster.api, 'local');
  return cluster;
};

const web = (api: InProcessApi): Deployment & StoredObject => api.get(resources.deployments, 'default', 'web')!;
const sets = (api: InProcessApi) => api.list(resources.replicaSets, 'default').toSorted((a, b) => revision(a) - revision(b));
const revision = (object: { readonly metadata: { readonly annotations?: Record<string, string> } }): number =>
  Number(object.metadata.annotations?.['deployment.kubernetes.io/revision']);
const pods = (api: InProcessApi) => api.list(resources.pods, 'default');
const condition = (deployment: Deployment, type: string) => deployment.status?.conditions?.find((one) => one.type === type);

const change = async (
  api: InProcessApi,
  next: (spec: NonNullable<Deployment['spec']>) => Deployment['spec'],
  annotations?: Record<string, string>,
): Promise<void> => {
  const before = web(api);
  // Without a resourceVersion, as a patch would: the controllers write at the same time.
  const { resourceVersion: _, ...metadata } = before.metadata;
  await api.update(
    resources.deployments,
    { ...before, metadata: { ...metadata, annotations: { ...before.metadata.annotations, ...annotations } }, spec: next(before.spec!)! },
    user,
  );
};
const setImage = (api: InProcessApi, image: string, annotations?: Record<string, string>): Promise<void> =>
  change(
    api,
    (spec) => ({
      ...spec,
      template: {
        ...spec.template,
        spec: { ...spec.template.spec!, containers: spec.template.spec!.containers.map((container) => ({ ...container, image })) },
      },
    }),
    annotations,
  );
const scale = (api: InProcessApi, replicas: number): Promise<void> => change(api, (spec) => ({ ...spec, replicas }));

test('a new Deployment gets a ReplicaSet with hash, revision and owner, its pods, and a status that says so', async (t) => {
  const cluster = await start(t);
  const { api } = cluster;
  await api.create(resources.deployments, { ...deploymentOf('web', 3), metadata: { name: 'web', namespace: 'default', annotations: { team: 'x' } } }, user);
  await runPods(cluster);
  const [set] = sets(api);
  const hash = set?.metadata.labels?.['pod-template-hash'];
  t.regex(hash ?? '', /^[a-z0-9]{6,10}$/);
  t.is(set?.metadata.name, `web-${hash}`);
  t.is(set?.spec?.selector.matchLabels?.['pod-template-hash'], hash);
  t.is(set?.metadata.annotations?.['team'], 'x');
  t.is(set?.metadata.annotations?.['deployment.kubernetes.io/desired-replicas'], '3');
  t.is(set?.metadata.annotations?.['deployment.kubernetes.io/max-replicas'], '4');
  t.true(pods(api).every(({ metadata }) => metadata.name.startsWith(`web-${hash}-`) && metadata.labels?.['pod-template-hash'] === hash));
  const { status, metadata } = web(api);
  t.is(metadata.annotations?.['deployment.kubernetes.io/revision'], '1');
  t.like(status, { observedGeneration: 1, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 });
  t.like(condition(web(api), 'Available'), { status: 'True', reason: 'MinimumReplicasAvailable' });
  t.like(condition(web(api), 'Progressing'), {
    status: 'True',
    reason: 'NewReplicaSetAvailable',
    message: `ReplicaSet "web-${hash}" has successfully progressed.`,
  });
});

test('a change of the count reaches a pod without any time passing', async (t) => {
  const cluster = await start(t);
  const { api } = cluster;
  await api.create(resources.deployments, deploymentOf('web', 0), user);
  await cluster.settle();
  await scale(api, 2);
  await cluster.settle();
  t.is(pods(api).length, 2);
  t.true(pods(api).every(({ spec }) => spec?.nodeName === 'local'));
  t.is(web(api).status?.observedGeneration, 2);
  await scale(api, 0);
  await runPods(cluster);
  t.is(pods(api).length, 0);
  t.is(web(api).status?.replicas, undefined);
});

test('a rolling update never goes below what may be unavailable nor above what may be surplus', async (t) => {
  const cluster = await start(t);
  const { api } = cluster;
  await api.create(resources.deployments, deploymentOf('web', 4), user);
  await runPods(cluster);
  let least = Infinity;
  let most = 0;
  api.watch(resources.pods, () => {
    const active = pods(api).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    most = Math.max(most, active.length);
    least = Math.min(least, active.filter(({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True')).length);
  });
  await setImage(api, 'example/app:2');
  await runPods(cluster);
  t.is(most, 5);
  t.is(least, 3);
  t.deepEqual(
    sets(api).map(({ spec }) => spec?.replicas),
    [0, 4],
  );
  t.is(revision(web(api)), 2);
  t.true(pods(api).every(({ spec }) => spec?.containers[0]?.image === 'example/app:2'));
});

test('an old template that comes back is found again, takes the newest revision and remembers its earlier one', async (t) => {
  const cluster = await start(t);
  const { api } = cluster;
  await api.create(resources.deployments, deploymentOf('web', 2), user);
  await runPods(cluster);
  await setImage(api, 'example/app:2', { note: 'second' });
  await runPods(cluster);
  const [first, second] = sets(api);
  t.is(first?.metadata.annotations?.['note'], undefined);
  t.is(second?.metadata.annotations?.['note'], 'second');
  await setImage(api, 'example/app:1');
  await runPods(cluster);
  const back = api.get(resources.replicaSets, 'default', first?.metadata.name ?? '')!;
  t.is(revision(back), 3);
  t.is(back.metadata.annotations?.['deployment.kubernetes.io/revision-history'], '1');
  t.is(back.spec?.replicas, 2);
  t.is(revision(web(api)), 3);
});

test('Recreate starts nothing new before the last old pod is gone', async (t) => {
  const cluster = await start(t);
  const { api } = cluster;
  await api.create(resources.deployments, deploymentOf('web', 2, { strategy: { type: 'Recreate' } }), user);
  await runPods(cluster);
  await setImage(api, 'example/app:2');
  await cluster.settle();
  t.is(sets(api).length, 1);
  t.true(pods(api).every(({ metadata }) => metadata.deletionTimestamp !== undefined));
  await runPods(cluster);
  t.is(pods(api).length, 2);
  t.true(pods(api).every(({ spec }) => spec?.containers[0]?.image === 'example/app:2'));
});

test('a paused Deployment follows its count and rolls nothing until it is resumed', async (t) => {
  const cluster = await start(t);
  const { api } = cluster;
  await api.create(resources.deployments, deploymentOf('web', 2), user);
  await runPods(cluster);
  await change(api, (spec) => ({ ...spec, paused: true }));
  await setImage(api, 'example/app:2');
  await scale(api, 3);
  await runPods(cluster);
  t.is(sets(api).length, 1);
  t.is(pods(api).length, 3);
  t.like(condition(web(api), 'Progressing'), { status: 'Unknown', reason: 'DeploymentPaused' });
  await change(api, ({ paused: _, ...spec }) => spec);
  await runPods(cluster);
  t.true(pods(api).every(({ spec }) => spec?.containers[0]?.image === 'example/app:2'));
});

test('scaling in the middle of a rollout is shared out in proportion', async (t) => {
  const cluster = await start(t);
  const { api } = cluster;
  const rollingUpdate = { maxSurge: 3, maxUnavailable: 2 };
  await api.create(resources.deployments, deploymentOf('web', 10, { strategy: { type: 'RollingUpdate', rollingUpdate } }), user);
  await runPods(cluster);
  await setImage(api, 'example/app:2');
  await cluster.settle();
  t.deepEqual(
    sets(api).map(({ spec }) => spec?.replicas),
    [8, 5],
  );
  await scale(api, 15);
  await cluster.settle();
  // The example of the Kubernetes documentation ("Proportional scaling"): of 5 more, 3 go to the old set and 2 to the new one.
  t.deepEqual(
    sets(api).map(({ spec }) => spec?.replicas),
    [11, 7],
  );
});

test('a rollout that stands still is reported after its progress deadline, and again as progressing when it moves', async (t) => {
  const cluster = await start(t);
  const { api, clock } = cluster;
  await api.create(resources.deployments, deploymentOf('web', 1, { progressDeadlineSeconds: 30 }), user);
  await cluster.settle();
  await clock.advance(seconds(29));
  t.is(condition(web(api), 'Progressing')?.status, 'True');
  await clock.advance(seconds(3));
  t.like(condition(web(api), 'Progressing'), { status: 'False', reason: 'ProgressDeadlineExceeded' });
  await runPods(cluster);
  t.like(condition(web(api), 'Progressing'), { status: 'True', reason: 'NewReplicaSetAvailable' });
});

test('pods count as available only when they have been ready for minReadySeconds', async (t) => {
  const cluster = await start(t);
  const { api, clock } = cluster;
  await api.create(resources.deployments, deploymentOf('web', 1, { minReadySeconds: 10 }), user);
  await runPods(cluster);
  t.like(web(api).status, { readyReplicas: 1, unavailableReplicas: 1 });
  t.is(condition(web(api), 'Available')?.status, 'False');
  await clock.advance(seconds(9));
  t.is(web(api).status?.availableReplicas, undefined);
  await clock.advance(seconds(2));
  t.is(web(api).status?.availableReplicas, 1);
  t.is(condition(web(api), 'Available')?.status, 'True');
});

test('old ReplicaSets beyond revisionHistoryLimit are removed', async (t) => {
  const cluster = await start(t);
  const { api } = cluster;
  await api.create(resources.deployments, deploymentOf('web', 1, { revisionHistoryLimit: 2 }), user);
  for (const version of [2, 3, 4, 5]) {
    await runPods(cluster);
    await setImage(api, `example/app:${version}`);
  }
  await runPods(cluster);
  t.deepEqual(sets(api).map(revision), [3, 4, 5]);
});

test('a quota shows as ReplicaFailure at once, backs off, and a change of the count tries again at once', async (t) => {
  let refusals = 0;
  let isRefusing = true;
  const cluster = await start(t, (api) => ({
    ...api,
    create: (resource, object, as) => {
      if (resource.kind !== 'Pod' || !isRefusing) return api.create(resource, object, as);
      refusals += 1;
      return Promise.reject(new ApiError({ code: 403, reason: 'Forbidden', message: 'pods "web-" is forbidden: exceeded quota: pods' }));
    },
  }));
  const { api, clock } = cluster;
  await api.create(resources.deployments, deploymentOf('web', 1), user);
  await cluster.settle();
  t.like(condition(web(api), 'ReplicaFailure'), { status: 'True', reason: 'FailedCreate', message: 'pods "web-" is forbidden: exceeded quota: pods' });
  await clock.advance(seconds(20));
  const before = refusals;
  t.true(before < 16);
  isRefusing = false;
  await clock.advance(millis(1));
  t.is(pods(api).length, 0);
  await scale(api, 2);
  await cluster.settle();
  t.is(pods(api).length, 2);
  t.is(condition(web(api), 'ReplicaFailure'), undefined);
});

test('a ReplicaSet whose name is taken by another template makes the controller choose another hash', async (t) => {
  const cluster = await start(t);
  const { api } = cluster;
  await api.create(resources.deployments, deploymentOf('web', 1), user);
  await runPods(cluster);
  const [set] = sets(api);
  await api.delete(resources.deployments, 'default', 'web', { propagation: 'Orphan' }, user);
  await cluster.settle();
  const taken = api.get(resources.replicaSets, 'default', set?.metadata.name ?? '')!;
  t.deepEqual(taken.metadata.ownerReferences ?? [], []);
  // Labels that no Deployment selects: it stays an orphan under the name that the hash leads to.
  await api.update(resources.replicaSets, { ...taken, metadata: { ...taken.metadata, labels: { other: 'yes' } } }, user);
  await api.create(resources.deployments, deploymentOf('web', 1), user);
  await runPods(cluster);
  t.is(web(api).status?.collisionCount, 1);
  t.is(web(api).status?.readyReplicas, 1);
});

test('nothing is written while nothing changes', async (t) => {
  const cluster = await start(t);
  const { api, clock } = cluster;
  await api.create(resources.deployments, deploymentOf('web', 2), user);
  await api.create(
    resources.services,
    { metadata: { name: 'web', namespace: 'default' }, spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] } },
    user,
  );
  await runPods(cluster);
  await clock.advance(seconds(1));
  const kinds: readonly Resource[] = [
    resources.deployments,
    resources.replicaSets,
    resources.pods,
    resources.endpointSlices,
    resources.endpoints,
    resources.services,
  ];
  const versions = (): string[] => kinds.flatMap((kind) => api.list<KubeObject>(kind).map(({ metadata }) => metadata.resourceVersion));
  const before = versions();
  await clock.advance(seconds(3600));
  t.deepEqual(versions(), before);
  const [pod] = pods(api);
  await setReady(cluster, pod!, false);
  await cluster.settle();
  t.is(web(api).status?.readyReplicas, 1);
});
