import type { WorkloadSummary } from '../../api/index.ts';
import { shortNumber, shortSpan } from './ages.ts';
import type { ExitCode } from '../exit-code.ts';
import { list, type Column, type ListingRequest } from './listing.ts';
import type { Style } from '../terminal.ts';

const phaseStyles: Readonly<Partial<Record<WorkloadSummary['phase'], Style>>> = {
  asleep: 'dim',
  waking: 'cyan',
  'scaling-up': 'cyan',
  'scaling-down': 'cyan',
  'falling-asleep': 'cyan',
  active: 'green',
  failing: 'red',
};

const stops = { none: '', both: 'paused', up: 'no more pods', down: 'no fewer pods' } as const;

/** The phase, and what makes it other than usual: `active (observe)`. */
const phase = ({ phase: word, mode, pause, wakeFailure }: WorkloadSummary): string => {
  const notes = [wakeFailure ?? '', mode === 'observe' ? 'observe' : '', stops[pause]].filter((note) => note !== '');
  return notes.length === 0 ? word : `${word} (${notes.join(', ')})`;
};

const decided = ({ decision, reason }: WorkloadSummary): string =>
  decision === undefined || decision.kind === 'hold'
    ? `${String(decision?.to ?? '-')} ${reason}`
    : `${String(decision.from)} → ${String(decision.to)} ${reason}`;

const following = ({ next }: WorkloadSummary, now: number): string =>
  next === undefined ? '' : `in ${shortSpan(next.at - now)}: ${String(next.min)} to ${next.max === undefined ? 'any' : String(next.max)}`;

const columns: readonly Column[] = [
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'PHASE', cell: phase, style: (workload) => phaseStyles[workload.phase] },
  { title: 'READY', cell: ({ ready, desired }) => `${String(ready)}/${String(desired)}` },
  { title: 'STARTING', cell: ({ starting }) => String(starting) },
  { title: 'HELD', cell: ({ held }) => String(held), style: ({ held }) => (held > 0 ? 'yellow' : undefined) },
  { title: 'LOAD', cell: ({ load }) => (load === undefined ? 'no data' : `${shortNumber(load.value)} ${load.metric}`) },
  { title: 'TARGET', cell: ({ load }) => (load === undefined ? '' : `${shortNumber(load.target)} a pod`) },
  { title: 'DECISION', cell: decided },
  { title: 'AGE', cell: ({ decision }, now) => (decision === undefined ? '' : shortSpan(now - decision.since)) },
  { title: 'NEXT', cell: following },
];

const byName = (one: WorkloadSummary, other: WorkloadSummary): number =>
  one.namespace.localeCompare(other.namespace) || one.name.localeCompare(other.name) || one.resource.localeCompare(other.resource);

/** `rouse status [NAME…]`: what each workload has, and what was decided last. */
export const runStatus = (request: ListingRequest): Promise<ExitCode> => list({ columns, order: byName }, request);
