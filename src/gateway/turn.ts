import { afterThisTurn } from '../core/index.ts';

/** Who has something to do at the end of a turn of the event loop. */
export interface Late {
  atEndOfTurn(): void;
}

/** What connections write goes out when all that has come in this turn has been looked at: one write for many frames. */
export class Turn {
  /** Turns that are over, of those in which there was something to do at the end. */
  count = 0;
  readonly #schedule: (task: () => void) => void;
  #waiting: Late[] = [];
  #spare: Late[] = [];

  /** `schedule`: runs a task once, when what can be read now has been read. */
  constructor(schedule: (task: () => void) => void) {
    this.#schedule = schedule;
  }

  /** Once a turn each: whoever comes remembers that it has. */
  add(late: Late): void {
    if (this.#waiting.push(late) === 1) this.#schedule(this.#run);
  }

  readonly #run = (): void => {
    this.count += 1;
    const now = this.#waiting;
    this.#waiting = this.#spare;
    this.#spare = now;
    for (const late of now) late.atEndOfTurn();
    now.length = 0;
  };
}

/** Everybody's. */
export const turn = new Turn(afterThisTurn);
