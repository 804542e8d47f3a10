import { millis, type Clock } from '../../../core/index.ts';
import type { InProcessApi } from '../in-process-api.ts';

/** How long controllers go on in one turn of the event loop. More than all the work that one pod gives them, the first of a young process included. */
const longestMs = 20;

/**
 * Turns of the event loop, shared by all controllers. Their work is one chain of promises, each change asking for the next: without a pause
 * nothing else of the process would run before the last pod is made. `pause` says when it is time for one.
 */
export class Turns {
  readonly #clock: Clock;
  /** Since when they have been at work without a pause. */
  #since: number | undefined;
  #next: PromiseWithResolvers<undefined> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined: go on at once, which is so for a single change. Else wait for it, and ask again. */
  pause(): Promise<unknown> | undefined {
    const now = this.#clock.monotonic();
    if (this.#since === undefined) {
      this.#since = now;
      this.#clock.after(millis(0), () => {
        this.#begin();
      });
    }
    if (now - this.#since < longestMs) return undefined;
    this.#next ??= Promise.withResolvers<undefined>();
    return this.#next.promise;
  }

  #begin(): void {
    const next = this.#next;
    this.#since = undefined;
    this.#next = undefined;
    next?.resolve(undefined);
  }
}

/** `api` whose writes wait for their turn. Reads and watches are as they were. */
export const inTurns = (api: InProcessApi, turns: Turns): InProcessApi => {
  // Asking and beginning are one step: of many that wait for the same pause each begins before the next asks.
  const inTurn = async <T>(write: () => Promise<T>): Promise<T> => {
    for (let pause = turns.pause(); pause !== undefined; pause = turns.pause()) await pause;
    return write();
  };
  return {
    ...api,
    create: (resource, object, as) => inTurn(() => api.create(resource, object, as)),
    update: (resource, object, as, subresource) => inTurn(() => api.update(resource, object, as, subresource)),
    bind: (pod, node, as) => inTurn(() => api.bind(pod, node, as)),
    delete: (resource, namespace, name, options, as) => inTurn(() => api.delete(resource, namespace, name, options, as)),
  };
};
