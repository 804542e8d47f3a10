import { isAbort, seconds } from '../core/index.ts';
import type { KubeClient, ScaleState } from './client.ts';
import { parseLabelSelector } from './label-selector.ts';
import { workloadView } from './mappers/workload.ts';
import type { Refusal } from './outcome.ts';
import type { ReflectorStore } from './reflector-store.ts';
import { Reflector } from './reflector.ts';
import { SnapshotStore, snapshotKey, type Entry } from './snapshot-store.ts';
import type { WorkloadView } from './views.ts';
import type { ResourceWatch, WatchOptions } from './watch-options.ts';

export interface ScaledKindOptions extends Omit<WatchOptions<WorkloadView>, 'view'> {
  /** As in `allow-kinds`: `widgets.example.com`. */
  readonly name: string;
  readonly client: Pick<KubeClient, 'readScale'>;
  /** Which objects are worth a request for their `/scale`; one that was, stays so until it is deleted. */
  readonly concerns: (view: WorkloadView) => boolean;
  /** Told when `/scale` of an object cannot be read. */
  readonly onRefusal: (refusal: Refusal) => void;
}

/**
 * Watches a kind of which nothing is known but that it has `/scale`: where its count and its selector stand, only that sub-resource tells, so it is read when
 * the object is new, when its spec has changed (the count is part of that: KEP-2876, `specReplicasPath`) and while it names no selector yet.
 * The snapshot has only the objects that concern us.
 */
export const watchScaledKind = (options: ScaledKindOptions): ResourceWatch<WorkloadView> => {
  const store = new SnapshotStore<WorkloadView>((problem) => {
    options.logger.error('a listener of a snapshot threw', { resource: options.resource.plural, problem });
  });
  const scaled = new ScaledObjects(options, store);
  const reflector = new Reflector({ ...options, view: customView(options.name) }, scaled, () => {
    scaled.listed();
  });
  return {
    snapshot: store,
    run: async (signal) => {
      scaled.start(signal);
      await reflector.run(signal);
    },
    lastHeard: () => reflector.lastHeard(),
    counts: () => reflector.counts(),
  };
};

/** A kind that does not say what its controller has seen is taken to have seen everything. */
const customView = (name: string): ((raw: unknown) => WorkloadView) => {
  const view = workloadView(name);
  return (raw) => {
    const seen = view(raw);
    return { ...seen, observedGeneration: seen.observedGeneration === 0 ? seen.generation : seen.observedGeneration };
  };
};

/** Requests for `/scale` at once. */
const mostReads = 8;
const retryPause = seconds(2);

interface Scaled {
  entry: Entry<WorkloadView>;
  /** What `/scale` said last, and at which generation of the object. */
  scale: { readonly state: ScaleState; readonly generation: number } | undefined;
  /** A read is under way or waiting. */
  reading: boolean;
}

/** Stands between the reflector and the snapshot: an object comes out once its `/scale` is known. */
class ScaledObjects implements ReflectorStore<WorkloadView> {
  readonly #options: ScaledKindOptions;
  readonly #out: SnapshotStore<WorkloadView>;
  readonly #objects = new Map<string, Scaled>();
  readonly #waiting: string[] = [];
  readonly #unread = new Set<string>();
  #reads = 0;
  #isListed = false;
  #signal: AbortSignal | undefined;

  constructor(options: ScaledKindOptions, out: SnapshotStore<WorkloadView>) {
    this.#options = options;
    this.#out = out;
  }

  start(signal: AbortSignal): void {
    this.#signal = signal;
  }

  /** The first list is in: the snapshot is whole when all that it brought is read. */
  listed(): void {
    this.#isListed = true;
    this.#settled();
  }

  entry(namespace: string, name: string): Entry<WorkloadView> | undefined {
    return this.#objects.get(snapshotKey(namespace, name))?.entry;
  }

  set(entry: Entry<WorkloadView>): void {
    const key = snapshotKey(entry.namespace, entry.name);
    let known = this.#objects.get(key);
    if (known !== undefined && known.entry.uid !== entry.uid) {
      this.delete(entry.namespace, entry.name);
      known = undefined;
    }
    if (known === undefined) {
      if (!this.#options.concerns(entry.value)) return;
      known = { entry, scale: undefined, reading: false };
      this.#objects.set(key, known);
      if (!this.#isListed) this.#unread.add(key);
    } else known.entry = entry;
    if (known.scale === undefined || known.scale.generation !== entry.value.generation || known.scale.state.selector === '') this.#wantRead(key, known);
    else this.#tell(known);
  }

  delete(namespace: string, name: string): void {
    const key = snapshotKey(namespace, name);
    if (!this.#objects.delete(key)) return;
    this.#out.delete(namespace, name);
    this.#read(key);
  }

  replace(entries: readonly Entry<WorkloadView>[]): void {
    const present = new Set(entries.map(({ namespace, name }) => snapshotKey(namespace, name)));
    for (const [key, { entry }] of [...this.#objects]) if (!present.has(key)) this.delete(entry.namespace, entry.name);
    for (const entry of entries) {
      const known = this.entry(entry.namespace, entry.name);
      if (known?.uid !== entry.uid || known.resourceVersion !== entry.resourceVersion) this.set(entry);
    }
  }

  #wantRead(key: string, scaled: Scaled): void {
    if (scaled.reading) return;
    scaled.reading = true;
    this.#waiting.push(key);
    this.#next();
  }

  #next(): void {
    while (this.#reads < mostReads) {
      const key = this.#waiting.shift();
      if (key === undefined) return;
      const scaled = this.#objects.get(key);
      if (scaled === undefined) continue;
      this.#reads++;
      void this.#readScale(key, scaled).finally(() => {
        this.#reads--;
        this.#next();
      });
    }
  }

  async #readScale(key: string, scaled: Scaled): Promise<void> {
    const { resource, client, logger, onRefusal } = this.#options;
    const { generation } = scaled.entry.value;
    try {
      const answer = await client.readScale(resource, scaled.entry, this.#signal);
      scaled.reading = false;
      if (this.#objects.get(key) !== scaled) return;
      if (answer.ok) {
        // It has changed again while we asked: what we were told may be from before or after.
        if (scaled.entry.value.generation !== generation) this.#wantRead(key, scaled);
        else {
          scaled.scale = { state: answer.value, generation };
          this.#tell(scaled);
        }
      } else if (answer.problem.kind !== 'not-found') {
        onRefusal(answer.problem);
        this.#retry(key, scaled);
      }
    } catch (problem) {
      if (isAbort(problem)) return;
      logger.error('reading /scale failed', { resource: resource.plural, object: key, problem });
      scaled.reading = false;
      this.#retry(key, scaled);
    } finally {
      this.#read(key);
    }
  }

  #retry(key: string, scaled: Scaled): void {
    this.#options.clock.after(retryPause, () => {
      if (this.#objects.get(key) === scaled && this.#signal?.aborted !== true) this.#wantRead(key, scaled);
    });
  }

  #read(key: string): void {
    if (this.#unread.delete(key)) this.#settled();
  }

  #settled(): void {
    if (this.#isListed && this.#unread.size === 0) this.#out.markSynced();
  }

  #tell({ entry, scale }: Scaled): void {
    if (scale === undefined) return;
    const selector = parseLabelSelector(scale.state.selector) ?? { matchLabels: {}, matchExpressions: [] };
    const podLabels = Object.keys(entry.value.podLabels).length > 0 ? entry.value.podLabels : selector.matchLabels;
    this.#out.set({ ...entry, value: { ...entry.value, specReplicas: scale.state.replicas, selector, podLabels } });
  }
}
