import type { LiveTick } from './ports.ts';

/** Between two ticks of a workload that is awake; the scaler's period is 2 s. More than this apart, something is missing between them. */
const gapMs = 5000;
const periodMs = 2000;

/** Columns of a chart; null: not known. Values are in the metric's unit, counts in pods. */
export interface Series {
  /** Undefined where no metric was ever read. */
  readonly metric: string | undefined;
  readonly at: readonly number[];
  readonly load: readonly (number | null)[];
  readonly capacity: readonly (number | null)[];
  readonly held: readonly (number | null)[];
  readonly desired: readonly (number | null)[];
  readonly ready: readonly (number | null)[];
}

const sleeps = ({ desired, ready, held }: LiveTick): boolean => desired === 0 && ready === 0 && held === 0;

/**
 * The ticks with what is known of the time between and after them: a workload that sleeps adds no tick, so it is as it was until the next one; of one that is awake
 * nothing is known (undefined).
 */
function* withGaps(ticks: readonly LiveTick[], now: number): Iterable<{ readonly at: number; readonly tick: LiveTick | undefined }> {
  for (const [index, tick] of ticks.entries()) {
    yield { at: tick.at, tick };
    const next = ticks[index + 1]?.at ?? now;
    if (next - tick.at <= gapMs) continue;
    if (sleeps(tick)) yield { at: next - 1, tick };
    else yield { at: tick.at + periodMs, tick: undefined };
  }
}

/** The metric that asked for the most pods last: the one that the count follows. */
const decisiveMetric = (ticks: readonly LiveTick[]): string | undefined => {
  const loads = ticks.findLast((tick) => tick.loads.length > 0)?.loads ?? [];
  const most = Math.max(...loads.map(({ pods }) => pods ?? -1));
  return loads.find(({ pods }) => (pods ?? -1) === most)?.metric;
};

/** Three figures are more than a chart can show. */
const short = (value: number | undefined): number | null => (value === undefined ? null : Number(value.toPrecision(4)));

export const seriesOf = (ticks: readonly LiveTick[], now: number): Series => {
  const metric = decisiveMetric(ticks);
  const points = [...withGaps(ticks, now)];
  const column = (read: (tick: LiveTick) => number | undefined): (number | null)[] => points.map(({ tick }) => (tick === undefined ? null : short(read(tick))));
  const load = (tick: LiveTick): LiveTick['loads'][number] | undefined => tick.loads.find((one) => one.metric === metric);
  return {
    metric,
    at: points.map(({ at }) => at),
    load: column((tick) => load(tick)?.value),
    capacity: column((tick) => load(tick)?.capacity),
    held: column(({ held }) => held),
    desired: column(({ desired }) => desired),
    ready: column(({ ready }) => ready),
  };
};

/** Of a sparkline: five minutes. */
export const sparkBuckets = 30;
export const sparkBucketMs = 10_000;

/** The highest of each ten seconds, in pods: what the load asks for, and what is wanted. */
export interface Spark {
  readonly load: readonly (number | null)[];
  readonly desired: readonly (number | null)[];
}

export const sparkOf = (ticks: readonly LiveTick[], now: number): Spark => {
  const first = Math.floor(now / sparkBucketMs) - sparkBuckets + 1;
  const [load, desired] = [Array<number | null>(sparkBuckets).fill(null), Array<number | null>(sparkBuckets).fill(null)];
  const raise = (into: (number | null)[], at: number, value: number | undefined): void => {
    if (value !== undefined) into[at] = Math.max(into[at] ?? 0, value);
  };
  for (const [index, tick] of ticks.entries()) {
    const pods = tick.loads.reduce<number | undefined>((most, one) => (one.pods === undefined ? most : Math.max(most ?? 0, one.pods)), undefined);
    const from = Math.floor(tick.at / sparkBucketMs) - first;
    const until = sleeps(tick) ? Math.floor((ticks[index + 1]?.at ?? now) / sparkBucketMs) - first : from;
    for (let bucket = Math.max(0, from); bucket <= Math.min(until, sparkBuckets - 1); bucket++) {
      raise(load, bucket, pods);
      raise(desired, bucket, tick.desired);
    }
  }
  return { load: load.map((value) => short(value ?? undefined)), desired };
};
