import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { startRouse } from '../support/rouse-process.ts';
import { percentile, table } from './statistics.ts';

const rounds = 11;
const idleMs = 3000;

/** Start of the gateway process to its `ready:` line, and its memory when it has been idle for three seconds; beside it, Node that does nothing. */
export const run = async (): Promise<void> => {
  const directory = await mkdtemp(join(tmpdir(), 'rouse-bench-'));
  const file = join(directory, 'routes.yaml');
  const [port, origin] = [await freePort(), await freePort()];
  await writeFile(
    file,
    `workloads: [{name: default/app, listeners: [{address: 127.0.0.1, port: ${port}}], endpoints: [{address: 127.0.0.1, port: ${origin}}]}]`,
  );
  const starts: number[] = [];
  const bare: number[] = [];
  const memory: number[] = [];
  try {
    for (let round = 0; round <= rounds; round++) {
      const from = performance.now();
      const gateway = startRouse(['gateway', '--routes', file, '--metrics-port', '0', '--log-level', 'error']);
      await gateway.line(/^ready:/);
      const took = performance.now() - from;
      await sleep(idleMs);
      const status = await readFile(`/proc/${String(gateway.child.pid)}/status`, 'utf8');
      await gateway.stop();
      // The first start fills the compile cache of a fresh clone.
      if (round === 0) continue;
      starts.push(took);
      memory.push(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024);
      const before = performance.now();
      await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'close');
      bare.push(performance.now() - before);
    }
  } finally {
    await rm(directory, { recursive: true });
  }
  const row = (what: string, values: readonly number[]): readonly (string | number)[] => [
    what,
    percentile(values, 0.5),
    Math.min(...values),
    Math.max(...values),
  ];
  console.log(`${rounds} starts of rouse gateway from source, ${cpus().length} cores\n`);
  console.log(table(['', 'p50', 'min', 'max'], [row('start to ready, ms', starts), row('node -e 0, ms', bare), row('memory after 3 s idle, MiB', memory)]));
};
