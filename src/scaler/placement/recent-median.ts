/** A sample counts for 3/4 of the one after it. */
const decay = 0.75;
/** What came before these would weigh a tenth of the newest or less. */
const mostSamples = 8;

/** The newest first. */
export type Samples = readonly number[];

export const withSample = (samples: Samples, sample: number): Samples => [sample, ...samples.slice(0, mostSamples - 1)];

export const areSamples = (value: unknown): value is Samples =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.length <= mostSamples &&
  value.every((each) => typeof each === 'number' && Number.isFinite(each) && each > 0);

/**
 * The exponentially weighted median: the sample that minimises the sum of the others' distances, each weighted by its age (J. W. Taylor, "Using
 * Exponentially Weighted Quantile Regression to Estimate Value at Risk and Expected Shortfall", Journal of Financial Econometrics 6(3), 2008, with a
 * constant alone), which is the weighted sample median. One start that took ten times as long does not move it; three in a row do. Undefined: no sample.
 */
export const recentMedian = (samples: Samples): number | undefined => {
  if (samples.length === 0) return undefined;
  let median = medians.get(samples);
  if (median === undefined) medians.set(samples, (median = medianOf(samples)));
  return median;
};

/** Samples never change, and are asked about for every pod and node. */
const medians = new WeakMap<Samples, number>();

const medianOf = (samples: Samples): number => {
  const weighted = samples.map((sample, age) => ({ sample, weight: decay ** age })).sort((one, other) => one.sample - other.sample);
  const half = weighted.reduce((sum, { weight }) => sum + weight, 0) / 2;
  let sum = 0;
  return weighted.find(({ weight }) => (sum += weight) >= half)?.sample ?? Number.NaN;
};
