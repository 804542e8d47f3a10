import { instant, type Instant, type Millis } from './units.ts';

/** A pending timer. `cancel` is idempotent. */
export interface Timer {
  cancel(): void;
}

/** The only source of time. Passed in everywhere; the real one is made in `cli`, tests and `simulate` use `ManualClock`. */
export interface Clock {
  /** Wall clock time. May jump; use it for what is shown, logged or compared across processes. */
  now(): Instant;
  /** Milliseconds (with fraction) on a clock that never goes back; only differences mean anything. */
  monotonic(): number;
  /** Runs `task` once, `delay` from now. The timer does not keep the process alive. */
  after(delay: Millis, task: () => void): Timer;
  /** Runs `task` every `period` until cancelled. The timer does not keep the process alive. */
  every(period: Millis, task: () => void): Timer;
  /** Resolves after `delay`; rejects with the signal's reason when `signal` aborts first. */
  sleep(delay: Millis, signal: AbortSignal): Promise<void>;
}

/** Resolves when everything that waits to be done now has had its turn: for work that is long in all and can be done in pieces. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const sleepOn = (clock: Pick<Clock, 'after'>, delay: Millis, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal.reason as Error);
    };
    const timer = clock.after(delay, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });

/** Node's longest timer (24.8 days); one that is longer would fire at once. */
const longest = 2 ** 31 - 1;

/** As a name of the global object it is looked up, behind a getter, with each reading. */
const { performance: watch } = globalThis;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => instant(Date.now()),
  monotonic: () => watch.now(),
  after: (delay, task) => {
    let handle: NodeJS.Timeout;
    const arm = (left: number): void => {
      handle = setTimeout(left > longest ? () => arm(left - longest) : task, Math.min(left, longest)).unref();
    };
    arm(delay);
    return {
      cancel: () => {
        clearTimeout(handle);
      },
    };
  },
  every: (period, task) => {
    const handle = setInterval(task, period).unref();
    return {
      cancel: () => {
        clearInterval(handle);
      },
    };
  },
  sleep: (delay, signal) => sleepOn(systemClock, delay, signal),
};

interface Pending {
  readonly task: () => void;
  readonly order: number;
  dueAt: number;
  readonly period: Millis | undefined;
}

/** A clock that moves only when told to: timers run in the order in which they fall due. */
export class ManualClock implements Clock {
  readonly #pending = new Set<Pending>();
  #now: number;
  #order = 0;

  constructor(start: Instant) {
    this.#now = start;
  }

  now(): Instant {
    return instant(this.#now);
  }

  monotonic(): number {
    return this.#now;
  }

  after(delay: Millis, task: () => void): Timer {
    return this.#add(task, delay, undefined);
  }

  every(period: Millis, task: () => void): Timer {
    return this.#add(task, period, period);
  }

  sleep(delay: Millis, signal: AbortSignal): Promise<void> {
    return sleepOn(this, delay, signal);
  }

  /** Moves time on by `by`, running what falls due on the way and letting promises settle after each timer. */
  async advance(by: Millis): Promise<void> {
    const until = this.#now + by;
    for (let next = this.#nextDue(until); next !== undefined; next = this.#nextDue(until)) {
      this.#now = Math.max(this.#now, next.dueAt);
      if (next.period === undefined) this.#pending.delete(next);
      else next.dueAt += next.period;
      next.task();
      await settle();
    }
    this.#now = until;
    await settle();
  }

  #add(task: () => void, delay: Millis, period: Millis | undefined): Timer {
    const pending: Pending = { task, order: this.#order++, dueAt: this.#now + Math.max(0, delay), period };
    this.#pending.add(pending);
    return {
      cancel: () => {
        this.#pending.delete(pending);
      },
    };
  }

  #nextDue(until: number): Pending | undefined {
    let first: Pending | undefined;
    for (const pending of this.#pending) {
      if (pending.dueAt > until) continue;
      if (first === undefined || pending.dueAt < first.dueAt || (pending.dueAt === first.dueAt && pending.order < first.order)) first = pending;
    }
    return first;
  }
}

/** Lets every promise that can settle without I/O or time do so. */
const settle = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** Runs `task` when all that could be read at once from sockets has been read. No time goes by, so that no clock is asked. */
export const afterThisTurn = (task: () => void): void => void setImmediate(task);
