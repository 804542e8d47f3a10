/**
 * How much of a workload's traffic the gateways see: `full` once they stand in its path; `partial` while they do not yet, or not everywhere,
 * so that a small load may only be a small part; `none` where its traffic never comes to them.
 */
export type Metering = 'full' | 'partial' | 'none';

/** Longer than any window: the epoch, a small integer that takes no memory of its own. */
export const always = 0;

/** Since when a workload's traffic has been metered in full; undefined while it is not. */
export type MeteredSince = number | undefined;

/**
 * The same after a look at `now`. A workload that is metered in full when it is first seen was so before as well if we have only just started
 * (`afterStart`): then replayed history counts. Else its windows know nothing of the time before.
 */
export const meteredSince = (before: MeteredSince | 'unseen', metering: Metering, now: number, afterStart: boolean): MeteredSince => {
  if (metering !== 'full') return undefined;
  if (before === 'unseen') return afterStart ? always : now;
  return before ?? now;
};

/** True once a whole window of its traffic can be known. */
export const isMeteredFor = (since: MeteredSince | 'unseen', windowMs: number, now: number): boolean => typeof since === 'number' && now - since >= windowMs;
