import { isAbort, messageOf, millis, seconds, type Clock, type Logger, type Millis, type Random } from '../core/index.ts';
import type { KubeClient } from './client.ts';
import { LeaseLock, type LeaseName } from './lease-lock.ts';

export interface LeaderElectionOptions {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'replace'>;
  /** Unique per process, e.g. the pod's name and a random suffix. */
  readonly identity: string;
  readonly lease: LeaseName;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly timing?: Partial<LeaderElectionTiming>;
  /** We lead until `signal` aborts, and must have stopped writing when the promise settles. */
  readonly onStarted: (signal: AbortSignal) => Promise<void> | void;
  /** We no longer lead, and `onStarted` has settled or was given up on. */
  readonly onStopped: () => void;
  /** Told whenever somebody else, or we, come to hold the lease; empty: nobody. */
  readonly onLeader?: (identity: string) => void;
}

/** The defaults of client-go. Must satisfy `lease > renewDeadline > 1.2 × retry`. */
export interface LeaderElectionTiming {
  /** Others wait this long after the last renewal that they saw; default 15 s. */
  readonly lease: Millis;
  /** The leader gives up when it could not renew for this long; default 10 s. */
  readonly renewDeadline: Millis;
  /** Between attempts; default 2 s. */
  readonly retry: Millis;
}

const defaults: LeaderElectionTiming = { lease: seconds(15), renewDeadline: seconds(10), retry: seconds(2) };

/** Waits of those who want to lead are stretched by up to this factor more, so that they do not all come at once. */
const jitter = 1.2;

/**
 * Takes part in the election until `signal` aborts; then hands the lease back, if it is ours, and resolves. Rules as in client-go
 * (tools/leaderelection): whether a lease has run out is judged by when *we* saw it change, on our monotonic clock, never by the times written
 * in it, so clocks that disagree do no harm. After losing the lease it stands for election again.
 */
export const runLeaderElection = async (options: LeaderElectionOptions, signal: AbortSignal): Promise<void> => {
  const timing = { ...defaults, ...options.timing };
  if (!(timing.lease > timing.renewDeadline && timing.renewDeadline > jitter * timing.retry)) {
    throw new RangeError(
      `leader election needs lease > renewDeadline > 1.2 × retry, got ${String(timing.lease)}, ${String(timing.renewDeadline)}, ${String(timing.retry)} ms`,
    );
  }
  const { clock, random, logger } = options;
  const lock = new LeaseLock(options.client, options.lease, options.identity, timing.lease, clock, (holder) => {
    logger.info('the leader changed', { leader: holder === '' ? 'nobody' : holder });
    options.onLeader?.(holder);
  });
  try {
    while (!signal.aborted) {
      const startedAt = clock.monotonic();
      if (await attempt(lock, timing.renewDeadline, options, signal)) await lead(lock, startedAt, timing, options, signal);
      else await clock.sleep(millis(timing.retry * (1 + jitter * random())), signal);
    }
  } catch (problem) {
    if (!signal.aborted && !isAbort(problem)) throw problem;
  }
};

/** One try to take or keep the lease, given up after `limit`. */
const attempt = async (lock: LeaseLock, limit: Millis, { clock, logger }: LeaderElectionOptions, signal: AbortSignal): Promise<boolean> => {
  const own = new AbortController();
  const timer = clock.after(limit, () => {
    own.abort();
  });
  try {
    return await lock.acquireOrRenew(AbortSignal.any([signal, own.signal]));
  } catch (problem) {
    signal.throwIfAborted();
    logger.warn('the lease could not be taken or renewed', { problem: own.signal.aborted ? `no answer within ${String(limit)} ms` : messageOf(problem) });
    return false;
  } finally {
    timer.cancel();
  }
};

/** Leads until renewing fails for too long, the work of the leader does, or `signal` aborts. */
const lead = async (lock: LeaseLock, heldSince: number, timing: LeaderElectionTiming, options: LeaderElectionOptions, signal: AbortSignal): Promise<void> => {
  const { clock, logger } = options;
  const term = new AbortController();
  logger.info('leading', { identity: options.identity });
  const failed = new AbortController();
  const work = Promise.resolve()
    .then(() => options.onStarted(term.signal))
    .catch((problem: unknown) => {
      if (term.signal.aborted) return;
      logger.error('leading failed; the lease is handed back', { problem });
      failed.abort();
    });
  const lost = await keepRenewing(lock, heldSince, timing, options, AbortSignal.any([signal, failed.signal]));
  term.abort();
  lock.stepDown();
  if (lost) logger.error('lost the lease', { identity: options.identity });
  // Whoever comes next must not meet our last writes: hand over only once they are done, or when the lease is about to run out anyway.
  await settledWithin(work, timing.lease, clock);
  options.onStopped();
  if (!lost) await release(lock, timing, options);
  // Another may do better.
  if (failed.signal.aborted) await clock.sleep(millis(2 * jitter * timing.retry), signal);
};

/** True: the lease is lost. False: `signal` aborted. Time counts from the start of an attempt that succeeded: others saw it no earlier. */
const keepRenewing = async (
  lock: LeaseLock,
  heldSince: number,
  timing: LeaderElectionTiming,
  options: LeaderElectionOptions,
  signal: AbortSignal,
): Promise<boolean> => {
  const { clock } = options;
  let renewedAt = heldSince;
  const left = (): Millis => millis(timing.renewDeadline - (clock.monotonic() - renewedAt));
  try {
    while (left() > 0) {
      await clock.sleep(millis(Math.min(timing.retry, left())), signal);
      if (left() <= 0) break;
      const startedAt = clock.monotonic();
      // A call that hangs leaves time for another.
      if (await attempt(lock, millis(Math.min(left(), timing.renewDeadline / 2)), options, signal)) renewedAt = startedAt;
      else if (lock.isHeldByAnother()) break;
    }
    return true;
  } catch (problem) {
    if (signal.aborted) return false;
    throw problem;
  }
};

const release = async (lock: LeaseLock, timing: LeaderElectionTiming, { clock, logger }: LeaderElectionOptions): Promise<void> => {
  const limit = new AbortController();
  const timer = clock.after(timing.retry, () => {
    limit.abort();
  });
  try {
    await lock.release(limit.signal);
  } catch (problem) {
    logger.warn('the lease could not be handed back; it runs out by itself', { problem });
  } finally {
    timer.cancel();
  }
};

const settledWithin = (work: Promise<void>, limit: Millis, clock: Clock): Promise<void> =>
  new Promise((resolve) => {
    const timer = clock.after(limit, resolve);
    void work.then(() => {
      timer.cancel();
      resolve();
    });
  });
