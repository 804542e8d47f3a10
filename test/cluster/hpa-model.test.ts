import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { hpaSync, initialHpaState, type HpaPod, type HpaRules, type HpaSpec } from '../../src/cli/simulate/hpa-model.ts';
import { until } from '../support/until.ts';
import { clusterOf, type Cluster } from './harness/cluster.ts';
import { servePodsMetrics, type PodValues } from './harness/pods-metrics-api.ts';

/** One HorizontalPodAutoscaler and what it is shown. Its syncs are 2 s apart (`harness/control-plane.ts`): windows are odd numbers of seconds, so that no event is just at an edge. */
interface Trace {
  readonly name: string;
  /** The sum over all pods, by sync; the last one stays. */
  readonly load: readonly number[];
  readonly start: number;
  readonly max: number;
  readonly up: HpaRules;
  readonly down: HpaRules;
  /** A pod is Pending for so many syncs. */
  readonly startsFor?: number;
  /** Of so many running pods nothing is said. */
  readonly silent?: (sync: number) => number;
}

const target = 2;
const syncs = 13;
const percent = (value: number, periodMs: number): HpaRules['policies'][number] => ({ type: 'Percent', value, periodMs });
const count = (value: number, periodMs: number): HpaRules['policies'][number] => ({ type: 'Pods', value, periodMs });
const fast = { stabilizationMs: 0, policies: [percent(900, 3000)] };

const traces: readonly Trace[] = [
  {
    name: 'rise',
    load: [4, 4, 40, 40, 40, 40, 40, 60],
    start: 2,
    max: 26,
    up: { stabilizationMs: 0, policies: [count(4, 5000), percent(100, 5000)] },
    down: fast,
  },
  { name: 'fall', load: [20, 20, 3, 3, 3, 14, 3], start: 10, max: 20, up: fast, down: { stabilizationMs: 5000, policies: [percent(50, 3000)] } },
  {
    name: 'edge',
    load: [8, 8.7, 8.9, 7.3, 7.1, 5.5, 6.7, 6.4, 9, 9.9, 10.1, 12],
    start: 4,
    max: 20,
    up: { ...fast, stabilizationMs: 3000 },
    down: { ...fast, stabilizationMs: 3000 },
  },
  {
    name: 'slow',
    load: [4, 12, 12, 12, 18, 18, 9, 9, 9, 2],
    start: 2,
    max: 20,
    up: fast,
    down: { stabilizationMs: 0, policies: [count(2, 3000)] },
    startsFor: 2,
  },
  { name: 'silent', load: [8, 8, 16, 16, 5, 5, 5, 16], start: 4, max: 20, up: fast, down: fast, silent: (sync) => [1, 2, 1, 2, 1, 2, 99][sync % 7] ?? 0 },
];

interface Sync {
  readonly at: number;
  readonly replicas: number;
  readonly pods: readonly HpaPod[];
}

interface PodObject {
  readonly metadata: { readonly name: string; readonly creationTimestamp: string };
  readonly status: { readonly phase: string };
}

interface DeploymentObject {
  readonly spec: { readonly replicas: number };
  readonly status: { readonly replicas?: number; readonly readyReplicas?: number };
}

/** A workload whose pods no node has: they run when the trace says so. */
class Scene {
  readonly syncs: Sync[] = [];
  readonly #seen = new Map<string, number>();
  readonly #cluster: Cluster;
  readonly #namespace: string;
  readonly trace: Trace;
  /** Pods that are being started. */
  #starting: Promise<void> = Promise.resolve();

  constructor(cluster: Cluster, namespace: string, trace: Trace) {
    [this.#cluster, this.#namespace, this.trace] = [cluster, namespace, trace];
  }

  async make(): Promise<void> {
    const { name, start } = this.trace;
    const labels = { app: name };
    const pod = { schedulerName: 'nobody', terminationGracePeriodSeconds: 0, containers: [{ name: 'app', image: 'none' }] };
    const spec = { replicas: start, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod } };
    const answer = await this.#cluster.api('POST', `/apis/apps/v1/namespaces/${this.#namespace}/deployments`, { metadata: { name }, spec });
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
    await until(`${name} has its pods`, async () => (await this.#pods()).length === start, 20_000);
    await this.#startPods(0);
  }

  async autoscale(): Promise<void> {
    const { name, max, up, down } = this.trace;
    const spec = {
      minReplicas: 1,
      maxReplicas: max,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      metrics: [{ type: 'Pods', pods: { metric: { name: 'load' }, target: { type: 'AverageValue', averageValue: String(target) } } }],
      behavior: { scaleUp: rulesOf(up), scaleDown: rulesOf(down) },
    };
    const answer = await this.#cluster.api('POST', `/apis/autoscaling/v2/namespaces/${this.#namespace}/horizontalpodautoscalers`, { metadata: { name }, spec });
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
  }

  /** One sync: what there is is noted, and what the trace says is told. Half a sync later pods start whose time has come, and the controller sees them before the next one. */
  async values(): Promise<PodValues> {
    const { load, silent } = this.trace;
    await this.#starting;
    const sync = this.syncs.length;
    const { replicas, pods } = await until(`${this.trace.name} is as its controllers see it`, () => this.#settled(), 30_000);
    const running = pods.filter(({ status }) => status.phase === 'Running').map(({ metadata }) => metadata.name);
    const told = running.slice(silent?.(sync) ?? 0);
    const milli = Math.round(((load[Math.min(sync, load.length - 1)] ?? 0) * 1000) / Math.max(1, told.length));
    this.syncs.push({
      at: Date.now(),
      replicas,
      pods: pods.map(({ metadata: { name } }) => ({ phase: running.includes(name) ? 'running' : 'pending', milli: told.includes(name) ? milli : undefined })),
    });
    if (sync < syncs) this.#starting = sleep(1000).then(() => this.#startPods(this.trace.startsFor ?? 0));
    return Object.fromEntries(told.map((name) => [name, milli]));
  }

  async #startPods(after: number): Promise<void> {
    for (const { metadata, status } of await this.#pods()) {
      const looks = this.#seen.get(metadata.name) ?? 0;
      this.#seen.set(metadata.name, looks + 1);
      if (status.phase !== 'Pending' || looks < after) continue;
      const running = { phase: 'Running', startTime: metadata.creationTimestamp, conditions: [{ type: 'Ready', status: 'True' }] };
      await this.#cluster.api.patch(`/api/v1/namespaces/${this.#namespace}/pods/${metadata.name}/status`, { status: running });
    }
  }

  /** What there is, once the controllers have made the pods that are wanted and have seen those that run: they see pods by the same watch as the autoscaler does. */
  async #settled(): Promise<{ readonly replicas: number; readonly pods: readonly PodObject[] } | undefined> {
    const [{ spec, status }, pods] = await Promise.all([this.#deployment(), this.#pods()]);
    const running = pods.filter((pod) => pod.status.phase === 'Running').length;
    const isSeen = pods.length === spec.replicas && status.replicas === pods.length && (status.readyReplicas ?? 0) === running;
    return isSeen ? { replicas: spec.replicas, pods } : undefined;
  }

  async #pods(): Promise<readonly PodObject[]> {
    const { body } = await this.#cluster.api('GET', `/api/v1/namespaces/${this.#namespace}/pods?labelSelector=app%3D${this.trace.name}`);
    return body['items'] as readonly PodObject[];
  }

  async #deployment(): Promise<DeploymentObject> {
    return (await this.#cluster.api('GET', `/apis/apps/v1/namespaces/${this.#namespace}/deployments/${this.trace.name}`)).body as unknown as DeploymentObject;
  }
}

const rulesOf = ({ stabilizationMs, policies }: HpaRules): object => ({
  stabilizationWindowSeconds: stabilizationMs / 1000,
  policies: policies.map(({ type, value, periodMs }) => ({ type, value, periodSeconds: periodMs / 1000 })),
});

/** The controller takes the time when it has its answers and when it has written, we when we are asked: on a busy machine that is as much later. */
const slackMs = 700;

const shifted = (rules: HpaRules, by: number): HpaRules => ({
  stabilizationMs: Math.max(0, rules.stabilizationMs + (rules.stabilizationMs === 0 ? 0 : by)),
  policies: rules.policies.map((policy) => ({ ...policy, periodMs: policy.periodMs + by })),
});

/** What the model makes of each sync; where a window ended at about that time, whichever of both answers was given. */
const modelled = ({ trace, syncs: seen }: Scene, decided: readonly number[]): readonly number[] => {
  const { max, up, down } = trace;
  let state = initialHpaState;
  return decided.map((answer, index) => {
    const sync = seen[index];
    if (sync === undefined) throw new Error(`no sync ${index}`);
    const either = [0, slackMs, -slackMs].map((by) => {
      const spec: HpaSpec = { min: 1, max, targetMilli: target * 1000, tolerance: 0.1, up: shifted(up, by), down: shifted(down, by) };
      return hpaSync(state, sync.replicas, sync.pods, spec, sync.at);
    });
    const [exact] = either;
    const next = either.find(({ replicas }) => replicas === answer) ?? exact;
    if (next === undefined) throw new Error('there is no answer');
    state = next.state;
    return next.replicas;
  });
};

test('the model of a HorizontalPodAutoscaler decides as kube-controller-manager does, on five traces', async (t) => {
  const cluster = await clusterOf(t);
  const namespace = await cluster.namespace(t);
  const scenes = traces.map((trace) => new Scene(cluster, namespace, trace));
  await Promise.all(scenes.map((scene) => scene.make()));
  await servePodsMetrics(t, cluster, namespace, (app) => scenes.find(({ trace }) => trace.name === app)?.values() ?? Promise.resolve({}));
  await Promise.all(scenes.map((scene) => scene.autoscale()));
  const told = (): unknown => scenes.map(({ trace, syncs: seen }) => [trace.name, seen.length]);
  await until('every trace was played', () => scenes.every(({ syncs: seen }) => seen.length > syncs), 120_000, told);
  for (const scene of scenes) {
    const decided = scene.syncs.slice(1, syncs + 1).map(({ replicas }) => replicas);
    t.deepEqual(modelled(scene, decided), decided, `${scene.trace.name}: ${JSON.stringify(scene.syncs)}`);
    t.true(new Set(decided).size > 1, `${scene.trace.name} is not one count all the time: ${decided.join(' ')}`);
    t.log(scene.trace.name, decided.join(' '));
  }
});
