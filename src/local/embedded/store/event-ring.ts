import type { Stored } from './stored.ts';

/** A committed change. `object` of a deletion is the last state with the revision of the deletion. */
export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Stored;
  readonly previous: Stored | undefined;
  readonly revision: number;
}

/** The latest changes of one resource, oldest first, so that a watch can go on where it was cut. Holds `capacity` at most. */
export class EventRing {
  readonly #capacity: number;
  readonly #changes: (Change | undefined)[] = [];
  #next = 0;
  #forgotten: number;

  /** `since`: changes up to this revision are not known. */
  constructor(capacity: number, since: number) {
    this.#capacity = capacity;
    this.#forgotten = since;
  }

  push(change: Change): void {
    const oldest = this.#changes[this.#next];
    if (oldest !== undefined) this.#forgotten = oldest.revision;
    this.#changes[this.#next] = change;
    this.#next = (this.#next + 1) % this.#capacity;
  }

  /** The changes after `revision`, or undefined if some of them are forgotten. */
  after(revision: number): readonly Change[] | undefined {
    if (revision < this.#forgotten) return undefined;
    const changes: Change[] = [];
    for (let step = 0; step < this.#changes.length; step += 1) {
      const change = this.#changes[(this.#next + step) % this.#changes.length];
      if (change !== undefined && change.revision > revision) changes.push(change);
    }
    return changes;
  }
}
