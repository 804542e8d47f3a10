import { table } from '../../core/index.ts';
import type { ContestantName } from './contestant.ts';
import type { Outcome } from './score.ts';

export const contestantTitles: Readonly<Record<ContestantName, string>> = { rouse: 'rouse', kpa: 'kpa', hpa: 'HPA (model)' };

const time = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`);

const columns: readonly (readonly [string, (outcome: Outcome) => string])[] = [
  ['policy', ({ name }) => contestantTitles[name]],
  ['held request-s', ({ heldSeconds }) => heldSeconds.toFixed(1)],
  ['pod-hours', ({ podSeconds }) => (podSeconds / 3600).toFixed(2)],
  ['spare pod-hours', ({ spareSeconds }) => (spareSeconds / 3600).toFixed(2)],
  ['mean wait', ({ wait }) => time(wait.mean)],
  ['p99 wait', ({ wait }) => time(wait.p99)],
  ['worst wait', ({ wait }) => time(wait.worst)],
  ['changes', ({ changes }) => String(changes)],
  ['answered', ({ fates }) => String(fates.answered)],
  ['refused', ({ fates }) => String(fates.refused)],
];

/** A line per contestant, under a header. */
export const summaryTable = (outcomes: readonly Outcome[]): readonly string[] => {
  return table([columns.map(([title]) => title), ...outcomes.map((outcome) => columns.map(([, cell]) => cell(outcome)))], { numbersFrom: 1 });
};
