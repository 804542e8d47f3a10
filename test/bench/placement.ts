import { makeLoad } from './placement/load.ts';
import { defaults, type Settings } from './placement/settings.ts';
import { simulate, type ContestantName, type Figures } from './placement/simulation.ts';
import { percentile, table } from './statistics.ts';

const contestants: readonly ContestantName[] = ['default', 'warm', 'spread', 'pack'];
const seeds = [1, 2, 3];

const scenarios: readonly (readonly [string, Settings])[] = [
  ['idle machines are given back after 10 minutes', defaults],
  ['100 machines stay', { ...defaults, idleMs: undefined }],
];

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const seconds = (ms: number): string => (ms / 1000).toFixed(1);

/** Each figure is the mean of those of the seeds. */
const row = (name: ContestantName, runs: readonly Figures[]): readonly string[] => {
  const of = (figure: (run: Figures) => number): number => mean(runs.map(figure));
  const times = (pick: (run: Figures) => readonly number[]): readonly string[] => [
    seconds(of((run) => percentile(pick(run), 0.5))),
    seconds(of((run) => mean(pick(run)))),
    seconds(of((run) => percentile(pick(run), 0.95))),
    seconds(of((run) => percentile(pick(run), 0.99))),
  ];
  const whole = (value: number): string => Math.round(value).toLocaleString('en');
  const pulls = `${((100 * of(({ pulls: count }) => count)) / of(({ starts }) => starts.length)).toFixed(0)} %`;
  return [name, ...times(({ wakes }) => wakes), ...times(({ starts }) => starts), pulls, whole(of((run) => run.nodeHours)), whole(of((run) => run.paidHours))];
};

const header = ['', 'wake p50, s', 'mean', 'p95', 'p99', 'every start p50, s', 'mean', 'p95', 'p99', 'pulls', 'node-hours', 'paid'];

/** Virtual machines under virtual time: the same numbers on each machine. */
export const run = async (): Promise<void> => {
  for (const [what, settings] of scenarios) {
    const rows = [];
    for (const name of contestants) {
      const runs: Figures[] = [];
      for (const seed of seeds) runs.push(await simulate(settings, makeLoad(settings, seed), seed, name));
      rows.push(row(name, runs));
    }
    console.log(`\n${what}: the mean of seeds ${seeds.join(', ')}\n`);
    console.log(table(header, rows));
  }
};
