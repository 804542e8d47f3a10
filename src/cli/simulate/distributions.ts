import type { Random } from '../../core/index.ts';

/** Exponential with mean 1. */
export const exponential = (random: Random): number => -Math.log(1 - random());

/** Standard normal (G. E. P. Box, M. E. Muller, "A Note on the Generation of Random Normal Deviates", 1958). */
export const normal = (random: Random): number => Math.sqrt(2 * exponential(random)) * Math.cos(2 * Math.PI * random());

/** How long a pod takes from being created to being ready: always as long, or log-normal with 5 % below `from` and 5 % above `to`. */
export interface StartTime {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The 95th percentile of the standard normal distribution. */
const p95 = 1.6448536269514722;

/** Draws the start times of pods, one after the other. */
export const startTimes = ({ fromMs, toMs }: StartTime, random: Random): (() => number) => {
  if (fromMs === toMs) return () => fromMs;
  const [mean, deviation] = [Math.log(fromMs * toMs) / 2, Math.log(toMs / fromMs) / (2 * p95)];
  return () => Math.exp(mean + deviation * normal(random));
};
