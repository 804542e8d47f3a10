import {
  between,
  decisionReasons,
  decisionSteps,
  millis,
  printDuration,
  table,
  wakeFailures,
  type Decision,
  type DecisionStep,
  type Instant,
  type Evidence,
  type MetricName,
  type Millis,
} from '../../core/index.ts';
import type { Explanation, HistoryRecord } from './explanation.ts';
import type { Change, Outlook } from './outlook.ts';
import { placementLines } from './placement-words.ts';

/** The same explanation for people: one page of plain text, for a terminal. */
export const explainInWords = (explanation: Explanation): string => {
  const { record, outlook, now, placements = [] } = explanation;
  const { evidence } = record.decision;
  const sections = [
    headline(explanation),
    ['Load', ...indent(loadLines(explanation))],
    ['From the load to the count', ...indent(pathLines(record.decision))],
    ['What would change it', ...indent(outlookLines(outlook, evidence.replicas === 0 && record.decision.to === 0, record.decision.to, explanation))],
    ...(placements.length === 0 ? [] : [['Where its pods went', ...indent(placementLines(placements, now))]]),
    ['History', ...indent(historyLines(explanation.history, now))],
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
};

const shownHistory = 12;

const indent = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`.trimEnd());
const podsIn = (count: number): string => (count === 1 ? '1 pod' : `${String(count)} pods`);
const time = (at: Instant): string => new Date(at).toISOString();

/** To about three figures: `93.2`, `0.04`, `1200`. */
const figure = (value: number): string => (Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(value >= 1000 ? 6 : 3))));

/** To the second, and below ten of them to a tenth: `3m12s`, `0.4s`. */
const duration = (span: number): string => {
  const [shown, unit] = span >= 10_000 ? [Math.round(span / 1000), 1000] : [Math.round(span / 100), 100];
  return printDuration(millis(Math.max(0, shown * unit)));
};

const textOf = (reason: string): string => (decisionReasons as Readonly<Record<string, string>>)[reason] ?? reason;

const headline = ({ workload, wakeFailure, leads, now, at, record, mode }: Explanation): readonly string[] => {
  const { namespace, name, resource, ready } = workload;
  const { decision, since, times, poked } = record;
  const past = at < now;
  const verb =
    decision.kind === 'hold'
      ? `${past ? 'was held' : 'is held'} at ${podsIn(decision.to)}`
      : `${past ? 'went' : 'goes'} from ${decision.from} to ${podsIn(decision.to)}`;
  const ticks = times === 1 ? '' : `, decided ${String(times)} times since`;
  return [
    `${namespace}/${name} (${resource}) ${verb}: ${textOf(decision.reason)} [${decision.reason}]`,
    `since ${time(since)} (${duration(between(since, now))} ago${ticks})${poked ? ', at once because a request waited' : ''}`,
    ...(past ? [`as it was at ${time(at)}`] : [`${String(ready)} ready`]),
    ...(wakeFailure === undefined
      ? []
      : [
          `cannot wake: ${wakeFailures[wakeFailure.reason]} [${wakeFailure.reason}]: ${wakeFailure.message}`,
          `what its pods say: kubectl -n ${namespace} describe pods`,
        ]),
    ...(decision.at > at ? [`the ticks of then are gone: load, steps and what would change it are of ${time(decision.at)}`] : []),
    ...(mode === 'observe' ? ['mode observe: this is decided and not written'] : []),
    ...(leads ? [] : ['told by a replica that stands by: it decides the same as the leader, and writes nothing']),
  ];
};

const units: Readonly<Partial<Record<MetricName, string>>> = {
  concurrency: 'requests in flight',
  rps: 'requests/s',
  held: 'held requests',
  latency: 'ms',
  cpu: '% of the requested CPU',
  memory: 'bytes',
};
const measure = (value: number, metric: MetricName): string => {
  const unit = units[metric] ?? metric;
  return `${figure(value)} ${value === 1 ? unit.replace(/^(requests|held requests)\b/, (word) => word.slice(0, -1)) : unit}`;
};

/** Where several gave readings, a formula has its own beside those of the metrics. */
const formulaLines = ({ formula }: Evidence): readonly string[] => {
  if (formula === undefined) return [];
  const read = formula.readings.map(
    (reading) => `${reading.metric} ${reading.kind === 'value' ? `${figure(reading.stable)} / ${figure(reading.panic)}` : 'no data'}`,
  );
  const from = read.length === 0 ? '' : `, from ${read.join(', ')}`;
  return [`the formula asks for ${figure(formula.stable)} / ${figure(formula.panic)} pods${from}`];
};

const budgetLines = ({ budget }: Evidence): readonly string[] => {
  if (budget === undefined) return [];
  const { scope, ceiling, used, wanted, share, limit, losers } = budget;
  const short = losers.map((loser) => `${loser.workload} (${String(loser.share)} of ${String(loser.wanted)})`);
  return [
    `budget of the ${scope}: ${String(used)} of ${podsIn(ceiling)} in use; wants ${String(wanted)}, its share is ${String(share)}, now at most ${String(limit)}`,
    ...(short.length === 0 ? [] : [`who gets less than it wants: ${short.join(', ')}`]),
  ];
};

const loadLines = ({ record, stableWindowMs, panicWindowMs }: Explanation): readonly string[] => {
  const { demands, replicas, ready, starting, held, inFlight } = record.decision.evidence;
  const head = ['metric', `over ${duration(stableWindowMs)}`, `over ${duration(panicWindowMs)}`, 'target per pod', 'pods', 'newest sample', ''];
  const rows = demands.map((demand) => {
    const { reading, target, stablePods, panicPods } = demand;
    if (reading.kind === 'no-data') {
      const age = reading.age === undefined ? 'never' : `${duration(reading.age)} old`;
      return [reading.metric, reading.nothing === true ? 'nothing' : 'no data', '', figure(target), '', age, reading.why ?? ''];
    }
    return [
      reading.metric,
      figure(reading.stable),
      figure(reading.panic),
      figure(target),
      `${figure(stablePods)} / ${figure(panicPods)}`,
      `${duration(reading.age)} old`,
      '',
    ];
  });
  return [
    ...table([head, ...rows]),
    `in flight ${String(inFlight)}, held ${String(held)}; ${podsIn(replicas)} asked for, ${String(ready)} ready, ${String(starting)} starting${record.decision.evidence.panicking ? '; panicking' : ''}`,
    ...formulaLines(record.decision.evidence),
    ...budgetLines(record.decision.evidence),
  ];
};

const stepText = ({ step, limit }: DecisionStep): string => {
  const text = (decisionSteps as Readonly<Record<string, string>>)[step] ?? step;
  return limit === undefined ? text : `${text} (${figure(limit)})`;
};

/** Steps that change what goes into the algorithm, not the count. */
const inputs = new Set<string>(['invalid-metric', 'starting-capacity', 'idle-share']);

const pathLines = (decision: Decision): readonly string[] => {
  const { steps, demands, replicas } = decision.evidence;
  const counted = steps.filter(({ step }) => !inputs.has(step));
  const first = counted[0]?.from ?? decision.to;
  const values = demands.filter(({ reading }) => reading.kind === 'value');
  const raw =
    values.length === 0
      ? `the count as it is: no metric has a value`
      : `asked for by ${values.length === 1 ? 'the metric' : 'the metrics, the highest'}, in whole pods`;
  return table([
    ...steps.filter(({ step }) => inputs.has(step)).map((step) => [`${figure(step.from)} → ${figure(step.to)}`, stepText(step), `[${step.step}]`]),
    [figure(first), raw, ''],
    ...counted.map((step) => [`${figure(step.from)} → ${figure(step.to)}`, stepText(step), `[${step.step}]`]),
    [
      figure(decision.to),
      decision.to === replicas
        ? 'decided: as many as there are'
        : `decided: ${decision.to > replicas ? 'more' : 'fewer'} than the ${String(replicas)} asked for so far`,
      '',
    ],
  ]);
};

const ordinal = (count: number): string => {
  const ending = count % 100 >= 11 && count % 100 <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][count % 10] ?? 'th');
  return `${String(count)}${ending}`;
};
const another = (now: number, to: number): string => (to === now + 1 ? `a ${ordinal(to)} pod comes` : `goes to ${podsIn(to)}`);
/** The next tick is no wait that anybody would ask about. */
const soon = (within: Millis): boolean => within <= 2000;

const changeLine = (change: Change, now: number, up: boolean, window: Millis): string => {
  switch (change.kind) {
    case 'request':
      return `goes to ${podsIn(change.to)} at once when a request comes`;
    case 'no-requests':
      return `goes to ${podsIn(change.to)} after ${duration(change.within)} without load`;
    case 'load':
      return `${up ? another(now, change.to) : `goes to ${podsIn(change.to)}`} at ${figure(change.factor)} times the load that there is${stays(change.within, up)}`;
    case 'metric': {
      if (up && change.value === 0) return `goes to ${podsIn(change.to)} whatever the load, within ${duration(change.within)}`;
      const average = `(average over ${duration(window)})`;
      const what = measure(change.value, change.metric);
      return up
        ? `${another(now, change.to)} at ${what} ${average}${stays(change.within, up)}`
        : `goes to ${podsIn(change.to)} at ${what} or fewer ${average}${stays(change.within, up)}`;
    }
  }
};

const stays = (within: Millis, up: boolean): string => (soon(within) ? '' : up ? ` that last ${duration(within)}` : `, after ${duration(within)} of that`);

const outlookLines = (outlook: Outlook, asleep: boolean, now: number, { stableWindowMs }: Explanation): readonly string[] => {
  const { more, fewer, noMore, noFewer } = outlook;
  const down = fewer.map((change) => changeLine(change, now, false, stableWindowMs));
  return [
    ...more.map((change) => changeLine(change, now, true, stableWindowMs)),
    ...(noMore === undefined
      ? []
      : [asleep ? `a request brings no pod: ${textOf(noMore)} [${noMore}]` : `no load brings more pods: ${textOf(noMore)} [${noMore}]`]),
    ...(down.length > 1 ? ['all of these together:', ...down.map((line) => `  ${line}`)] : down),
    ...(noFewer === undefined ? [] : [`no lack of load takes a pod away for the next two hours: ${textOf(noFewer)} [${noFewer}]`]),
  ];
};

const historyLines = (history: readonly HistoryRecord[], now: Instant): readonly string[] => {
  const left = history.length - shownHistory;
  return [
    ...table(
      history
        .slice(-shownHistory)
        .reverse()
        .map(({ since, times, poked, decision }) => [
          time(since),
          `${duration(between(since, now))} ago`,
          decision.kind === 'hold' ? `held at ${String(decision.to)}` : `${String(decision.from)} → ${String(decision.to)}`,
          `${textOf(decision.reason)} [${decision.reason}]${times > 1 ? ` × ${String(times)}` : ''}${poked ? ' (a request waited)' : ''}`,
        ]),
    ),
    ...(left > 0 ? [`and ${String(left)} earlier`] : []),
  ];
};
