import { execFile } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { serveOperations } from '../../src/cli/operations/operations-server.ts';
import { workloadKey } from '../../src/core/index.ts';
import { controllerScene, decisionFor, workload } from '../support/metric-figures.ts';
import { percentile, table } from './statistics.ts';

const rounds = Number(process.env['ROUNDS'] ?? 9);
const many = Number(process.env['WORKLOADS'] ?? 5000);

/** A scraper is another process, as Prometheus is. Timed until it has all; what it takes to load a client before and to count lines afterwards is its own. */
const scraper = `
  import { get } from 'node:http';
  const [url, accept] = process.argv.slice(1);
  const from = performance.now();
  const chunks = [];
  get(url, { headers: { accept } }, (answer) => {
    answer.on('data', (chunk) => chunks.push(chunk));
    answer.on('end', () => {
      const ms = performance.now() - from;
      let bytes = 0, lines = 0;
      for (const chunk of chunks) {
        bytes += chunk.length;
        for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines += 1;
      }
      console.log(JSON.stringify({ ms, bytes, lines }));
    });
  });`;
const scrape = async (url: string, accept: string): Promise<{ readonly ms: number; readonly bytes: number; readonly lines: number }> =>
  JSON.parse((await promisify(execFile)(process.execPath, ['--input-type=module', '-e', scraper, url, accept])).stdout) as Awaited<ReturnType<typeof scrape>>;

const accepts = { text: 'text/plain', OpenMetrics: 'application/openmetrics-text' };

/** What a scrape of a controller costs, over HTTP: how long it takes, how much CPU, and how long its event loop stands still for it. */
export const run = async (): Promise<void> => {
  const keys = Array.from({ length: many }, (_, index) =>
    workloadKey({ resource: 'deployments.apps', namespace: `team-${String(index % 50)}`, name: `service-number-${String(index)}` }),
  );
  const { instruments } = controllerScene(keys.map((key) => workload(key, { wakeFailure: undefined })));
  for (const key of keys) for (const reason of ['steady', 'idle', 'metric-rise', 'wake-request'] as const) instruments.decided(key, decisionFor(reason), 3);
  const server = await serveOperations(
    { notReady: () => undefined, metrics: (format) => instruments.expose(format) },
    { host: '127.0.0.1', port: 0, flag: '--metrics-port' },
  );
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/metrics`;
  const wake = (some: typeof keys): void => {
    for (const key of some) {
      instruments.woken(key);
      instruments.coldStarted(key, { decide: 1, schedule: 2, start: 3, ready: 4, forward: 5 });
    }
  };
  const rows: (readonly string[])[] = [];
  for (const [state, some] of [
    ['none has been woken', []],
    ['one in ten has been woken', keys.slice(0, many / 10)],
    ['each has been woken', keys],
  ] as const) {
    wake([...some]);
    for (const [format, accept] of Object.entries(accepts)) {
      const [ms, cpu, blocked]: [number[], number[], number[]] = [[], [], []];
      let [bytes, lines] = [0, 0];
      for (let round = 0; round <= rounds; round += 1) {
        const before = process.cpuUsage();
        const delay = monitorEventLoopDelay({ resolution: 1 });
        delay.enable();
        const found = await scrape(url, accept);
        delay.disable();
        const { user, system } = process.cpuUsage(before);
        // The first one loads what is needed.
        if (round === 0) continue;
        ms.push(found.ms);
        cpu.push((user + system) / 1000);
        blocked.push(delay.max / 1e6);
        ({ bytes, lines } = found);
      }
      const figures = [ms, cpu, blocked].map((each) => percentile(each, 0.5).toFixed(0));
      rows.push([state, format, String(lines), (bytes / 1e6).toFixed(1), ...figures, Math.max(...blocked).toFixed(0)]);
    }
  }
  server.close();
  console.log(table([`${String(many)} workloads`, 'format', 'lines', 'MB', 'ms', 'CPU ms', 'longest block ms', 'of all rounds'], rows));
};
