import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Kind, Round } from './decider/world.ts';
import { percentile, table } from './statistics.ts';

interface Cost {
  readonly rounds: readonly Round[];
  readonly bytes: number;
  readonly metrics: number;
  readonly counters: number;
  readonly journal: number;
}

const start = promisify(execFile);

/** One measurement in a process of its own. */
const program = async (name: string, flags: readonly string[], ...args: readonly string[]): Promise<unknown> => {
  const { stdout } = await start(process.execPath, ['--expose-gc', ...flags, join(import.meta.dirname, 'decider', 'programs', name), ...args]);
  return JSON.parse(stdout);
};

/** So much room for young objects that no garbage is collected during a tick of 10,000: what was allocated can be read off. */
const roomy = ['--min-semi-space-size=512', '--max-semi-space-size=512'];

/** All on one core, garbage collection included; by default V8 collects on several, which takes a tenth more in all. */
const oneCore = ['--single-threaded-gc'];

const costOf = async (kind: Kind & { readonly leads: boolean }, rounds: number, flags: readonly string[] = []): Promise<Cost> =>
  (await program('tick.ts', flags, JSON.stringify(kind), String(rounds))) as Cost;

const kinds: readonly (readonly [string, Kind])[] = [
  ['100,000 active', { workloads: 100_000, active: true, window: '60s', metrics: 'one' }],
  ['100,000 asleep', { workloads: 100_000, active: false, window: '60s', metrics: 'one' }],
  ['10,000 active', { workloads: 10_000, active: true, window: '60s', metrics: 'one' }],
  ['10,000 active, window 600 s', { workloads: 10_000, active: true, window: '600s', metrics: 'one' }],
  ['10,000 active, 3 metrics and a formula', { workloads: 10_000, active: true, window: '60s', metrics: 'three-and-formula' }],
];

const median = (values: readonly number[]): number => percentile(values, 0.5);
const whole = (value: number): string => Math.round(value).toLocaleString('en');

/** What is remembered to decide; published statuses, counters of /metrics and the journal are not. */
const stateBytes = ({ bytes, counters, journal }: Cost): number => bytes - counters - journal;

const rowsOf = async ([what, kind]: (typeof kinds)[number]): Promise<{ readonly tick: readonly string[]; readonly memory: readonly string[] }> => {
  const leader = await costOf({ ...kind, leads: true }, kind.workloads > 10_000 ? 3 : 9, oneCore);
  // Memory is the same whatever else runs.
  const [leading, standing] = await Promise.all([true, false].map((leads) => costOf({ ...kind, leads, journal: 'none' }, 0)));
  if (leading === undefined || standing === undefined) throw new Error('a measurement is missing');
  const few = { ...kind, workloads: Math.min(kind.workloads, 10_000) };
  const allocating = await costOf({ ...few, leads: true }, 3, roomy);
  const ticks = leader.rounds.map(({ tickMs }) => tickMs);
  const ingestMs = median(leader.rounds.map(({ ingestMs: ms }) => ms));
  // Two reports of each of two gateways in a round.
  const perReported = kind.active ? whole((ingestMs * 1e6) / (4 * kind.workloads)) : '-';
  return {
    tick: [
      what,
      whole(median(ticks)),
      whole(Math.min(...ticks)),
      whole((median(ticks) * 1e6) / kind.workloads),
      whole(median(allocating.rounds.map(({ allocated }) => allocated)) / few.workloads),
      perReported,
      leader.rounds.at(-1)?.outcome ?? '',
    ],
    memory: [what, whole(stateBytes(standing)), whole(standing.metrics), whole(stateBytes(leading)), whole(leader.counters), whole(leader.journal)],
  };
};

/** What deciding costs: one decision, whole ticks of many workloads, and what is remembered of each. */
export const run = async (): Promise<void> => {
  console.log(`${String(cpus().length)} cores, Node ${process.version}\n`);
  const decisions = (await program('decide.ts', [])) as readonly { readonly what: string; readonly whole: number; readonly decide: number }[];
  console.log(
    table(
      ['ns of CPU', 'windows read and decided', 'decide alone'],
      decisions.map(({ what, whole: all, decide }) => [what, whole(all), whole(decide)]),
    ),
  );
  const rows = [];
  for (const kind of kinds) rows.push(await rowsOf(kind));
  const tickHeader = ['a tick of', 'CPU ms, median', 'least', 'ns a workload', 'bytes allocated a workload', 'ns a workload in a report', 'decided'];
  console.log(
    `\n${table(
      tickHeader,
      rows.map(({ tick }) => tick),
    )}`,
  );
  const memoryHeader = ['bytes a workload', 'state, standby', 'of it windows and figures', 'state and status, leader', 'counters', 'journal'];
  console.log(
    `\n${table(
      memoryHeader,
      rows.map(({ memory }) => memory),
    )}`,
  );
};
