import type { Decision, Instant, Millis } from '../../core/index.ts';
import type { FormulaLookup } from '../../decider/index.ts';
import type { JournalRecord } from '../journal.ts';
import type { PlacedPod } from '../placement/placed-pods.ts';
import type { ScaledWorkload } from '../scaled-workload.ts';
import type { TickRecord } from '../tick-record.ts';
import type { WakeFailure } from '../wake-diagnosis.ts';
import { outlookOf, type Outlook } from './outlook.ts';

/** A line of the history, as outsiders see it. */
export interface HistoryRecord {
  readonly since: Instant;
  readonly times: number;
  readonly poked: boolean;
  /** With the newest evidence of the line. */
  readonly decision: Decision;
}

/** Why a workload has, or had, the count that it has. */
export interface Explanation {
  readonly workload: Pick<ScaledWorkload, 'namespace' | 'name' | 'resource' | 'desired' | 'ready' | 'reason'>;
  /** Why it cannot wake, now; of earlier times Events tell. */
  readonly wakeFailure?: WakeFailure;
  /** False: this replica stands by, decides the same and writes nothing. */
  readonly leads: boolean;
  readonly now: Instant;
  /** What was in force then is explained; `now` unless asked otherwise. */
  readonly at: Instant;
  readonly policy: string;
  readonly mode: string;
  readonly stableWindowMs: Millis;
  readonly panicWindowMs: Millis;
  readonly record: HistoryRecord;
  readonly outlook: Outlook;
  /** Up to `record`, oldest first. */
  readonly history: readonly HistoryRecord[];
  /** Where the newest pods went and why, oldest first; left out where pods are not placed. */
  readonly placements?: readonly PlacedPod[];
}

const shown = ({ since, times, poked, decision }: JournalRecord): HistoryRecord => ({ since, times, poked, decision });

/** The newest of a sorted list that is not later than `at`. */
const lastUntil = <T>(items: readonly T[], at: Instant, timeOf: (item: T) => Instant): T | undefined => items.findLast((item) => timeOf(item) <= at);

interface About {
  readonly workload: ScaledWorkload;
  readonly wakeFailure: WakeFailure | undefined;
  readonly leads: boolean;
  readonly lines: readonly JournalRecord[];
  readonly ticks: readonly TickRecord[];
  readonly formulas: FormulaLookup;
  readonly now: Instant;
  /** Undefined: now. */
  readonly at: Instant | undefined;
}

/** Undefined where the journal does not go back so far. */
export const explanationOf = ({ workload, wakeFailure, leads, lines, ticks, formulas, now, at = now }: About): Explanation | undefined => {
  const line = lastUntil(lines, at, ({ since }) => since);
  if (line === undefined) return undefined;
  const tick = lastUntil(ticks, at, ({ decision }) => decision.at);
  // A line has its newest tick only; the one of that time may still be there.
  const exact = tick !== undefined && tick.decision.at >= line.since && line.decision.at > at ? tick : line.tick;
  const decision = exact === line.tick ? line.decision : exact.decision;
  const { spec } = exact;
  const { namespace, name, resource, desired, ready, reason } = workload;
  const { stableWindow, panicWindowShare } = spec.scaling;
  return {
    workload: { namespace, name, resource, desired, ready, reason },
    ...(wakeFailure === undefined || at < now ? {} : { wakeFailure }),
    leads,
    now,
    at,
    policy: spec.policy,
    mode: spec.mode,
    stableWindowMs: stableWindow,
    panicWindowMs: (stableWindow * panicWindowShare) as Millis,
    record: { ...shown(line), decision },
    outlook: outlookOf({ ...exact, decision }, formulas),
    history: lines.slice(0, lines.indexOf(line) + 1).map(shown),
  };
};
