import {
  after,
  between,
  millis,
  pods,
  seconds,
  type DecisionReason,
  type Instant,
  type MetricName,
  type MetricReading,
  type Millis,
  type Observation,
} from '../../core/index.ts';
import { decide, decidePoke, type DeciderState, type FormulaLookup } from '../../decider/index.ts';
import { tickPeriod } from '../tick.ts';
import type { TickRecord } from '../tick-record.ts';

/** What would change the count, found by deciding altered observations. */
export type Change =
  /** `more`: at `value` or above; `fewer`: at `value` or below, and every other metric at its own such value. */
  | { readonly kind: 'metric'; readonly metric: MetricName; readonly value: number; readonly to: number; readonly within: Millis }
  /** With a formula no metric stands for itself: all of them at `factor` times what they are. */
  | { readonly kind: 'load'; readonly factor: number; readonly to: number; readonly within: Millis }
  | { readonly kind: 'request'; readonly to: number }
  | { readonly kind: 'no-requests'; readonly to: number; readonly within: Millis };

export interface Outlook {
  readonly more: readonly Change[];
  /** What keeps the count from rising where no load changes it. */
  readonly noMore: DecisionReason | undefined;
  readonly fewer: readonly Change[];
  /** What keeps the count from falling where no lack of load changes it within two hours. */
  readonly noFewer: DecisionReason | undefined;
}

/** Time that a rise of the load is given to show, and a fall. */
const riseWithin = seconds(20);
const fallWithin = seconds(7200);
/** While a value is searched for, ticks lie further and further apart after so many, so that two hours are a hundred ticks. What is found is decided at every tick. */
const closeTicks = 40;
const stretch = 1.1;
const highest = 2 ** 40;

interface Setting {
  readonly state: DeciderState;
  readonly seen: Observation;
  readonly spec: TickRecord['spec'];
  readonly now: Instant;
  readonly formulas: FormulaLookup;
}

interface Outcome {
  readonly to: number;
  readonly within: Millis;
  readonly reason: DecisionReason;
}

/** Decides on and on with the same observation until the count is on the other side, for `most` at the longest. */
const settle = (
  { state: first, spec, now, formulas }: Setting,
  seen: Observation,
  changed: (to: number) => boolean,
  most: Millis,
  ticks: 'every' | 'some',
): Outcome => {
  let [state, at, step] = [first, now, tickPeriod as number];
  for (let tick = 1; ; tick++) {
    if (ticks === 'some' && tick > closeTicks) step *= stretch;
    at = after(at, millis(Math.round(step)));
    const decided = decide(state, seen, spec, at, formulas);
    const { to, reason } = decided.decision;
    const within = between(now, at);
    if (changed(to) || within >= most) return { to, within, reason };
    state = decided.state;
  }
};

/** As exact as what is shown, which has four digits. */
const exactness = 1e-4;

/** The least value between two that changes something, where the greater one does. */
const edge = (calm: number, changes: number, isChange: (value: number) => boolean): number => {
  let [low, high] = [calm, changes];
  for (let round = 0; round < 60 && Math.abs(high - low) > exactness * Math.abs(high); round++) {
    const middle = (low + high) / 2;
    if (isChange(middle)) high = middle;
    else low = middle;
  }
  return high;
};

const counted = new Set<MetricName>(['concurrency', 'held']);

/** The nearest value that a person would write down; `isChange` is asked, so that it is true of that value too. */
const plain = (value: number, metric: MetricName | undefined, up: boolean, isChange: (value: number) => boolean): number => {
  const whole = up ? Math.ceil(value * (1 - exactness)) : Math.floor(value * (1 + exactness));
  const short = Number(value.toPrecision(4));
  const digit = 10 ** (Math.floor(Math.log10(Math.max(value, 1e-9))) - 3);
  const next = Number((up ? value + digit : value - digit).toPrecision(4));
  const candidates = metric !== undefined && counted.has(metric) ? [whole, up ? whole + 1 : whole, short] : [short, next, whole];
  return candidates.find((candidate) => isChange(candidate) && Math.abs(candidate - value) <= Math.max(1, 1e-3 * value)) ?? value;
};

const valued = ({ metrics }: Observation): readonly (MetricReading & { readonly kind: 'value' })[] => metrics.filter((reading) => reading.kind === 'value');

const withReadings = (
  seen: Observation,
  valueOf: (reading: MetricReading & { readonly kind: 'value' }) => { readonly stable: number; readonly panic: number },
): Observation => ({
  ...seen,
  metrics: seen.metrics.map((reading) => (reading.kind === 'value' ? { ...reading, ...valueOf(reading), age: millis(0) } : reading)),
});

/** One metric at a value over both windows, the others as they are or at zero. */
const withMetricAt = (seen: Observation, metric: MetricName, value: number, others: 'as they are' | 'zero'): Observation => ({
  ...withReadings(seen, (reading) => {
    if (reading.metric === metric) return { stable: value, panic: value };
    return others === 'zero' ? { stable: 0, panic: 0 } : reading;
  }),
  ...(others === 'zero' ? { held: 0, inFlight: value > 0 ? 1 : 0 } : {}),
});

const scaledBy = (seen: Observation, factor: number): Observation => withReadings(seen, ({ stable }) => ({ stable: stable * factor, panic: stable * factor }));
const idle = (seen: Observation): Observation => ({ ...withReadings(seen, () => ({ stable: 0, panic: 0 })), held: 0, inFlight: 0, holdReady: true });

const moreOf = (setting: Setting, seenAt: (value: number) => Observation, from: number, metric: MetricName | undefined): Change | DecisionReason => {
  const { replicas } = setting.seen;
  const outcome = (value: number): Outcome => settle(setting, seenAt(value), (to) => to > replicas, riseWithin, 'every');
  const isMore = (value: number): boolean => outcome(value).to > replicas;
  let high = Math.max(from, 1e-3);
  while (!isMore(high)) {
    if (high > highest) return outcome(high).reason;
    high *= 2;
  }
  const value = isMore(0) ? 0 : plain(edge(0, high, isMore), metric, true, isMore);
  const { to, within } = outcome(value);
  return metric === undefined ? { kind: 'load', factor: value, to, within } : { kind: 'metric', metric, value, to, within };
};

const fewerOf = (setting: Setting, seenAt: (value: number) => Observation, most: Millis, metric: MetricName | undefined): Change | undefined => {
  const { replicas } = setting.seen;
  const outcome = (value: number, within: Millis, ticks: 'every' | 'some'): Outcome => settle(setting, seenAt(value), (to) => to < replicas, within, ticks);
  const isFewer = (value: number): boolean => outcome(value, most, 'some').to < replicas;
  if (!isFewer(0)) return undefined;
  let high = 1;
  while (isFewer(high)) {
    if (high > highest) return undefined;
    high *= 2;
  }
  const value = plain(edge(high, 0, isFewer), metric, false, isFewer);
  const { to, within } = outcome(value, fallWithin, 'every');
  return metric === undefined ? { kind: 'load', factor: value, to, within } : { kind: 'metric', metric, value, to, within };
};

/** After `tick` came about, with its pods ready and nothing held: what would change the count then. */
export const outlookOf = (tick: TickRecord, formulas: FormulaLookup): Outlook => {
  const { decision, observation, spec, after: state, formulaMissing } = tick;
  const { to } = decision;
  const settled: Observation = { ...observation, replicas: to, ready: to, starting: pods(0), held: 0 };
  const setting: Setting = { state, seen: settled, spec, now: decision.at, formulas };
  if (to === 0) {
    const woken = decidePoke(state, { ...settled, held: 1 }, spec, after(decision.at, tickPeriod), formulas).decision;
    const wakes = woken.to > 0;
    return { more: wakes ? [{ kind: 'request', to: woken.to }] : [], noMore: wakes ? undefined : woken.reason, fewer: [], noFewer: undefined };
  }
  const known = valued(settled);
  if (known.length === 0 || formulaMissing) return { more: [], noMore: decision.reason, fewer: [], noFewer: decision.reason };
  const lowest = settle(setting, idle(settled), (count) => count < to, fallWithin, 'every');
  return { ...rise(setting, known), ...(lowest.to < to ? fall(setting, known, lowest) : { fewer: [], noFewer: lowest.reason }) };
};

const rise = (setting: Setting, known: readonly MetricReading[]): Pick<Outlook, 'more' | 'noMore'> => {
  const { seen, spec } = setting;
  const found =
    spec.scaling.formula === undefined
      ? known.map(({ metric }) => moreOf(setting, (value) => withMetricAt(seen, metric, value, 'as they are'), 1, metric))
      : [moreOf(setting, (factor) => scaledBy(seen, factor), 1, undefined)];
  const more = found.filter((each) => typeof each === 'object');
  return { more, noMore: more.length > 0 ? undefined : found.find((each) => typeof each === 'string') };
};

/** `lowest` is what comes of no load at all. */
const fall = (setting: Setting, known: readonly MetricReading[], lowest: Outcome): Pick<Outlook, 'fewer' | 'noFewer'> => {
  const { seen, spec } = setting;
  const change: Change = { kind: 'no-requests', to: lowest.to, within: lowest.within };
  if (seen.replicas === 1) return { fewer: [change], noFewer: undefined };
  const fewer =
    spec.scaling.formula === undefined
      ? known.map(({ metric }) => fewerOf(setting, (value) => withMetricAt(seen, metric, value, 'zero'), lowest.within, metric))
      : [fewerOf(setting, (factor) => scaledBy(seen, factor), lowest.within, undefined)];
  const found = fewer.filter((each) => each !== undefined);
  return { fewer: found.length > 0 ? found : [change], noFewer: undefined };
};
