import test, { type ExecutionContext } from 'ava';
import { annotation } from '../../src/core/index.ts';
import type { ApiAnswer } from '../support/api-client.ts';
import { deployment, onboarded, service } from '../support/app.ts';
import { until } from '../support/until.ts';
import { clusterWithRouse, workloadScene, type ClusterWithRouse, type WorkloadScene } from './harness/rouse-for-file.ts';

/** Others who write the same objects as Rouse does, with the real kubectl on the real controllers. */

let rouse: ClusterWithRouse;
test.before(async () => {
  rouse = await clusterWithRouse('writers');
});
test.after.always(() => rouse.close());

const web = (namespace: string, annotations: Readonly<Record<string, string>> = onboarded, replicas: number | undefined = 1): object =>
  deployment('web', { namespace, annotations, replicas });

/** A Deployment `web` behind a Service, applied by kubectl. */
const scene = async (t: ExecutionContext, annotations: Readonly<Record<string, string>> = onboarded, replicas = 1): Promise<WorkloadScene> => {
  const namespace = await rouse.cluster.namespace(t);
  const made = workloadScene(rouse, namespace, 'deployment/web');
  await made.apply(service('web', namespace));
  await made.apply(web(namespace, annotations, replicas));
  return made;
};

const hpa = (maxReplicas: number): object => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'web' },
  spec: { minReplicas: 2, maxReplicas, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' } },
});

test('an HPA on the same target is refused, adopted where that is allowed, and given back as it was', async (t) => {
  const { cluster } = rouse;
  const made = await scene(t, {}, 2);
  const flux = ['--server-side', '--field-manager=flux'];
  await made.apply(hpa(6), ...flux);
  // A look that takes too long is left out with a warning: this is about one that was taken.
  const annotate = ['annotate', 'deployment/web', '-n', made.namespace, 'rouse.dev/enabled=true', '--dry-run=server'];
  const refused = await until(
    'the look for an HPA was taken in time',
    async () => {
      const tried = await cluster.kubectl.try(annotate);
      return !tried.stderr.includes('could not look for a HorizontalPodAutoscaler') && tried;
    },
    30_000,
  );
  t.regex(refused.stderr, /HorizontalPodAutoscaler web has the same target; delete it, or set rouse\.dev\/adopt-hpa/);
  await made.annotate('rouse.dev/enabled=true', 'rouse.dev/adopt-hpa=true', 'rouse.dev/window=6s');
  const autoscalers = (): Promise<string> => cluster.kubectl(['get', 'hpa', '-n', made.namespace, '-o', 'name']);
  await until('the HPA is adopted', async () => (await autoscalers()) === '', 20_000, rouse.errors);
  t.regex(await made.annotation(annotation.state), /"maxReplicas":6/);
  await made.untilTaken();
  t.is(await made.replicas(), 2, 'its least count holds');
  const another = await cluster.kubectl.try(['autoscale', 'deployment/web', '-n', made.namespace, '--name=other', '--max=3']);
  t.regex(another.stderr, /Rouse takes this over for web/);
  await cluster.kubectl(['delete', 'hpa', 'other', '-n', made.namespace]);
  await made.annotate('rouse.dev/enabled-', 'rouse.dev/adopt-hpa-');
  await made.untilBack();
  await until('the HPA is back', async () => (await autoscalers()) !== '', 20_000, rouse.errors);
  await until('nothing of ours is left', async () => (await made.annotation(annotation.state)) === '', 20_000, rouse.errors);
  const fields = await cluster.kubectl([
    'get',
    'hpa',
    'web',
    '-n',
    made.namespace,
    '--show-managed-fields',
    '-o',
    'jsonpath={.metadata.managedFields[*].manager}',
  ]);
  t.false(fields.split(' ').includes('rouse'), fields);
  await made.apply(hpa(9), ...flux);
  t.is(await cluster.kubectl(['get', 'hpa', 'web', '-n', made.namespace, '-o', 'jsonpath={.spec.maxReplicas}']), '9');
});

test('an HPA for a workload that is onboarded is refused', async (t) => {
  const made = await scene(t);
  // Whoever is asked has heard of the workload.
  await made.untilTaken();
  const refused = await rouse.cluster.kubectl.try(['create', '-n', made.namespace, '-f', '-'], { stdin: JSON.stringify(hpa(3)) });
  t.regex(refused.stderr, /Rouse scales web \(rouse\.dev\/enabled\)/);
});

test('a manifest that is applied again at zero wakes nobody and keeps nobody awake', async (t) => {
  const made = await scene(t);
  await made.untilTaken();
  await made.untilReplicas(0);
  for (const replicas of [1, 3]) {
    await made.apply(web(made.namespace, onboarded, replicas));
    t.is(await made.replicas(), 0);
  }
  t.is((await made.ask()).status, 200);
});

test('kubectl scale is honoured for a while, told, and taken back', async (t) => {
  const made = await scene(t, { ...onboarded, 'rouse.dev/manual-override': '22s' });
  await made.untilTaken();
  await made.untilReplicas(0);
  await rouse.cluster.kubectl(['scale', 'deployment/web', '-n', made.namespace, '--replicas=3']);
  await until(
    'it is told',
    async () => (await made.events()).some((event) => /^overridden: 3 pods set by hand \((kubectl|\/scale)\)/.test(event)),
    20_000,
    () => made.events(),
  );
  t.is(await made.replicas(), 3);
  // Published at most every ten seconds.
  await until('it is published', async () => /"desired":3,"reason":"manual-override"/.test(await made.annotation(annotation.status)), 20_000);
  await made.untilReplicas(0, 60_000);
});

test('a Deployment that is deleted gives its Service back; one of another name takes its place', async (t) => {
  const { cluster } = rouse;
  const made = await scene(t);
  await made.untilTaken();
  await cluster.kubectl(['delete', 'deployment/web', '-n', made.namespace]);
  await made.untilBack();
  const renamed = deployment('web', { namespace: made.namespace, replicas: 1 }) as { readonly metadata: object };
  await made.apply({ ...renamed, metadata: { ...renamed.metadata, name: 'renamed' } });
  await made.untilTaken();
  const selector = await cluster.kubectl(['get', 'service/web', '-n', made.namespace, '-o', 'jsonpath={.metadata.annotations.rouse\\.dev/selector}']);
  t.regex(selector, /\/renamed"/);
  const other = workloadScene(rouse, made.namespace, 'deployment/renamed');
  await other.untilReplicas(0);
  t.is((await made.ask()).status, 200);
});

test('a paused Deployment sleeps and wakes as any other', async (t) => {
  const made = await scene(t);
  await made.untilTaken();
  await rouse.cluster.kubectl(['rollout', 'pause', 'deployment/web', '-n', made.namespace]);
  await made.untilReplicas(0);
  t.is((await made.ask()).status, 200);
  t.is(await made.replicas(), 1);
});

test('in the middle of a rollout that fails, what is there serves on; from zero the failure is told, and an undo past the onboarding mends it and keeps every setting', async (t) => {
  const { cluster } = rouse;
  const made = await scene(t, {}, 1);
  await cluster.kubectl(['rollout', 'status', 'deployment/web', '-n', made.namespace, '--timeout=25s']);
  await made.annotate('rouse.dev/enabled=true', 'rouse.dev/window=6s', 'rouse.dev/max-scale=3');
  await made.untilTaken();
  await cluster.kubectl(['set', 'env', 'deployment/web', '-n', made.namespace, 'CRASH=1']);
  for (let request = 0; request < 10; request++) t.is((await made.ask()).status, 200);
  await made.untilReplicas(0, 40_000);
  const failed = await made.ask();
  t.is(failed.status, 503, failed.text);
  t.regex(failed.text, /"code":"wake-failed".*crash-loop/s);
  t.regex(await cluster.kubectl(['rollout', 'undo', 'deployment/web', '-n', made.namespace]), /rolled back/);
  t.is(await made.annotation('rouse.dev/max-scale'), '3');
  t.is(await made.annotation('rouse.dev/enabled'), 'true');
  await until('it serves again', async () => (await made.ask()).status === 200, 30_000, rouse.errors);
  await made.untilReplicas(0, 40_000);
});

/** For a moment after a refusal requests are told of it without another try (`src/scaler/zero-failure.ts`). */
const pauseIsOver = (made: WorkloadScene): Promise<unknown> =>
  until('requests wake again', async () => !(await rouse.explain(made.namespace, 'web')).includes('"wakeFailure"'), 20_000, rouse.errors);

/** The API server hears of quotas and limits by a watch of its own: what it says to one more pod, `refusal`, or nothing where that is undefined. */
const untilPodsMeet = async ({ namespace }: WorkloadScene, refusal: RegExp | undefined): Promise<void> => {
  const containers = [{ name: 'app', image: 'none', resources: { limits: { memory: '128Mi' } } }];
  const answer = (): Promise<ApiAnswer> =>
    rouse.cluster.api('POST', `/api/v1/namespaces/${namespace}/pods?dryRun=All`, { metadata: { name: 'probe' }, spec: { containers } });
  await until(
    refusal === undefined ? 'pods are let in' : `pods meet ${String(refusal)}`,
    async () => {
      const { status, body } = await answer();
      return refusal === undefined ? status === 201 : refusal.test(JSON.stringify(body));
    },
    60_000,
    answer,
  );
};

const quota = (pods: number): object => ({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'small' }, spec: { hard: { pods: String(pods) } } });

/** A request that the quota refuses is told so early; the one after it was raised is served at once. */
const refusedThenServed = async (t: ExecutionContext, made: WorkloadScene): Promise<void> => {
  const refused = await made.ask();
  t.is(refused.status, 503, refused.text);
  t.regex(refused.text, /"code":"wake-failed"/);
  t.regex(refused.text, /exceeded quota: small/);
  // Held requests wait for a minute; this machine may have other things to do.
  t.true(refused.ms < 10_000, `told after ${Math.round(refused.ms)} ms`);
  await made.untilReplicas(0);
  await made.apply(quota(5));
  await untilPodsMeet(made, undefined);
  await pauseIsOver(made);
  const served = await made.ask();
  t.is(served.status, 200, served.text);
  t.true(served.ms < 15_000, `served after ${Math.round(served.ms)} ms`);
  t.log(`refused after ${Math.round(refused.ms)} ms, served after ${Math.round(served.ms)} ms`);
};

const untilQuotaCounts = async (made: WorkloadScene): Promise<void> => {
  await made.apply(quota(0));
  await untilPodsMeet(made, /exceeded quota: small/);
};

test('a ResourceQuota that forbids the pod is told early; after it was raised the next request wakes at once', async (t) => {
  const made = await scene(t);
  await made.untilTaken();
  await made.untilReplicas(0);
  await untilQuotaCounts(made);
  await refusedThenServed(t, made);
});

const statefulSet = (namespace: string): object => {
  const { spec, metadata } = deployment('web', { namespace, replicas: 2 }) as { readonly spec: object; readonly metadata: object };
  return { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata, spec: { ...spec, serviceName: 'web' } };
};

test('a StatefulSet sleeps, wakes, tells of a quota, and is handed back', async (t) => {
  const namespace = await rouse.cluster.namespace(t);
  const made = workloadScene(rouse, namespace, 'statefulset/web');
  await made.apply(service('web', namespace));
  await made.apply(statefulSet(namespace));
  await made.untilTaken();
  await made.untilReplicas(0, 40_000);
  const first = await made.ask();
  t.is(first.status, 200, first.text);
  t.regex(first.text, /"pod":"web-0"/);
  await made.untilReplicas(0, 40_000);
  await untilQuotaCounts(made);
  await refusedThenServed(t, made);
  await made.annotate('rouse.dev/enabled-');
  await made.untilBack();
  await made.untilReplicas(2);
});

test('a LimitRange that forbids the pod is told early, too', async (t) => {
  const made = await scene(t);
  await made.untilTaken();
  await made.untilReplicas(0);
  const limits = [{ type: 'Container', max: { memory: '64Mi' } }];
  await made.apply({ apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'small' }, spec: { limits } });
  await untilPodsMeet(made, /maximum memory usage per Container is 64Mi/);
  await rouse.cluster.kubectl(['set', 'resources', 'deployment/web', '-n', made.namespace, '--limits=memory=128Mi']);
  const refused = await made.ask();
  t.is(refused.status, 503, refused.text);
  t.regex(refused.text, /wake-failed/);
  t.regex(refused.text, /maximum memory usage per Container is 64Mi/);
  // Until the wake that failed is taken back, requests are told of it.
  await made.untilReplicas(0);
  await rouse.cluster.kubectl(['delete', 'limitrange/small', '-n', made.namespace]);
  await untilPodsMeet(made, undefined);
  await pauseIsOver(made);
  const served = await made.ask();
  t.is(served.status, 200, served.text);
});
