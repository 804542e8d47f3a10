import { isAbort, type Instant } from '../core/index.ts';
import { Backoff } from './backoff.ts';
import { ChosenNamespaces } from './chosen-namespaces.ts';
import { at, text } from './reader.ts';
import { Reflector } from './reflector.ts';
import type { SnapshotStore } from './snapshot-store.ts';
import { defaultTiming, type ReflectorCounts, type WatchOptions } from './watch-options.ts';

/** One watch of all namespaces that keeps the objects of those that were chosen. A namespace that is chosen while it runs is listed by itself, one at a time. */
export class EverywhereWatch<V> {
  readonly #options: WatchOptions<V>;
  readonly #chosen: ChosenNamespaces<V>;
  readonly #reflector: Reflector<V>;
  readonly #backoff: Backoff;
  #signal: AbortSignal | undefined;
  #catchingUp: Promise<void> | undefined;

  constructor(options: WatchOptions<V>, store: SnapshotStore<V>) {
    this.#options = options;
    this.#chosen = new ChosenNamespaces(store, () => {
      this.#catchUpSoon();
    });
    // What is not kept is not even looked at: most of what comes by may be other people's.
    const view = (raw: unknown): V | undefined => (this.#chosen.has(text(at(raw, 'metadata', 'namespace')) ?? '') ? options.view(raw) : undefined);
    this.#reflector = new Reflector({ ...options, view }, this.#chosen, () => undefined);
    const { firstBackoff, longestBackoff } = { ...defaultTiming, ...options.timing };
    this.#backoff = new Backoff(firstBackoff, longestBackoff, options.random);
  }

  /** From now on also this one; `onIn` runs once, when its content is in. `overlaps`: another reflector fills it until then. */
  choose(namespace: string, overlaps: boolean, onIn: () => void): void {
    this.#chosen.choose(namespace, overlaps, onIn);
    this.#catchUpSoon();
  }

  /** No longer this one. */
  drop(namespace: string): void {
    this.#chosen.drop(namespace);
  }

  /** The reflector that fills an overlapping namespace has seen a deletion. */
  deletedElsewhere(namespace: string, name: string, resourceVersion: string): void {
    this.#chosen.deletedElsewhere(namespace, name, resourceVersion);
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    await this.#reflector.run(signal);
    await this.#catchingUp;
  }

  lastHeard(): Instant | undefined {
    return this.#reflector.lastHeard();
  }

  counts(): ReflectorCounts {
    return this.#reflector.counts();
  }

  #catchUpSoon(): void {
    const signal = this.#signal;
    if (signal === undefined || signal.aborted || this.#catchingUp !== undefined || this.#chosen.nextLacking() === undefined) return;
    this.#catchingUp = this.#catchUp(signal)
      .catch((problem: unknown) => {
        if (!signal.aborted && !isAbort(problem))
          this.#options.logger.error('listing a namespace failed', { resource: this.#options.resource.plural, problem });
      })
      .finally(() => {
        this.#catchingUp = undefined;
        this.#catchUpSoon();
      });
  }

  async #catchUp(signal: AbortSignal): Promise<void> {
    for (let lacking = this.#chosen.nextLacking(); lacking !== undefined; lacking = this.#chosen.nextLacking()) {
      const { lists } = this.#chosen;
      const listed = await this.#reflector.fetch(lacking.namespace, signal);
      signal.throwIfAborted();
      // A list of everything that was begun in between brings the namespace itself, and where we watch from is after ours.
      if (listed.ok && lists === this.#chosen.lists) {
        this.#backoff.reset();
        this.#chosen.merge(lacking, listed.value.items, listed.value.resourceVersion);
      } else if (!listed.ok) await this.#options.clock.sleep(this.#backoff.next(), signal);
    }
  }
}
