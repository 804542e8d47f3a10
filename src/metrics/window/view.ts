/** A ring of sums, one per second of the Unix clock. */
export interface Buckets {
  /** Sum of the second `at`; callers keep `at` within the ring's length of the newest second. */
  sum(at: number): number;
}

/** What seconds before the first sample are once a window has changed its length. */
export type Unseen = 'unknown' | 'zero';

/** Linear averages are rounded to six decimals. */
const precision = 1e6;
/** Before any second that there is. */
const never = Number.NEGATIVE_INFINITY;
const rounded = (value: number): number => Math.max(0, Math.round(value * precision) / precision);

/** Least weight of the newest second, and the share of all weight that one full window holds, in the exponential average. */
const leastSmoothing = 0.2;
const windowWeight = 0.9999;

/** Numbers that a view takes in the array of its window. */
export const viewNumbers = 5;

/**
 * One trailing window over a ring of per-second sums. It keeps its running total, so that a linear average costs no pass over the ring,
 * and it adds and subtracts in the order of Knative's `TimedFloat64Buckets` (pkg/autoscaler/aggregation/bucketing.go), so that averages
 * are the same to the last bit. A second is an integer count of seconds since the epoch.
 *
 * What it keeps is in `numbers` from `at` on, where the sums are, too: a window is one piece of memory, and a view of it is made to look through.
 */
export class WindowView {
  readonly #numbers: number[];
  readonly #at: number;

  constructor(numbers: number[], at: number) {
    this.#numbers = numbers;
    this.#at = at;
  }

  /** Makes the view empty, of that length. */
  begin(size: number): void {
    this.#size = size;
    this.#total = 0;
    this.#loaded = never;
    this.#first = undefined;
    this.#floor = never;
  }

  /** As an integer: the remainder of a division of doubles takes ten times as long. */
  get #size(): number {
    return (this.#numbers[this.#at] ?? 0) | 0;
  }
  set #size(size: number) {
    this.#numbers[this.#at] = size;
  }

  get #total(): number {
    return this.#numbers[this.#at + 1] ?? 0;
  }
  set #total(total: number) {
    this.#numbers[this.#at + 1] = total;
  }

  /** Newest second with load: once it has left the window the total is zero, whatever the rounding of many additions has left in it. */
  get #loaded(): number {
    return this.#numbers[this.#at + 2] ?? never;
  }
  set #loaded(second: number) {
    this.#numbers[this.#at + 2] = second;
  }

  /** Earliest second with a sample since the window was last empty; undefined while it is. */
  get #first(): number | undefined {
    const first = this.#numbers[this.#at + 3];
    return first === never ? undefined : first;
  }
  set #first(second: number | undefined) {
    this.#numbers[this.#at + 3] = second ?? never;
  }

  /** Seconds before this one are not part of the view although the ring may hold them (it was narrower when they came). */
  get #floor(): number {
    return this.#numbers[this.#at + 4] ?? never;
  }
  set #floor(second: number) {
    this.#numbers[this.#at + 4] = second;
  }

  get size(): number {
    return this.#size;
  }

  /** Makes room for the newest second `to`, where `last` was the newest so far; call before the ring itself moves. */
  advance(buckets: Buckets, last: number, to: number): void {
    if (to - last >= this.#size) {
      this.#first = to;
      this.#total = 0;
      return;
    }
    for (let second = last + 1; second <= to; second += 1) this.#total -= this.#sum(buckets, second - this.#size);
    if (to - this.#loaded >= this.#size) this.#total = 0;
  }

  /** Takes a sample of second `at`, where `last` is the newest second (`at` ≤ `last`); one older than the window is not for this view. */
  add(at: number, last: number, value: number): void {
    if (at + this.#size <= last || at < this.#floor) return;
    if (this.#first === undefined || this.#first > at) this.#first = at;
    this.#total += value;
    if (value > 0 && at > this.#loaded) this.#loaded = at;
  }

  /** True when the newest sample is more than a window old. */
  isEmpty(now: number, last: number): boolean {
    return this.#first === undefined || now - last > this.#size;
  }

  /** Mean per second. Seconds before the first sample and after the newest are unknown and do not count; those between are zero. */
  linear(buckets: Buckets, now: number, last: number): number {
    if (this.#first === undefined) return 0;
    const silent = now - last;
    if (silent >= this.#size) return 0;
    const known = last - this.#first + 1;
    if (silent <= 0) return rounded(this.#total / Math.min(known, this.#size));
    let total = this.#total;
    for (let second = last + 1; second <= now; second += 1) total -= this.#sum(buckets, second - this.#size);
    return rounded(total / Math.min(known, this.#size - silent));
  }

  /** Mean in which a second weighs (1−m) times the one after it; silence after the newest sample counts as zero. */
  exponential(buckets: Buckets, now: number, last: number): number {
    const silent = Math.max(0, now - last);
    const smoothing = smoothingOf(this.#size);
    const keep = 1 - smoothing;
    let weight = smoothing * Math.pow(keep, silent);
    const seen = Math.min(this.#size - silent, last - this.#floor + 1);
    let mean = 0;
    for (let back = 0; back < seen; back += 1) {
      mean += buckets.sum(last - back) * weight;
      weight *= keep;
    }
    return mean;
  }

  /** Which share of the linear mean at `last` the newest `seconds` have. */
  linearShare(seconds: number, last: number): number {
    if (this.#first === undefined) return 0;
    const known = Math.min(last - this.#first + 1, this.#size);
    return Math.min(Math.max(0, seconds), known) / known;
  }

  /** The same for the exponential mean. */
  exponentialShare(seconds: number): number {
    return 1 - Math.pow(1 - smoothingOf(this.#size), Math.min(Math.max(0, seconds), this.#size));
  }

  /**
   * Changes the length. What the old length did not cover stays unknown; a view without a sample in its old length starts afresh. Knative
   * takes the old window for full (`unseen` is `zero`) even if it was not.
   */
  resize(buckets: Buckets, size: number, now: number, last: number, unseen: Unseen): void {
    if (size === this.#size) return;
    const old = this.#size;
    const empty = this.isEmpty(now, last);
    this.#size = size;
    this.#total = 0;
    if (empty) {
      this.#first = undefined;
      this.#floor = last + 1;
      return;
    }
    const oldest = last - (old - 1);
    this.#first = unseen === 'zero' ? oldest : Math.max(oldest, this.#first ?? oldest);
    this.#floor = Math.max(this.#floor, oldest);
    for (let back = 0; back < Math.min(old, size); back += 1) this.#total += this.#sum(buckets, last - back);
  }

  #sum(buckets: Buckets, second: number): number {
    return second < this.#floor ? 0 : buckets.sum(second);
  }
}

const smoothingOf = (size: number): number => Math.max(1 - Math.pow(1 - windowWeight, 1 / size), leastSmoothing);
