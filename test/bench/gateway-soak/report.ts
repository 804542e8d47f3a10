import { table } from '../statistics.ts';
import { sumOf, type Metrics } from './gateway-process.ts';
import type { Ending } from './pods.ts';
import { kinds, type Failure, type Seen } from './tally.ts';
import { causeOf, growthOf, type Cause, type MemorySample, type Witness } from './verdict.ts';

/** All that was seen by the end of a soak. */
export interface Outcome {
  readonly minutes: number;
  readonly seen: Seen;
  readonly failures: readonly Failure[];
  readonly pods: Witness;
  readonly happened: Readonly<Record<string, number>>;
  readonly podsStarted: number;
  /** POSTs that came to pods more than once; pods that somebody kept from ending, and those that ended by themselves. */
  readonly postedTwice: readonly string[];
  readonly overdue: readonly string[];
  readonly fallen: readonly string[];
  readonly metrics: Metrics;
  readonly memory: readonly MemorySample[];
  readonly cpuSeconds: number;
  readonly openFiles: { readonly start: number; readonly busiest: number; readonly end: number };
  readonly exitCode: number | null;
}

/** One thing that has to hold. */
interface Check {
  readonly what: string;
  readonly is: string;
  readonly wanted: string;
  readonly holds: boolean;
}

const mostListed = 40;
const nearMs = 2000;
/** Flat is: less than this in MB a minute, and less than so many times what it was after a fifth of the time. */
const mostSlope = 0.5;
const mostRatio = 1.3;

export const reportOf = (outcome: Outcome): { readonly text: string; readonly holds: boolean } => {
  const checks = checksOf(outcome);
  const failed = outcome.failures.filter((failure) => ['wrong', 'lost'].includes(causeOf(failure, outcome.pods)));
  const text = [
    `${outcome.minutes} min of mixed traffic, Node ${process.version}, ${outcome.podsStarted} pods: ${Object.entries(outcome.happened)
      .map(([happening, count]) => `${happening} ${count} ×`)
      .join(', ')}`,
    requestsTable(outcome),
    statusTable(outcome),
    table(
      ['', 'is', 'wanted', 'holds'],
      checks.map(({ what, is, wanted, holds }) => [what, is, wanted, holds ? 'yes' : 'NO']),
    ),
    ...failed
      .slice(0, mostListed)
      .map(
        (failure) =>
          `${causeOf(failure, outcome.pods)}: ${JSON.stringify({ ...failure, takenBy: outcome.pods.takenBy.get(failure.id), near: near(failure, outcome.pods.endings) })}`,
      ),
  ].join('\n\n');
  return { text, holds: checks.every(({ holds }) => holds) };
};

/** The pods that ended at about that time, for whoever looks for the cause. */
const near = ({ startedAt, endedAt }: Failure, endings: readonly Ending[]): readonly Ending[] =>
  endings.filter(({ from, gone }) => from < endedAt + nearMs && gone > startedAt - nearMs);

const requestsTable = ({ seen, failures, pods }: Outcome): string => {
  const causes = failures.map((failure) => ({ kind: failure.kind, cause: causeOf(failure, pods) }));
  const rowOf = (title: string, some: readonly string[]): readonly string[] => {
    const sum = (figure: 'asked' | 'ok' | 'aborted'): string => String(some.reduce((total, kind) => total + (seen.counts[kind]?.[figure] ?? 0), 0));
    const count = (wanted: Cause): string => String(causes.filter(({ kind, cause }) => cause === wanted && some.includes(kind)).length);
    return [title, sum('asked'), sum('ok'), count('wrong'), count('lost'), count('crashed'), count('ended'), sum('aborted')];
  };
  return table(
    ['requests', 'asked', 'ok', 'wrong', 'lost', 'in a pod that crashed', 'POST (502) over a kept connection, or TCP, of a pod that ended', 'left by us'],
    [...kinds.map((kind) => rowOf(kind, [kind])), rowOf('all', kinds)],
  );
};

const requests = 'rouse_gateway_requests_total';

/** By status, what the clients saw beside what the gateway counted; those who left before an answer saw none. */
const statusTable = ({ seen, metrics }: Outcome): string => {
  const counted = new Map<string, number>();
  for (const [series, value] of metrics) {
    const code = series.startsWith(`${requests}{`) ? /code="(\d+)"/.exec(series)?.[1] : undefined;
    if (code !== undefined) counted.set(code, (counted.get(code) ?? 0) + value);
  }
  const codes = [...new Set([...Object.keys(seen.statuses), ...counted.keys()])].toSorted();
  return table(
    ['status', 'seen by clients', 'counted by the gateway'],
    codes.map((code) => [code, String(seen.statuses[code] ?? 0), String(counted.get(code) ?? 0)]),
  );
};

const checksOf = (outcome: Outcome): readonly Check[] => {
  const { seen, failures, pods, metrics, openFiles } = outcome;
  const none = (what: string, count: number): Check => ({ what, is: String(count), wanted: '0', holds: count === 0 });
  const causes = failures.map((failure) => causeOf(failure, pods));
  const counted = sumOf(metrics, requests);
  const growth = growthOf(outcome.memory);
  const mb = (value: number): string => value.toFixed(1);
  return [
    none('wrong', causes.filter((cause) => cause === 'wrong').length),
    none('lost', causes.filter((cause) => cause === 'lost').length),
    none('POSTs that came to pods twice', outcome.postedTwice.length),
    none('pods that could not end in 30 s', outcome.overdue.length),
    none('pods that ended by themselves', outcome.fallen.length),
    {
      what: requests,
      is: String(counted),
      wanted: seen.maybe === 0 ? String(seen.reached) : `${seen.reached} to ${seen.reached + seen.maybe}`,
      holds: counted >= seen.reached && counted <= seen.reached + seen.maybe,
    },
    none('rouse_gateway_in_flight', sumOf(metrics, 'rouse_gateway_in_flight')),
    none('rouse_gateway_held_requests', sumOf(metrics, 'rouse_gateway_held_requests')),
    none('rouse_gateway_hold_budget_used_bytes', sumOf(metrics, 'rouse_gateway_hold_budget_used_bytes')),
    {
      what: 'requests that were held',
      is: String(sumOf(metrics, 'rouse_gateway_hold_seconds_count')),
      wanted: '> 0',
      holds: sumOf(metrics, 'rouse_gateway_hold_seconds_count') > 0,
    },
    {
      what: 'memory in MB: start, after 20 %, end',
      is: [growth.start, growth.settled, growth.end].map(mb).join(', '),
      wanted: `end < ${mb(growth.settled * mostRatio)}`,
      holds: growth.end < growth.settled * mostRatio,
    },
    { what: 'its slope from then on, MB/min', is: growth.slope.toFixed(2), wanted: `< ${mostSlope}`, holds: growth.slope < mostSlope },
    {
      what: 'open files: start, most, end',
      is: [openFiles.start, openFiles.busiest, openFiles.end].join(', '),
      wanted: `end = ${openFiles.start}`,
      holds: openFiles.end === openFiles.start,
    },
    { what: 'CPU of the gateway, s', is: mb(outcome.cpuSeconds), wanted: '', holds: true },
    { what: 'exit code of the gateway', is: String(outcome.exitCode), wanted: '0', holds: outcome.exitCode === 0 },
  ];
};
