import { seededRandom, type Random } from '../../core/index.ts';
import { normal } from './distributions.ts';

/** How much is asked, second by second. */
export interface Load {
  readonly name: string;
  /** What the values are: requests per second, or requests that would be in flight if none had to wait. */
  readonly unit: 'rps' | 'concurrency';
  readonly perSecond: readonly number[];
  /** When it was recorded, in ms since the epoch; undefined where it is nobody's recording. */
  readonly startedAt?: number | undefined;
}

/** Concurrency at a second of the load. */
type Shape = (second: number, random: Random) => number;

const between = (second: number, from: number, to: number): boolean => second >= from && second < to;

/** A wave that is lowest at the start: 0 to 1 and back over `period`. */
const wave = (second: number, period: number): number => (1 - Math.cos((2 * Math.PI * second) / period)) / 2;

/** The level of noise changes every 10 s and leans on the one before, as real load does. */
const noisy = (): Shape => {
  let level = 0;
  return (second, random) => {
    if (second % 10 === 0) level = 0.7 * level + 0.35 * normal(random);
    return 60 * Math.exp(level);
  };
};

const shapes: Readonly<Record<string, { readonly seconds: number; readonly shape: () => Shape }>> = {
  step: { seconds: 1500, shape: () => (second) => (between(second, 300, 900) ? 200 : 20) },
  ramp: { seconds: 1800, shape: () => (second) => 10 + 190 * Math.max(0, Math.min(1, second / 600, (1500 - second) / 600)) },
  spike: { seconds: 900, shape: () => (second) => (between(second, 300, 330) ? 300 : 20) },
  day: { seconds: 3600, shape: () => (second) => 200 * wave(second, 3600) ** 1.5 },
  'on-off': { seconds: 1800, shape: () => (second) => (second % 180 < 60 ? 100 : 0) },
  sparse: { seconds: 3600, shape: () => () => 0.005 },
  noisy: { seconds: 1800, shape: noisy },
  'flash-crowd': {
    seconds: 1200,
    shape: () => (second) => 10 + (second < 200 ? 0 : 390 * Math.min(1, (second - 200) / 10) * Math.exp(-Math.max(0, second - 210) / 180)),
  },
};

export const builtInLoads: readonly string[] = Object.keys(shapes);

/** One of `builtInLoads`, in requests in flight; undefined for another name. */
export const builtInLoad = (name: string, seed: number): Load | undefined => {
  const found = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
  if (found === undefined) return undefined;
  const random = seededRandom(seed);
  const shape = found.shape();
  return { name, unit: 'concurrency', perSecond: Array.from({ length: found.seconds }, (_, second) => shape(second, random)) };
};
