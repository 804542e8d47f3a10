import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { debianTool } from '../support/bench-tools.ts';
import { freePort } from '../support/free-port.ts';
import { startRouse, type RouseProcess } from '../support/rouse-process.ts';
import { loadersOf } from './gateway/load.ts';
import { startOrigin } from './gateway/origin.ts';
import { Programs } from './gateway/programs.ts';
import { cpuSeconds, residentBytes } from './process-usage.ts';
import { percentile, table } from './statistics.ts';
import { controllerCost } from './tracing/controller-cost.ts';

const say = (line: string): void => {
  process.stderr.write(`bench: ${line}\n`);
};

const rounds = Number(process.env.ROUNDS ?? 9);
const seconds = Number(process.env.SECONDS ?? 3);

/** By what is asked for: flags and variables. The first is twice there: how far apart the two are is how far these numbers can be believed. */
const forms: Readonly<Record<string, readonly [flags: readonly string[], env: Readonly<Record<string, string>>]>> = {
  nothing: [[], {}],
  'nothing, once more': [[], {}],
  'metrics by OTLP, each second': [[], { OTEL_METRICS_EXPORTER: 'otlp', OTEL_METRIC_EXPORT_INTERVAL: '1000' }],
  'traces, none sampled': [['--tracing'], { OTEL_TRACES_SAMPLER: 'always_off' }],
  'traces, 1 % sampled': [['--tracing'], { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' }],
  'traces, all sampled': [['--tracing'], {}],
};

interface Contestant {
  readonly name: string;
  readonly port: number;
  readonly startMs: number;
  readonly gateway: RouseProcess;
  readonly micros: number[];
}

/** What OpenTelemetry costs a gateway (CPU for each request, memory, start) and a controller (CPU of a tick). A collector takes everything and looks at none of it. */
export const run = async (): Promise<void> => {
  const tools = { wrk: await debianTool('wrk', say), h2load: '' };
  const directory = await mkdtemp(join(tmpdir(), 'rouse-bench-'));
  const programs = new Programs();
  const collector = createServer((request, response) => request.resume().on('end', () => response.end()));
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  const contestants: Contestant[] = [];
  try {
    const origin = await startOrigin(programs, await debianTool('nginx', say), undefined, directory);
    const load = loadersOf(programs, tools, directory).closedLoop('hello', 32);
    for (const [name, [flags, env]] of Object.entries(forms)) {
      const port = await freePort();
      const routes = join(directory, `${port}.json`);
      const listeners = [{ address: '127.0.0.1', port, protocol: 'http1' }];
      await writeFile(routes, JSON.stringify({ workloads: [{ name: 'default/app', listeners, endpoints: [{ address: '127.0.0.1', port: origin.port }] }] }));
      const from = performance.now();
      const gateway = startRouse(['gateway', '--routes', routes, '--metrics-port', '0', '--log-level', 'error', ...flags], {
        OTEL_EXPORTER_OTLP_ENDPOINT: url,
        ...env,
      });
      await gateway.line(/^ready:/);
      contestants.push({ name, port, startMs: performance.now() - from, gateway, micros: [] });
    }
    for (let round = 0; round <= rounds; round += 1)
      for (let turn = 0; turn < contestants.length; turn += 1) {
        const { name, port, gateway, micros } = contestants[(round + turn) % contestants.length]!;
        const pid = gateway.child.pid ?? 0;
        const before = cpuSeconds(pid);
        const { requests } = await load({ port, webSocketPort: 0, grpcPort: 0, tlsPort: 0 }, seconds);
        const used = ((cpuSeconds(pid) - before) * 1e6) / requests;
        // The first round is for the compiler.
        if (round > 0) micros.push(used);
        say(`round ${round} of ${rounds}: ${name} ${used.toFixed(1)} µs`);
      }
    const base = percentile(contestants[0]!.micros, 0.5);
    const rows = contestants.map(({ name, startMs, gateway, micros }) => {
      const cpu = percentile(micros, 0.5);
      const spread = `${Math.min(...micros).toFixed(1)} – ${Math.max(...micros).toFixed(1)}`;
      return [name, cpu.toFixed(1), spread, (cpu / base).toFixed(2), (residentBytes(gateway.child.pid ?? 0) / 1e6).toFixed(0), startMs.toFixed(0)];
    });
    console.log(`Medians of ${rounds} rounds of ${seconds} s, 12-byte GET, 32 connections, ${cpus().length} cores shared with load, origin and collector\n`);
    console.log(table(['asked for', 'CPU µs/request', 'least – most', '× nothing', 'RSS MB', 'start ms'], rows));
    for (const { gateway } of contestants) await gateway.stop('SIGKILL');
    console.log(`\nA controller's tracer, a tick each half second, with its export\n\n${await controllerCost(url)}`);
  } finally {
    for (const { gateway } of contestants) await gateway.stop('SIGKILL');
    await programs.stop();
    collector.closeAllConnections();
    collector.close();
    await rm(directory, { recursive: true });
  }
};
