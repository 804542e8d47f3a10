import type { DecisionReason, DecisionStep, StepName } from '../core/index.ts';

/** Most decisions have none, or few, and are kept: their lists have no room to grow. */
const noSteps: readonly DecisionStep[] = [];

/** The count on its way from raw demand to the decision, and every step that changed it. */
export class Trail {
  #steps: readonly DecisionStep[] = noSteps;
  #count: number;
  #reason: DecisionReason | undefined;

  constructor(count: number) {
    this.#count = count;
  }

  get count(): number {
    return this.#count;
  }

  get steps(): readonly DecisionStep[] {
    return this.#steps;
  }

  /** What was decisive so far; undefined while nothing but the demand was. */
  get reason(): DecisionReason | undefined {
    return this.#reason;
  }

  /** Notes a change of an input of the algorithm; the count stays. */
  note(step: StepName, from: number, to: number): void {
    if (from !== to) this.#steps = [...this.#steps, { step, from, to }];
  }

  /** Moves the count; a step that changes nothing leaves no trace. */
  move(step: StepName, to: number, reason: DecisionReason, limit?: number): void {
    if (to === this.#count) return;
    this.#steps = [...this.#steps, limit === undefined ? { step, from: this.#count, to } : { step, from: this.#count, to, limit }];
    this.#count = to;
    this.#reason = reason;
  }
}
