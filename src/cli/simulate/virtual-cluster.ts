import { annotation, failed, ok, type Clock, type Result } from '../../core/index.ts';
import { SnapshotStore, type KubeClient, type PodView, type Refusal, type WorkloadView } from '../../kube/index.ts';

export interface VirtualClusterOptions {
  readonly clock: Clock;
  readonly workload: WorkloadView;
  /** Draws how long the next pod takes to get ready, in ms. */
  readonly startTime: () => number;
  readonly podReady: (uid: string) => void;
  readonly podLeaves: (uid: string) => void;
}

/** The label by which the pods belong to their workload, whatever the manifest says. */
const label = 'simulated';

const fail = (problem: unknown): never => {
  throw problem;
};

const refuse = (kind: Refusal['kind']): Result<never, Refusal> => failed({ kind, message: kind, status: undefined, retryAfterMs: undefined });

/** One workload and its pods as the API server, the workload's controller and the kubelets would show them; a pod that is made gets ready after its start time. */
export class VirtualCluster {
  readonly workloads = new SnapshotStore<WorkloadView>(fail);
  readonly pods = new SnapshotStore<PodView>(fail);
  readonly #options: VirtualClusterOptions;
  readonly #name: string;
  /** Pods that start, and when each is ready; in order of creation. */
  readonly #starting = new Map<string, number>();
  #version = 1;
  #made = 0;

  constructor(options: VirtualClusterOptions) {
    this.#options = options;
    const { workload } = options;
    this.#name = workload.name;
    this.workloads.markSynced();
    this.pods.markSynced();
    const labels = { [label]: workload.name };
    this.#putWorkload({ ...workload, selector: { matchLabels: labels, matchExpressions: [] }, podLabels: labels });
    for (let count = 0; count < workload.specReplicas; count += 1) this.#make(0);
    this.advance();
  }

  get workload(): WorkloadView {
    return [...this.workloads.values()][0] ?? fail(new Error('the workload is gone'));
  }

  /** When the next pod gets ready, on the clock; Infinity while none starts. */
  get nextReadyAt(): number {
    return Math.min(Infinity, ...this.#starting.values());
  }

  /** Pods whose time has come get ready. */
  advance(): void {
    for (const [name, at] of this.#starting) {
      const pod = this.pods.get(`${this.#namespace}/${name}`);
      if (at > this.#options.clock.now() || pod === undefined) continue;
      this.#starting.delete(name);
      this.#putPod({ ...pod, phase: 'Running', ready: true });
      this.#options.podReady(pod.uid);
    }
  }

  /** The count is set: pods are made, or leave – as a ReplicaSet's controller chooses: those that are not ready, then the cheapest, then the youngest. */
  scale(replicas: number): void {
    const { workload } = this;
    if (replicas !== workload.specReplicas) this.#putWorkload({ ...workload, specReplicas: replicas, generation: workload.generation + 1 });
    const active = [...this.pods.values()].filter(({ deleting }) => !deleting);
    for (let count = active.length; count < replicas; count += 1) this.#make(this.#options.startTime());
    active.sort((a, b) => Number(a.ready) - Number(b.ready) || costOf(a) - costOf(b) || b.createdAt - a.createdAt || numberOf(b) - numberOf(a));
    for (const pod of active.slice(0, Math.max(0, active.length - replicas))) {
      this.#starting.delete(pod.name);
      this.#putPod({ ...pod, deleting: true });
      this.#options.podLeaves(pod.uid);
    }
  }

  /** A pod that left has ended its last request. */
  drained(uid: string): void {
    for (const pod of this.pods.values()) if (pod.uid === uid) this.pods.delete(pod.namespace, pod.name);
  }

  /** What the scaler calls. Nothing fails here, and nothing takes time. */
  readonly client: Pick<KubeClient, 'get' | 'writeScale' | 'mergePatch' | 'list' | 'create' | 'delete'> = {
    writeScale: (_resource, _name, replicas, resourceVersion) => {
      if (resourceVersion !== undefined && resourceVersion !== this.workload.resourceVersion) return Promise.resolve(refuse('conflict'));
      this.scale(replicas);
      return Promise.resolve(ok({ replicas, resourceVersion: this.workload.resourceVersion, selector: '' }));
    },
    mergePatch: (_resource, { name }, patch) => {
      const annotations = annotationsOf(patch);
      const pod = this.pods.get(`${this.#namespace}/${name}`);
      if (name === this.#name) this.#putWorkload({ ...this.workload, annotations: { ...this.workload.annotations, ...annotations } });
      else if (pod !== undefined) this.#putPod({ ...pod, annotations: { ...pod.annotations, ...annotations } });
      return Promise.resolve(ok({ metadata: { resourceVersion: String(this.#version) } } as never));
    },
    list: () => Promise.resolve(ok({ items: [], resourceVersion: String(this.#version) })),
    get: () => Promise.resolve(refuse('not-found')),
    create: () => Promise.resolve(refuse('forbidden')),
    delete: () => Promise.resolve(refuse('not-found')),
  };

  get #namespace(): string {
    return this.#options.workload.namespace;
  }

  #make(startMs: number): void {
    this.#made += 1;
    const now = this.#options.clock.now();
    const name = `${this.#name}-${this.#made}`;
    const { namespace } = this.#options.workload;
    this.#starting.set(name, now + startMs);
    this.#putPod({
      namespace,
      name,
      uid: name,
      resourceVersion: '',
      labels: { [label]: this.#name },
      annotations: {},
      createdAt: now,
      deleting: false,
      owner: undefined,
      phase: 'Pending',
      podIPs: [],
      nodeName: 'virtual',
      ready: false,
      scheduled: true,
      unschedulableMessage: undefined,
      hasReadinessGates: false,
      containers: [],
    });
  }

  #putWorkload(view: WorkloadView): void {
    const resourceVersion = String((this.#version += 1));
    const value = { ...view, resourceVersion, observedGeneration: view.generation };
    this.workloads.set({ namespace: view.namespace, name: view.name, uid: view.uid, resourceVersion, value });
  }

  #putPod(view: PodView): void {
    const resourceVersion = String((this.#version += 1));
    this.pods.set({ namespace: view.namespace, name: view.name, uid: view.uid, resourceVersion, value: { ...view, resourceVersion } });
  }
}

const costOf = ({ annotations }: PodView): number => Number(annotations[annotation.podDeletionCost] ?? 0);
const numberOf = ({ name }: PodView): number => Number(name.slice(name.lastIndexOf('-') + 1));

const annotationsOf = (patch: unknown): Readonly<Record<string, string>> => {
  const { metadata } = patch as { readonly metadata?: { readonly annotations?: Readonly<Record<string, string | null>> } };
  return Object.fromEntries(Object.entries(metadata?.annotations ?? {}).filter((entry): entry is [string, string] => entry[1] !== null));
};
