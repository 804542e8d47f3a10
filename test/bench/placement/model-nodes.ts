import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { silentLogger, systemClock, systemRandom } from '../../../src/core/index.ts';
import { loadKubeConfig, resources, watchResource } from '../../../src/kube/index.ts';
import type { Cluster, Scope } from '../../cluster/harness/cluster.ts';
import { until } from '../../support/until.ts';
import type { Workload } from './load.ts';
import type { Machine, SimulatedPod } from './machine.ts';
import { Machines } from './machines.ts';
import type { Settings } from './settings.ts';
import { Starts } from './starts.ts';

/** When a pod was first seen, and when it was told to be ready. */
export interface Start {
  readonly workload: Workload;
  readonly machine: Machine;
  readonly ms: number;
}

export interface ModelNodesOptions {
  readonly settings: Settings;
  readonly seed: number;
  /** Names begin with it, so that no node of one contestant is one of another. */
  readonly prefix: string;
  readonly namespace: string;
  readonly workloadOf: (pod: Pod) => Workload;
}

/**
 * Nodes of a real cluster, all in this process: their kubelets start nothing, but a pod is ready as late as the model of the simulation says, in real time.
 * Their status names the images that they have, as kubelets' do.
 */
export class ModelNodes {
  readonly #cluster: Cluster;
  readonly #options: ModelNodesOptions;
  readonly #begun = performance.now();
  readonly #starts: Starts;
  readonly #machines = new Map<string, Machine>();
  readonly #pods = new Map<string, { readonly pod: SimulatedPod; readonly object: Pod }>();
  readonly #seen = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  readonly #failed: (thrown: unknown) => void;
  /** Rejects with the first failure of a call. */
  readonly failure: Promise<never>;
  readonly finished: Start[] = [];

  constructor(cluster: Cluster, options: ModelNodesOptions) {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined);
    [this.#cluster, this.#options, this.failure, this.#failed] = [cluster, options, promise, reject];
    this.#starts = new Starts({
      settings: options.settings,
      work: ({ workload }) => workload.startWork,
      imagesChanged: (machine) => this.#spawn(this.#tellImages(machine)),
      ready: (pod) => this.#spawn(this.#tellReady(pod)),
    });
  }

  get pulls(): number {
    return this.#starts.pulled;
  }

  /** Resolves when all of them take pods. They are gone after `scope`. */
  async join(scope: Scope): Promise<void> {
    const { settings, seed, prefix, namespace } = this.#options;
    const { api } = this.#cluster;
    const abort = new AbortController();
    const pods = watchResource({
      connection: await loadKubeConfig({ kind: 'file', path: await this.#cluster.kubeconfig('admin') }),
      resource: resources.pods,
      selection: { namespace },
      view: (raw) => raw as Pod,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
    });
    pods.snapshot.subscribe((event) => this.#change(event.type === 'set' ? event.value : undefined, event.previous));
    const watching = pods.run(abort.signal);
    const machines = new Machines(settings, seed).bootAll();
    for (const machine of machines) {
      const name = `${prefix}${machine.slot}`;
      this.#machines.set(name, machine);
      await this.#created('/api/v1/nodes', nodeObject(name, machine, settings));
      await this.#created('/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases', leaseObject(name));
    }
    const renewal = setInterval(() => {
      for (const name of this.#machines.keys())
        this.#spawn(api.patch(`/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${name}`, { spec: { renewTime: microTime() } }));
    }, 10_000);
    scope.teardown(async () => {
      clearInterval(renewal);
      clearTimeout(this.#timer);
      abort.abort();
      await watching.catch(() => undefined);
      for (const name of this.#machines.keys()) await api('DELETE', `/api/v1/nodes/${name}`);
    });
    await until(
      'the nodes take pods',
      async () => {
        const { items } = (await api('GET', '/api/v1/nodes')).body as unknown as {
          readonly items: readonly { metadata: { name: string }; spec: { taints?: unknown } }[];
        };
        return items.filter(({ metadata, spec }) => this.#machines.has(metadata.name) && spec.taints === undefined).length === machines.length;
      },
      30_000,
    );
  }

  get #now(): number {
    return performance.now() - this.#begun;
  }

  #spawn(work: Promise<unknown>): void {
    work.catch(this.#failed);
  }

  async #created(path: string, body: object): Promise<void> {
    const { status, body: answer } = await this.#cluster.api('POST', path, body);
    if (status !== 201) throw new Error(`${path}: ${JSON.stringify(answer)}`);
  }

  #change(object: Pod | undefined, previous: Pod | undefined): void {
    const uid = (object ?? previous)?.metadata?.uid ?? '';
    if (!this.#seen.has(uid)) this.#seen.set(uid, this.#now);
    const machine = this.#machines.get(object?.spec?.nodeName ?? '');
    const known = this.#pods.get(uid);
    this.#move(() => {
      if (object === undefined && known !== undefined) {
        known.pod.machine?.remove(known.pod, this.#now);
        this.#starts.end(known.pod);
        this.#pods.delete(uid);
      } else if (object !== undefined && machine !== undefined && known === undefined) {
        const pod = this.#podOf(object, machine);
        this.#pods.set(uid, { pod, object });
        machine.add(pod);
        this.#starts.begin(pod, machine);
      }
    });
  }

  /** What goes on until now is done before anything changes, and again when the next of it is due. */
  #move(change: () => void = () => undefined): void {
    clearTimeout(this.#timer);
    for (const now = this.#now; this.#starts.nextAt <= now;) {
      this.#starts.advance(this.#starts.nextAt);
      this.#starts.refresh();
    }
    this.#starts.advance(this.#now);
    change();
    this.#starts.refresh();
    const wait = this.#starts.nextAt - this.#now;
    if (Number.isFinite(wait)) this.#timer = setTimeout(() => this.#move(), Math.max(1, wait));
  }

  #podOf(object: Pod, machine: Machine): SimulatedPod {
    const { uid = '', name = '' } = object.metadata ?? {};
    const image = object.spec?.containers[0]?.image ?? '';
    const workload = this.#options.workloadOf(object);
    return { uid, name, workload, revision: 1, image, createdAt: this.#seen.get(uid) ?? this.#now, isWake: true, machine, isReady: false, readyAt: 0 };
  }

  async #tellReady(pod: SimulatedPod): Promise<void> {
    Object.assign(pod, { isReady: true, readyAt: this.#now });
    const { namespace } = this.#options;
    const time = `${new Date().toISOString().slice(0, 19)}Z`;
    const conditions = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({ type, status: 'True', lastTransitionTime: time }));
    const container = { name: 'app', image: pod.image, imageID: '', ready: true, restartCount: 0, state: { running: { startedAt: time } } };
    const status = { phase: 'Running', startTime: time, conditions, containerStatuses: [container] };
    const answer = await this.#cluster.api.patch(`/api/v1/namespaces/${namespace}/pods/${pod.name}/status`, { status });
    if (answer.status !== 200 && answer.status !== 404) throw new Error(`${pod.name}: ${JSON.stringify(answer.body)}`);
    this.finished.push({ workload: pod.workload, machine: pod.machine!, ms: this.#now - pod.createdAt });
  }

  async #tellImages(machine: Machine): Promise<void> {
    const [name = ''] = [...this.#machines].find(([, each]) => each === machine) ?? [];
    const images = machine.namedImages.map((image) => ({ names: [image], sizeBytes: Math.round(machine.images.get(image) ?? 0) }));
    const answer = await this.#cluster.api.patch(`/api/v1/nodes/${name}/status`, { status: { images } });
    if (answer.status !== 200 && answer.status !== 404) throw new Error(`${name}: ${JSON.stringify(answer.body)}`);
  }
}

const microTime = (): string => new Date().toISOString().replace('Z', '000Z');

const leaseObject = (name: string): object => ({
  metadata: { name },
  spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime: microTime() },
});

const nodeObject = (name: string, { slot, zone }: Machine, { cores, memory }: Settings): object => {
  const amount = { cpu: String(cores), memory: String(memory), pods: '110' };
  const time = { lastHeartbeatTime: new Date().toISOString(), lastTransitionTime: new Date().toISOString() };
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': zone } },
    status: {
      capacity: amount,
      allocatable: amount,
      addresses: [{ type: 'InternalIP', address: `10.77.100.${slot + 1}` }],
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '', ...time }],
    },
  };
};
