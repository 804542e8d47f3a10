import { failed, type ManualClock, ok, systemNamespace, type Result } from '../../core/index.ts';
import {
  SnapshotStore,
  type ConfigMapView,
  type KubeClient,
  type KubeObject,
  type NamespaceView,
  type PodView,
  type Refusal,
  type WorkloadView,
} from '../../kube/index.ts';
import { podOf, start, viewOf } from './views.ts';

const refusal = (kind: Refusal['kind'], message: string = kind): Result<never, Refusal> =>
  failed({ kind, message, status: undefined, retryAfterMs: undefined });

const fail = (problem: unknown): void => {
  throw problem;
};

/** The API server and the Deployment controller, as far as the scaler meets them. */
export class FakeCluster {
  readonly workloads = new SnapshotStore<WorkloadView>(fail);
  readonly pods = new SnapshotStore<PodView>(fail);
  readonly namespaces = new SnapshotStore<NamespaceView>(fail);
  readonly configMaps = new SnapshotStore<ConfigMapView>(fail);
  /** Every write, in order, as a sentence. */
  readonly writes: string[] = [];
  readonly hpas: (KubeObject & { readonly spec?: unknown })[] = [];
  /** The next answers to writes of `/scale`. */
  readonly refusals: Refusal['kind'][] = [];
  /** The next answers to creations. */
  readonly creationRefusals: Refusal['kind'][] = [];
  /** Pods get ready at once; false: they stay as they are made. */
  podsGetReady = true;
  /** A quota that refuses every pod. */
  quota = false;
  /** A new count does not take back what is said of the old one. */
  conditionsStay = false;
  /** False: nobody makes or removes pods. */
  makesPods = true;
  /** The watch of workloads lags: changes are told on `catchUp`. */
  lagging = false;
  /** Answers to writes of `/scale` that were done leave when this resolves. */
  answering: Promise<unknown> = Promise.resolve();
  readonly #clock: ManualClock;
  #version = 10;
  #pods = 0;
  #late: (() => void)[] = [];

  constructor(clock: ManualClock) {
    this.#clock = clock;
    for (const store of [this.workloads, this.pods, this.namespaces, this.configMaps]) store.markSynced();
  }

  get view(): WorkloadView {
    const view = this.workloads.get('default/hello');
    if (view === undefined) throw new Error('there is no workload hello');
    return view;
  }

  /** Changes the workload as its user, or a controller, would. */
  put(over: Partial<WorkloadView>): void {
    const base = this.workloads.get(`${over.namespace ?? 'default'}/${over.name ?? 'hello'}`) ?? viewOf({ annotations: {} });
    this.#store({ ...base, ...over });
    this.settlePods(over.name ?? 'hello');
  }

  annotate(annotations: Readonly<Record<string, string | null>>): void {
    this.#store({ ...this.view, annotations: merged(this.view.annotations, annotations) });
  }

  /** The data of ConfigMap rouse-config. */
  configure(data: Readonly<Record<string, string>>): void {
    this.#version += 1;
    const [name, uid, resourceVersion] = [{ namespace: systemNamespace, name: 'rouse-config' }, 'uid-config', String(this.#version)];
    const value = { ...name, uid, resourceVersion, labels: {}, annotations: {}, createdAt: start, deleting: false, data };
    this.configMaps.set({ ...name, uid, resourceVersion, value });
  }

  catchUp(): void {
    this.lagging = false;
    for (const tell of this.#late.splice(0)) tell();
  }

  /** Makes and removes pods as the count says. */
  settlePods(name = 'hello'): void {
    const view = this.workloads.get(`default/${name}`);
    if (view === undefined || !this.makesPods) return;
    const own = [...this.pods.values()].filter(({ labels }) => labels['app'] === view.podLabels['app']);
    for (const gone of own.slice(view.specReplicas)) this.pods.delete(gone.namespace, gone.name);
    if (this.quota) {
      if (view.specReplicas > 0) this.#condition('exceeded quota: pods');
      return;
    }
    for (let index = own.length; index < view.specReplicas; index++) {
      this.#pods += 1;
      const id = `${name}-${String(this.#pods)}`;
      this.setPod(podOf({ name: id, uid: `uid-${id}`, labels: view.podLabels, createdAt: this.#clock.now(), ready: this.podsGetReady }));
    }
  }

  setPod(pod: PodView): void {
    this.#version += 1;
    this.pods.set({
      namespace: pod.namespace,
      name: pod.name,
      uid: pod.uid,
      resourceVersion: String(this.#version),
      value: { ...pod, resourceVersion: String(this.#version) },
    });
  }

  /** Every pod of hello becomes what `over` says. */
  setPods(over: Partial<PodView>): void {
    for (const pod of [...this.pods.values()]) this.setPod({ ...pod, ...over });
  }

  /** kubectl scale. */
  scaleByHand(replicas: number, manager = 'kubectl'): void {
    this.put({ specReplicas: replicas, scaledBy: [{ manager, at: 0 }], isCountApplied: false });
  }

  /** kubectl apply of a manifest with this count, past a webhook that is down. */
  applyPastWebhook(replicas: number): void {
    this.put({ specReplicas: replicas, scaledBy: [], isCountApplied: true });
  }

  readonly client: Pick<KubeClient, 'get' | 'writeScale' | 'mergePatch' | 'list' | 'create' | 'delete'> = {
    get: async (_resource, { namespace = '', name }) => {
      await Promise.resolve();
      const view = this.workloads.get(`${namespace}/${name}`);
      return view === undefined ? refusal('not-found') : ok({ metadata: { resourceVersion: view.resourceVersion } } as never);
    },
    writeScale: async (_resource, { namespace = '', name }, replicas, resourceVersion, signal) => {
      signal?.throwIfAborted();
      const kind = this.refusals.shift();
      this.writes.push(`scale ${name} ${String(replicas)}${kind === undefined ? '' : ` (${kind})`}`);
      await Promise.resolve();
      if (kind !== undefined) return refusal(kind);
      const view = this.workloads.get(`${namespace}/${name}`);
      if (view === undefined) return refusal('not-found');
      if (resourceVersion !== undefined && resourceVersion !== view.resourceVersion) return refusal('conflict');
      const version = this.#store({
        ...view,
        specReplicas: replicas,
        generation: view.generation + 1,
        observedGeneration: view.generation + 1,
        conditions: this.conditionsStay ? view.conditions : [],
        // As kube-apiserver records it: nobody where the count becomes 0, and nobody while nobody is.
        scaledBy: replicas > 0 && (view.isCountApplied || view.scaledBy.length > 0) ? [{ manager: 'rouse', at: 0 }] : [],
        isCountApplied: false,
      });
      if (this.lagging)
        this.#late.push(() => {
          this.settlePods(name);
        });
      else this.settlePods(name);
      await this.answering;
      return ok({ replicas, resourceVersion: version, selector: 'app=hello' });
    },
    mergePatch: async (resource, { name }, patch) => {
      await Promise.resolve();
      const { annotations = {} } = (patch as { metadata: { annotations?: Readonly<Record<string, string | null>> } }).metadata;
      this.writes.push(`patch ${resource.plural} ${name} ${JSON.stringify(annotations)}`);
      if (resource.plural === 'pods') {
        const pod = this.pods.get(`default/${name}`);
        if (pod === undefined) return refusal('not-found');
        this.setPod({ ...pod, annotations: merged(pod.annotations, annotations) });
      } else if (resource.plural === 'horizontalpodautoscalers') {
        this.hpas.splice(0, 1, { ...this.hpas[0], metadata: { ...this.hpas[0]?.metadata, ...(patch as { metadata: KubeObject['metadata'] }).metadata } });
      } else {
        const view = this.workloads.get(`default/${name}`);
        if (view === undefined) return refusal('not-found');
        this.#store({ ...view, annotations: merged(view.annotations, annotations) });
      }
      return ok({ metadata: { resourceVersion: String(this.#version) } } as never);
    },
    list: async () => {
      await Promise.resolve();
      return ok({ items: this.hpas as never, resourceVersion: String(this.#version) });
    },
    create: async (resource, object) => {
      await Promise.resolve();
      const kind = this.creationRefusals.shift();
      this.writes.push(`create ${resource.plural} ${object.metadata?.name ?? ''}${kind === undefined ? '' : ` (${kind})`}`);
      if (kind !== undefined) return refusal(kind);
      this.hpas.push({ ...object, metadata: { ...object.metadata, managedFields: [{ manager: 'rouse', operation: 'Update' }] } });
      return ok(this.hpas.at(-1) as never);
    },
    delete: async (resource, { name }, { resourceVersion } = {}) => {
      await Promise.resolve();
      if (resourceVersion !== undefined && resourceVersion !== this.hpas[0]?.metadata?.resourceVersion) return refusal('conflict');
      this.writes.push(`delete ${resource.plural} ${name}`);
      this.hpas.length = 0;
      return ok(undefined);
    },
  };

  #condition(message: string): void {
    this.#store({
      ...this.view,
      observedGeneration: this.view.generation,
      conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }],
    });
  }

  #store(view: WorkloadView): string {
    this.#version += 1;
    const resourceVersion = String(this.#version);
    const tell = (): void => {
      this.workloads.set({ namespace: view.namespace, name: view.name, uid: view.uid, resourceVersion, value: { ...view, resourceVersion } });
    };
    if (this.lagging) this.#late.push(tell);
    else tell();
    return resourceVersion;
  }
}

const merged = (before: Readonly<Record<string, string>>, patch: Readonly<Record<string, string | null>>): Record<string, string> => {
  const after = { ...before };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(after, key);
    else after[key] = value;
  }
  return after;
};
