import { isAbort, seconds, type Clock, type Logger } from '../core/index.ts';
import { resources, type KindDiscovery, type ReflectorState, type Refusal, type Resource, type ResourceWatch, type WorkloadView } from '../kube/index.ts';
import type { WorkloadRegistry } from './registry.ts';

/** A kind that may be a workload. */
export interface WorkloadKind {
  /** As in `allow-kinds`: `deployments.apps`, `widgets.example.com`. */
  readonly name: string;
  readonly resource: Resource;
}

/** What a watch of a kind tells beside its snapshot. */
export interface KindListener {
  readonly onState: (state: ReflectorState) => void;
  /** `/scale` of an object could not be read. */
  readonly onRefusal: (refusal: Refusal) => void;
}

export interface WorkloadKindsPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly discover: KindDiscovery;
  /** A watch of a kind that only `/scale` tells of (`watchScaledKind`). */
  readonly watch: (kind: WorkloadKind, listener: KindListener) => Pick<ResourceWatch<WorkloadView>, 'snapshot' | 'run'>;
  readonly registry: Pick<WorkloadRegistry, 'config' | 'onConfig' | 'values' | 'subscribe' | 'addKind' | 'removeKind'>;
  /** Resolves when `rouse-config` was read. */
  readonly configSynced: Promise<unknown>;
}

/** The kinds that we know without asking; they are watched by others, always. */
const builtInKinds: readonly WorkloadKind[] = [
  { name: 'deployments.apps', resource: resources.deployments },
  { name: 'statefulsets.apps', resource: resources.statefulSets },
];

/** Where objects of a built-in kind live; undefined for any other. */
export const builtInResource = (name: string): Resource | undefined => builtInKinds.find((kind) => kind.name === name)?.resource;

/** Before a kind that is not there, or cannot be used, is looked for again. */
const lookPeriod = seconds(15);

interface Followed {
  readonly name: string;
  readonly stop: AbortController;
  resource: Resource | undefined;
  problem: string | undefined;
  /** Nothing more is to be waited for at the start: its objects are in, or it is known why they cannot be. */
  readonly settled: Promise<unknown>;
  readonly settle: () => void;
}

/**
 * Keeps the kinds of `allow-kinds` watched beyond Deployments and StatefulSets: finds out where they live, follows them as long as they are listed or
 * something of them is to be handed back, and says what is missing. A kind that cannot be used does not hold up the others.
 */
export class WorkloadKinds {
  readonly synced: Promise<void>;
  readonly #ports: WorkloadKindsPorts;
  readonly #followed = new Map<string, Followed>();
  readonly #listeners = new Set<() => void>();
  readonly #problemListeners = new Set<(kind: string, problem: string) => void>();
  readonly #runs = new Set<Promise<void>>();
  #signal: AbortSignal | undefined;
  #onFirst: (() => void) | undefined;

  constructor(ports: WorkloadKindsPorts) {
    this.#ports = ports;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#onFirst = () => {
      resolve(undefined);
    };
    this.synced = promise.then(() => Promise.all([...this.#followed.values()].map(({ settled }) => settled))).then(() => undefined);
  }

  /** Where the objects of a kind live; undefined where that is not known, or not (any more) allowed. */
  resourceOf(name: string): Resource | undefined {
    return builtInResource(name) ?? this.#followed.get(name)?.resource;
  }

  /** What is allowed and there. */
  kinds(): readonly WorkloadKind[] {
    return this.#ports.registry.config.allowKinds.flatMap((name) => {
      const resource = this.resourceOf(name);
      return resource === undefined ? [] : [{ name, resource }];
    });
  }

  /** Why some of the kinds that are listed are of no use at the moment. */
  problems(): readonly { readonly kind: string; readonly problem: string }[] {
    return [...this.#followed.values()].flatMap(({ name, problem }) => (problem === undefined ? [] : [{ kind: name, problem }]));
  }

  /** `listener` runs when `kinds` may have changed; it must not throw. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** `listener` runs for each new problem of a kind; it must not throw. */
  onProblem(listener: (kind: string, problem: string) => void): () => void {
    this.#problemListeners.add(listener);
    return () => this.#problemListeners.delete(listener);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { registry, configSynced } = this.#ports;
    await Promise.race([configSynced, aborted(signal)]);
    if (signal.aborted) return;
    this.#signal = signal;
    this.#follow();
    this.#onFirst?.();
    const stops = [registry.onConfig(this.#follow), registry.subscribe(this.#endUnused)];
    await aborted(signal);
    for (const stop of stops) stop();
    await Promise.all(this.#runs);
  }

  readonly #follow = (): void => {
    const signal = this.#signal;
    if (signal === undefined || signal.aborted) return;
    for (const name of this.#ports.registry.config.allowKinds) if (builtInResource(name) === undefined && !this.#followed.has(name)) this.#begin(name, signal);
    this.#endUnused();
    this.#changed();
  };

  /** A kind that is no longer listed goes when nothing of it is left to hand back. */
  readonly #endUnused = (): void => {
    if (this.#followed.size === 0) return;
    const { registry } = this.#ports;
    const unlisted = [...this.#followed.keys()].filter((name) => !registry.config.allowKinds.includes(name));
    if (unlisted.length === 0) return;
    const used = new Set([...registry.values()].map(({ ref }) => ref.resource));
    for (const name of unlisted) {
      if (used.has(name)) continue;
      this.#followed.get(name)?.stop.abort();
      this.#followed.delete(name);
      this.#changed();
    }
  };

  #begin(name: string, signal: AbortSignal): void {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const settle = (): void => {
      resolve(undefined);
    };
    const followed: Followed = { name, stop: new AbortController(), resource: undefined, problem: undefined, settled: promise, settle };
    this.#followed.set(name, followed);
    const run = this.#run(followed, AbortSignal.any([signal, followed.stop.signal]))
      .catch((problem: unknown) => {
        if (!isAbort(problem)) this.#ports.logger.error('following a kind failed', { kind: name, problem });
      })
      .finally(() => {
        settle();
        this.#runs.delete(run);
      });
    this.#runs.add(run);
  }

  /** One turn is one of two things: the kind cannot be used, and is looked for again later; or it is watched until it goes. */
  async #run(followed: Followed, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const found = await this.#ports.discover(followed.name, signal);
      const unusable = found.ok ? whyUnusable(found.value) : undefined;
      if (found.ok && found.value !== undefined && unusable === undefined) await this.#watch(followed, found.value.resource, signal);
      else {
        this.#problem(followed, unusable ?? `it cannot be looked up: ${found.ok ? '' : found.problem.message}`);
        if (found.ok) followed.settle();
        await this.#ports.clock.sleep(lookPeriod, signal);
      }
    }
  }

  async #watch(followed: Followed, resource: Resource, signal: AbortSignal): Promise<void> {
    const { registry, watch } = this.#ports;
    const { name } = followed;
    const gone = new AbortController();
    const until = AbortSignal.any([signal, gone.signal]);
    const watched = watch(
      { name, resource },
      {
        onState: (state) => {
          if (state.phase === 'watching') followed.problem = undefined;
          else if (state.phase === 'waiting' && state.failures > 1) this.#outOfTouch(followed, state, resource, gone, until);
        },
        onRefusal: ({ message }) => {
          this.#problem(followed, `its /scale cannot be read: ${message}`);
        },
      },
    );
    void watched.snapshot.synced.then(followed.settle);
    registry.addKind(watched.snapshot);
    followed.resource = resource;
    this.#changed();
    try {
      await watched.run(until);
    } finally {
      if (gone.signal.aborted || followed.stop.signal.aborted) registry.removeKind(watched.snapshot);
      followed.resource = undefined;
      this.#changed();
    }
  }

  /** Whether the kind is still there, or lives elsewhere by now; what the API server says otherwise is its problem. */
  #outOfTouch(followed: Followed, { problem, status }: ReflectorState, resource: Resource, gone: AbortController, signal: AbortSignal): void {
    this.#problem(followed, `it cannot be followed: ${problem ?? 'the API server is out of touch'}`);
    // Nobody needs to wait for rights that may never be given; for an API server that is away, everybody waits.
    if (status === 403) followed.settle();
    this.#ports.discover(followed.name, signal).then(
      (found) => {
        if (found.ok && (found.value?.hasScale !== true || found.value.resource.version !== resource.version)) gone.abort();
      },
      () => undefined,
    );
  }

  #problem(followed: Followed, problem: string): void {
    if (followed.problem === problem) return;
    followed.problem = problem;
    this.#ports.logger.warn('a kind of allow-kinds cannot be used', { kind: followed.name, problem });
    for (const listener of this.#problemListeners) listener(followed.name, problem);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

const whyUnusable = (found: { readonly resource: Resource; readonly hasScale: boolean } | undefined): string | undefined => {
  if (found === undefined) return 'the API server has no such kind; install its CustomResourceDefinition';
  if (!found.hasScale) return `${found.resource.kind} has no sub-resource /scale`;
  return found.resource.namespaced ? undefined : `${found.resource.kind} is not namespaced`;
};

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      resolve();
    };
    if (signal.aborted) done();
    else signal.addEventListener('abort', done, { once: true });
  });
