import type { Clock, PodRoute, RevisionReport } from '../core/index.ts';
import { RevisionFigures } from './revision-figures.ts';
import { RevisionSum } from './revision-sum.ts';

/** The figures of a revision that was replaced are shown for so long: every scrape sees its last requests. */
const showGoneForMs = 300_000;
/** Of one workload; beyond it the one that went first is dropped. */
const mostRevisions = 20;

/**
 * The revisions of one workload that have figures. One that was replaced goes some time after its last pod; a workload at zero keeps those that it had last, so that its counters
 * do not begin anew with each wake.
 */
export class Revisions {
  /** For requests that were never given to a pod. */
  readonly none = new RevisionFigures('');
  /** What those had that are not shown any more. */
  dropped: RevisionSum | undefined;
  readonly #clock: Clock;
  readonly #named = new Map<string, RevisionFigures>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  *[Symbol.iterator](): Generator<RevisionFigures> {
    if (this.#named.size > 1) this.#dropGone();
    yield this.none;
    yield* this.#named.values();
  }

  of(revision: string): RevisionFigures {
    if (revision === '') return this.none;
    let figures = this.#named.get(revision);
    if (figures === undefined) this.#named.set(revision, (figures = new RevisionFigures(revision)));
    return figures;
  }

  /** These are the pods that there are now. */
  see(pods: readonly PodRoute[]): void {
    if (pods.length > 0) {
      const present = new Set(pods.map(({ revision }) => revision));
      for (const figures of this.#named.values()) {
        if (present.has(figures.revision)) figures.goneAt = undefined;
        else figures.goneAt ??= this.#clock.monotonic();
      }
    }
    this.#dropGone();
  }

  /** Drops what has been gone for long enough, and has no request left. */
  #dropGone(): void {
    const now = this.#clock.monotonic();
    const gone = [...this.#named.values()].filter(({ goneAt, concurrency }) => goneAt !== undefined && concurrency === 0);
    gone.sort((one, other) => (one.goneAt ?? 0) - (other.goneAt ?? 0));
    let over = this.#named.size - mostRevisions;
    for (const figures of gone) {
      const { revision, goneAt = now } = figures;
      if (now - goneAt < showGoneForMs && over <= 0) return;
      this.#named.delete(revision);
      (this.dropped ??= new RevisionSum()).add(figures);
      over -= 1;
    }
  }

  report(since: number, now: number): readonly RevisionReport[] {
    const reports: RevisionReport[] = [];
    for (const figures of this) {
      const report = figures.report(since, now);
      if (report !== undefined) reports.push(report);
    }
    return reports;
  }
}
