import { percentile } from '../statistics.ts';
import type { Ending } from './pods.ts';
import type { Failure } from './tally.ts';

/** What a failure comes to. `crashed`: it was in a pod that was killed; `ended`: a POST met a kept connection that a pod was closing as it ended, or a TCP connection its closing port. */
export type Cause = 'wrong' | 'crashed' | 'ended' | 'lost';

/** Between a process' death and our hearing of it, either way. */
const slackMs = 250;

/** Whether that pod is to blame, or the gateway. Where no answer had begun it is not known which pod had the request: then any will do that ended meanwhile. */
export const causeOf = (failure: Failure, endings: readonly Ending[]): Cause => {
  const { kind, pod, code, method, startedAt, endedAt, wrong } = failure;
  if (wrong) return 'wrong';
  const during = ({ from, to }: Ending): boolean => from <= endedAt + slackMs && startedAt <= to + slackMs;
  if (pod !== undefined) return endings.some((ending) => ending.pod === pod && ending.how === 'killed' && during(ending)) ? 'crashed' : 'lost';
  // Nobody tells a client of TCP why its connection is reset.
  const isTcp = kind === 'TCP connection';
  if (code !== 'upstream-reset' && !isTcp) return 'lost';
  if (endings.some((ending) => ending.how === 'killed' && during(ending))) return 'crashed';
  return (method === 'POST' || isTcp) && endings.some((ending) => ending.how === 'told' && during(ending)) ? 'ended' : 'lost';
};

export interface MemorySample {
  readonly minutes: number;
  readonly mb: number;
}

export interface Growth {
  readonly start: number;
  /** After a fifth of the time: everything that is made once has been made. */
  readonly settled: number;
  readonly end: number;
  /** Of the least-squares line through the rest, in MB a minute. */
  readonly slope: number;
}

/** A collection of garbage moves single samples: medians of so many are compared. */
const aFew = 5;

export const growthOf = (samples: readonly MemorySample[]): Growth => {
  const last = samples.at(-1)?.minutes ?? 0;
  const rest = samples.filter(({ minutes }) => minutes >= last / 5);
  const median = (some: readonly MemorySample[]): number =>
    percentile(
      some.map(({ mb }) => mb),
      0.5,
    );
  return { start: samples[0]?.mb ?? Number.NaN, settled: median(rest.slice(0, aFew)), end: median(rest.slice(-aFew)), slope: slopeOf(rest) };
};

const slopeOf = (samples: readonly MemorySample[]): number => {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(samples.map(({ minutes }) => minutes)), mean(samples.map(({ mb }) => mb))];
  const products = samples.map(({ minutes, mb }) => (minutes - x) * (mb - y));
  const squares = samples.map(({ minutes }) => (minutes - x) ** 2);
  return mean(products) / mean(squares);
};
