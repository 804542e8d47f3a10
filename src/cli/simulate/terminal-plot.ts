import { contestantTitles } from './summary.ts';
import type { Outcome, Sample } from './score.ts';
import { thinned } from './thinned.ts';

const width = 100;
const height = 8;
const eighths = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

const columnsOf = (samples: readonly Sample[], value: (sample: Sample) => number): readonly number[] => thinned(samples.map(value), width);

/** A row of bars, as high as the share of `top`. */
const bars = (values: readonly number[], top: number): string =>
  values.map((value) => eighths[value <= 0 ? 0 : Math.max(1, Math.min(8, Math.round((value / Math.max(top, 1e-9)) * 8)))] ?? ' ').join('');

/** Bars of several rows, the requests, with the capacity as a line over them. */
const chart = (requests: readonly number[], capacity: readonly number[], top: number): readonly string[] =>
  Array.from({ length: height }, (_, row) => {
    const floor = height - 1 - row;
    return requests
      .map((value, column) => {
        const filled = (value / top) * height - floor;
        const line = Math.min(height - 1, Math.floor(((capacity[column] ?? 0) / top) * height - 1e-9));
        if (line === floor && filled < 1) return '─';
        return eighths[Math.max(0, Math.min(8, Math.round(filled * 8)))] ?? ' ';
      })
      .join('');
  });

const most = (outcomes: readonly Outcome[], value: (sample: Sample) => number): number =>
  outcomes.reduce((top, { samples }) => samples.reduce((highest, sample) => Math.max(highest, value(sample)), top), 0);

const label = (text: string): string => text.padStart(14);

/** For each contestant: requests as bars under the capacity of its ready pods (─), then held requests, pods, and the count that was wanted; all on the same scales. */
export const terminalPlot = (outcomes: readonly Outcome[]): readonly string[] => {
  const tops = {
    requests: Math.max(
      1,
      most(outcomes, ({ requests, capacity }) => Math.max(requests, capacity)),
    ),
    held: Math.max(
      1,
      most(outcomes, ({ held }) => held),
    ),
    pods: Math.max(
      1,
      most(outcomes, ({ pods, desired }) => Math.max(pods, desired)),
    ),
  };
  return outcomes.flatMap(({ name, samples }) => {
    const rows = chart(
      columnsOf(samples, ({ requests }) => requests),
      columnsOf(samples, ({ capacity }) => capacity),
      tops.requests,
    );
    const row = (title: string, value: (sample: Sample) => number, top: number): string =>
      `${label(title)} │${bars(columnsOf(samples, value), top)}│ ≤ ${Math.ceil(top)}`;
    return [
      `${contestantTitles[name]}: requests ▆ and capacity ─`,
      ...rows.map((line, index) => `${label(index === 0 ? String(Math.ceil(tops.requests)) : index === height - 1 ? '0' : '')} │${line}│`),
      row('held', ({ held }) => held, tops.held),
      row('pods', ({ pods }) => pods, tops.pods),
      row('desired', ({ desired }) => desired, tops.pods),
      '',
    ];
  });
};
