import { percentile } from '../statistics.ts';
import type { Ending, Pods } from './pods.ts';
import type { Failure } from './tally.ts';

/** What a failure comes to. `crashed`: it was in a pod that was killed; `ended`: a POST met a kept connection that a pod was closing as it ended, or a TCP connection its closing port. */
export type Cause = 'wrong' | 'crashed' | 'ended' | 'lost';

/** Between a process' death and our hearing of it, either way. */
const slackMs = 250;

/** What is known of the pods. */
export type Witness = Pick<Pods, 'endings' | 'takenBy'>;

/** Whether a pod is to blame, or the gateway. A request that came to a pod is that pod's; where it came to none it is not known which one it was on its way to: then any will do that ended meanwhile. */
export const causeOf = (failure: Failure, { endings, takenBy }: Witness): Cause => {
  const { kind, code, method, startedAt, endedAt, wrong } = failure;
  if (wrong) return 'wrong';
  const during = (from: number, to: number): boolean => from <= endedAt + slackMs && startedAt <= to + slackMs;
  // Nobody tells a client of TCP why its connection is reset.
  const isTcp = kind === 'TCP connection';
  if (failure.pod === undefined && code !== 'upstream-reset' && !isTcp) return 'lost';
  const pod = failure.pod ?? takenBy.get(failure.id);
  if (endings.some((ending) => ending.how === 'killed' && (pod === undefined || ending.pod === pod) && during(ending.from, ending.to))) return 'crashed';
  if (pod !== undefined) return 'lost';
  const closes = ({ how, from, to, gone }: Ending): boolean => how === 'told' && during(from, isTcp ? to : gone);
  return (method === 'POST' || isTcp) && endings.some(closes) ? 'ended' : 'lost';
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
