/**
 * A distribution of durations in buckets whose bounds grow by one factor, so that any quantile is known to within 5 % of itself, however the durations are spread
 * (C. Masson, J. E. Rim, H. K. Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019). Seven buckets to a doubling: every
 * seventh bound is a power of two of milliseconds, and a histogram with those bounds is exact.
 */
const bucketsPerDoubling = 7;
/** Below this everything is one: 1/16 ms. */
const leastExponent = -4;
/** 2^22 ms, 70 minutes: above that everything is one. */
const mostExponent = 22;

/** What lies above all bounds is in the last bucket. */
export const latencyBuckets = (mostExponent - leastExponent) * bucketsPerDoubling + 2;
const growth = 2 ** (1 / bucketsPerDoubling);

/** The bucket of a duration in ms: the first whose bound is not below it. */
export const latencyBucketOf = (ms: number): number => {
  const bucket = Math.ceil((Math.log2(ms) - leastExponent) * bucketsPerDoubling);
  if (bucket > 0) return bucket < latencyBuckets ? bucket : latencyBuckets - 1;
  return 0;
};

/** The bucket whose upper bound is 2^`exponent` ms. */
export const latencyBucketUpTo = (exponent: number): number => (exponent - leastExponent) * bucketsPerDoubling;

/** The value that is nearest, by ratio, to all that may be in a bucket. */
const middleOf = (bucket: number): number => (bucket === 0 ? 2 ** leastExponent : (2 * 2 ** (leastExponent + bucket / bucketsPerDoubling)) / (growth + 1));

/** As it crosses the link: the number of a bucket, then how many are in it, for each that is not empty, in order. */
export type LatencyCounts = readonly number[];

export class LatencySketch {
  readonly #counts = new Uint32Array(latencyBuckets);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Adds one duration, by its bucket. */
  add(bucket: number): void {
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count += 1;
  }

  /** Adds what another one has counted. */
  merge(counts: LatencyCounts): void {
    for (let at = 0; at + 1 < counts.length; at += 2) {
      const [bucket = 0, count = 0] = [counts[at], counts[at + 1]];
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
      this.#count += count;
    }
  }

  /** The same of one in this process. */
  mergeSketch(other: LatencySketch): void {
    for (let bucket = 0; bucket < latencyBuckets; bucket += 1) this.#counts[bucket] = (this.#counts[bucket] ?? 0) + (other.#counts[bucket] ?? 0);
    this.#count += other.#count;
  }

  /** In ms, to within 5 %: `fraction` of the durations are no longer. Undefined while there is none. */
  quantile(fraction: number): number | undefined {
    const rank = Math.max(1, Math.ceil(fraction * this.#count));
    let below = 0;
    for (let bucket = 0; bucket < latencyBuckets; bucket += 1) {
      below += this.#counts[bucket] ?? 0;
      if (below >= rank) return middleOf(bucket);
    }
    return undefined;
  }

  counts(): LatencyCounts {
    const counts: number[] = [];
    for (let bucket = 0; bucket < latencyBuckets; bucket += 1) {
      const count = this.#counts[bucket] ?? 0;
      if (count > 0) counts.push(bucket, count);
    }
    return counts;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#count = 0;
  }
}

/** False where `counts` is no such list: numbers of buckets that there are, each once and in order, with whole numbers above zero. */
export const areLatencyCounts = (counts: LatencyCounts): boolean => {
  let before = -1;
  for (let at = 0; at < counts.length; at += 2) {
    const [bucket, count] = [counts[at] ?? -1, counts[at + 1] ?? 0];
    if (!Number.isInteger(bucket) || bucket <= before || bucket >= latencyBuckets || !Number.isInteger(count) || count < 1 || count > 0xffff_ffff) return false;
    before = bucket;
  }
  return true;
};
