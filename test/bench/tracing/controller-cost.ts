import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { percentile, table } from '../statistics.ts';

const start = promisify(execFile);
const program = join(import.meta.dirname, 'programs', 'tick.ts');

/** By what a controller is asked for. */
const forms: readonly (readonly [what: string, traced: 'traced' | 'not', env: Readonly<Record<string, string>>])[] = [
  ['nothing', 'not', {}],
  ['traces, none sampled', 'traced', { OTEL_TRACES_SAMPLER: 'always_off' }],
  ['traces, all sampled', 'traced', {}],
];

const counts = [100, 1000, 10_000];
const ticks = 9;

interface Ticks {
  readonly changing: readonly number[];
  readonly holding: readonly number[];
}

/** What tracing takes of a controller: CPU of a tick whose workloads all change, and of one whose workloads all stay as they are; each form in a process of its own. */
export const controllerCost = async (collector: string): Promise<string> => {
  const rows: string[][] = [];
  for (const count of counts)
    for (const [what, traced, env] of forms) {
      const { stdout } = await start(process.execPath, [program, String(count), String(ticks), traced], {
        env: { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: collector, OTEL_BSP_SCHEDULE_DELAY: '100', ...env },
      });
      const { changing, holding } = JSON.parse(stdout) as Ticks;
      const median = (micros: readonly number[]): number => percentile(micros, 0.5);
      const least = Math.min(...changing).toFixed(1);
      rows.push([
        count.toLocaleString('en'),
        what,
        median(changing).toFixed(1),
        least,
        ((median(changing) * count) / 1000).toFixed(1),
        median(holding).toFixed(2),
      ]);
    }
  return table(['workloads', 'asked for', 'CPU µs for each that changes', 'least', 'CPU ms of the tick', 'CPU µs for each that does not'], rows);
};
