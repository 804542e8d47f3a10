import { objectText } from './serialise.ts';
import type { Stored } from './stored.ts';

/** A committed change. `object` of a deletion is the last state with the revision of the deletion. */
export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Stored;
  readonly previous: Stored | undefined;
  readonly revision: number;
}

/** How much of the past is kept: whichever of the two is reached first. */
export interface RingLimits {
  readonly changes: number;
  /** Of the objects as JSON. */
  readonly bytes: number;
}

/** The latest changes of one resource, oldest first, so that a watch can go on where it was cut. The newest is always kept. */
export class EventRing {
  readonly #limits: RingLimits;
  /** What lies before `#first` is forgotten; it goes when it is half of the whole. */
  #changes: Change[] = [];
  #first = 0;
  #bytes = 0;
  #forgotten: number;

  /** `since`: changes up to this revision are not known. */
  constructor(limits: RingLimits, since: number) {
    this.#limits = limits;
    this.#forgotten = since;
  }

  push(change: Change): void {
    this.#changes.push(change);
    this.#bytes += sizeOf(change);
    while (this.#changes.length - this.#first > this.#limits.changes || this.#bytes > this.#limits.bytes) {
      const oldest = this.#changes[this.#first];
      if (oldest === undefined || oldest === change) break;
      this.#bytes -= sizeOf(oldest);
      this.#forgotten = oldest.revision;
      this.#first += 1;
    }
    if (this.#first > this.#changes.length / 2) {
      this.#changes = this.#changes.slice(this.#first);
      this.#first = 0;
    }
  }

  /** The changes after `revision`, or undefined if some of them are forgotten. */
  after(revision: number): readonly Change[] | undefined {
    if (revision < this.#forgotten) return undefined;
    return this.#changes.slice(this.#first).filter((change) => change.revision > revision);
  }
}

/** The text is made once and kept for the watchers. */
const sizeOf = ({ object }: Change): number => objectText(object).length;
