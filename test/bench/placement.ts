import { run as measureOnCluster } from './placement-cluster.ts';
import { makeLoad } from './placement/load.ts';
import { defaults, type Settings } from './placement/settings.ts';
import { simulate, type ContestantName, type Figures } from './placement/simulation.ts';
import { percentile, table } from './statistics.ts';

const contestants: readonly ContestantName[] = ['default', 'warm', 'spread', 'pack'];
const seeds = [1, 2, 3];

const scenarios: readonly (readonly [string, Settings])[] = [
  ['idle machines are given back after 10 minutes', defaults],
  ['60 machines, none of them slow', { ...defaults, machines: 60, slow: [] }],
];

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const seconds = (ms: number): string => (ms / 1000).toFixed(1);

type Times = (run: Figures) => readonly number[];
/** What the placement is to blame for: pulls, slow machines, company, waiting for a machine. */
const beyondFloor: Times = ({ starts, floors }) => starts.map((ms, index) => ms - (floors[index] ?? 0));

/** Each figure is the mean of those of the seeds. */
const row = (name: ContestantName, runs: readonly Figures[]): readonly string[] => {
  const of = (figure: (run: Figures) => number): number => mean(runs.map(figure));
  const share = (times: Times, p: number): string => seconds(of((run) => percentile(times(run), p)));
  const average = (times: Times): string => seconds(of((run) => mean(times(run))));
  const figures = (times: Times): readonly string[] => [share(times, 0.5), average(times), share(times, 0.95), share(times, 0.99)];
  const whole = (value: number): string => Math.round(value).toLocaleString('en');
  const pulls = `${((100 * of((run) => run.pulls)) / of(({ starts }) => starts.length)).toFixed(0)} %`;
  const hours = [whole(of(({ nodeHours }) => nodeHours)), whole(of(({ paidHours }) => paidHours))];
  return [name, ...figures(({ wakes }) => wakes), ...figures(({ starts }) => starts), ...figures(beyondFloor).slice(1), pulls, ...hours];
};

const times = (what: string): readonly string[] => [`${what} p50`, 'mean', 'p95', 'p99'];
const header = ['', ...times('wake'), ...times('any start'), 'beyond the least: mean', 'p95', 'p99', 'pulls', 'node-hours', 'with idle nodes'];

/** Virtual machines under virtual time, the same numbers on each machine; then the same on a real control plane. */
export const run = async (): Promise<void> => {
  for (const [what, settings] of scenarios) {
    const rows = [];
    for (const name of contestants) {
      const runs: Figures[] = [];
      for (const seed of seeds) runs.push(await simulate(settings, makeLoad(settings, seed), seed, name));
      rows.push(row(name, runs));
    }
    console.log(`\n${what}; s, the mean of seeds ${seeds.join(', ')}\n`);
    console.log(table(header, rows));
  }
  await measureOnCluster();
};
