import type { Instant, Millis } from '../core/index.ts';

/** A count wanted in a slot of two seconds. */
export interface DelayEntry {
  readonly slot: number;
  readonly count: number;
}

/** The delay window counts in ticks of two seconds, as Knative's (pkg/autoscaler/aggregation/max). */
const slotMs = 2000;
/** Of every workload whose window is empty. */
export const noEntries: readonly DelayEntry[] = [];

/**
 * Adds `count` at `now` to a window of `delay` and gives the window's entries, the maximum first, each later one smaller.
 * Bounded: one entry per slot of the delay at most.
 */
export const recordDelayed = (entries: readonly DelayEntry[], count: number, now: Instant, delay: Millis): readonly DelayEntry[] => {
  if (delay <= 0) return noEntries;
  const slot = Math.floor(Math.floor(now / 1000) / (slotMs / 1000));
  const slots = Math.ceil(delay / slotMs);
  // Entries from the future are left over from a clock that was set back.
  const kept = entries.filter((entry) => entry.count > count && entry.slot > slot - slots && entry.slot <= slot);
  if (kept.at(-1)?.slot === slot) return kept.length === entries.length ? entries : kept;
  // A count of zero raises nothing.
  if (count === 0) return kept.length === 0 ? noEntries : kept;
  return [...kept, { slot, count }];
};
