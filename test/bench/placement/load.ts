import { seededRandom, type Random } from '../../../src/core/index.ts';
import { exponential, normal } from '../../../src/cli/simulate/distributions.ts';
import type { Settings } from './settings.ts';

export interface Workload {
  readonly index: number;
  readonly cpu: number;
  readonly memory: number;
  readonly imageBytes: number;
  /** Core-ms: what its program does before it is ready. */
  readonly startWork: number;
}

/** A workload is to have so many pods from then on. A new revision comes only with a wake from zero. */
export interface Wanted {
  readonly at: number;
  readonly workload: number;
  readonly revision: number;
  readonly replicas: number;
}

export interface Load {
  readonly workloads: readonly Workload[];
  /** By time. */
  readonly wanted: readonly Wanted[];
}

const minute = 60_000;
const between = (random: Random, least: number, most: number): number => least + (most - least) * random();
const pick = <T>(random: Random, values: readonly T[]): T => values[Math.floor(random() * values.length)]!;

const workloadOf = (index: number, random: Random): Workload => ({
  index,
  cpu: pick(random, [0.25, 0.5, 0.5, 1, 1, 2]),
  memory: pick(random, [256, 512, 1024, 2048, 4096]) * 2 ** 20,
  // Around 250 MB, and one in ten above 900.
  imageBytes: Math.min(3e9, 250e6 * Math.exp(normal(random))),
  // Half a second to half a minute on two cores.
  startWork: Math.min(60_000, 5_000 * Math.exp(0.9 * normal(random))),
});

type Want = (at: number, replicas: number, isNewRevision?: boolean) => void;

/** Now and then one pod, for a few minutes; two in five are started by the clock, all at the same minute. */
const sporadic = (random: Random, until: number, want: Want): void => {
  const byClock = random() < 0.4;
  let at = between(random, 0, 20 * minute);
  for (;;) {
    at += 6 * minute + 25 * minute * exponential(random);
    if (byClock) at = Math.ceil(at / (30 * minute)) * 30 * minute + 3_000 * random();
    if (at >= until) return;
    want(at, 1, random() < 0.1);
    at += between(random, 2 * minute, 6 * minute);
    want(at, 0);
  }
};

/** From zero to several within seconds, up and down for a while, and back. */
const bursty = (random: Random, until: number, want: Want): void => {
  for (let at = between(random, 0, 40 * minute); ;) {
    at += 8 * minute + 30 * minute * exponential(random);
    if (at >= until) return;
    want(at, 1, random() < 0.15);
    const most = Math.round(between(random, 3, 12));
    at += between(random, 2_000, 8_000);
    want(at, most);
    for (const end = at + between(random, 5 * minute, 15 * minute); at < end;) {
      at += between(random, minute, 3 * minute);
      want(at, Math.max(1, Math.round(most * between(random, 0.3, 1))));
    }
    at += minute;
    want(at, 0);
  }
};

/** Always there, with a slow wave and noise on it. */
const steady = (random: Random, until: number, want: Want): void => {
  const [mean, period, phase] = [between(random, 2, 9), between(random, 60, 240) * minute, random()];
  for (let at = between(random, 0, 2 * minute); at < until; at += between(random, minute, 4 * minute))
    want(at, Math.max(1, Math.round(mean * (1 + 0.6 * Math.sin(2 * Math.PI * (at / period + phase)) + 0.2 * normal(random)))));
};

/** The same for every contestant. */
export const makeLoad = ({ workloads: count, horizonMs }: Settings, seed: number): Load => {
  const workloads: Workload[] = [];
  const wanted: Wanted[] = [];
  for (let index = 0; index < count; index += 1) {
    const random = seededRandom(seed * 1_000_003 + index);
    workloads.push(workloadOf(index, random));
    let [revision, last] = [1, 0];
    const kind = index % 20 < 12 ? sporadic : index % 20 < 17 ? bursty : steady;
    kind(random, horizonMs, (at, replicas, isNewRevision = false) => {
      if (replicas === last) return;
      last = replicas;
      if (isNewRevision) revision += 1;
      wanted.push({ at, workload: index, revision, replicas });
    });
  }
  return { workloads, wanted: wanted.sort((one, other) => one.at - other.at || one.workload - other.workload) };
};
