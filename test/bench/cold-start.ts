import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { coldStartPhases } from '../../src/core/index.ts';
import { ownStart } from '../support/own-start.ts';
import { startRouse } from '../support/rouse-process.ts';
import { percentile, table } from './statistics.ts';

const wakes = 50;
const workloads = 10;
const program = "require('node:http').createServer((q, r) => r.end('ok')).listen(process.env.PORT)";

const manifest = (name: string): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, annotations: {rouse.dev/enabled: 'true', rouse.dev/window: 6s}}
spec:
  replicas: 0
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: app
        image: bench
        command: [${JSON.stringify(process.execPath)}, -e, ${JSON.stringify(program)}]
        ports: [{name: http, containerPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec: {selector: {app: ${name}}, ports: [{port: 80, targetPort: http}]}
`;

/** 50 wakes of a Node program on the embedded cluster: each phase, and what we add to the time that the program needs by itself. */
export const run = async (): Promise<void> => {
  const directory = await mkdtemp(join(tmpdir(), 'rouse-bench-'));
  const file = join(directory, 'workloads.yaml');
  const names = Array.from({ length: workloads }, (_, index) => `wake-${index}`);
  await writeFile(file, names.map(manifest).join('---\n'));
  const rouse = startRouse(['local', '-f', file, '--api-port', '0', '--gateway-port', '0', '--metrics-port', '0', '--log-level', 'error']);
  try {
    const gateway = new URL((await rouse.line(/^ {2}gateway {2}(\S+),/))[1] ?? '');
    await rouse.line(/^ready: /);
    const phases = new Map<string, number[]>(coldStartPhases.map((phase) => [phase, []]));
    const totals: number[] = [];
    const own: number[] = [];
    for (let wake = 0; wake < wakes; wake++) {
      const name = names[wake % workloads] ?? '';
      // Every later round begins when all have gone back to zero by themselves and their processes have ended: what is measured is a wake, not the end of others.
      if (wake >= workloads && wake % workloads === 0) {
        for (const other of names) await seen(rouse.lines, new RegExp(`^${other} \\d+ → 0`), wake / workloads);
        await sleep(2000);
      }
      own.push(await ownStart(process.execPath, ['-e', program]));
      const from = performance.now();
      const answer = await request(gateway.origin, { headers: { host: `${name}.default.localhost` } });
      const total = performance.now() - from;
      await answer.body.dump();
      if (answer.statusCode !== 200) throw new Error(`wake ${wake} was answered ${answer.statusCode}`);
      totals.push(total);
      const line = await seen(rouse.lines, new RegExp(`^${name}: first byte after`), Math.floor(wake / workloads) + 1);
      for (const phase of coldStartPhases) phases.get(phase)?.push(Number(new RegExp(`${phase} ([\\d.]+)`).exec(line)?.[1]));
    }
    const overhead = totals.map((total, index) => total - (own[index] ?? 0));
    const row = (what: string, values: readonly number[]): readonly (string | number)[] => [
      what,
      percentile(values, 0.5),
      percentile(values, 0.9),
      percentile(values, 0.99),
      Math.max(...values),
    ];
    console.log(`${wakes} wakes of a Node program on the embedded cluster, ${cpus().length} cores, ms\n`);
    console.log(
      table(
        ['', 'p50', 'p90', 'p99', 'max'],
        [
          ...coldStartPhases.map((phase) => row(phase, phases.get(phase) ?? [])),
          row('first byte (client)', totals),
          row('program alone, spawn to accepting', own),
          row('our overhead', overhead),
        ],
      ),
    );
  } finally {
    await rouse.stop();
    await rm(directory, { recursive: true });
  }
};

/** The `count`-th line that matches, waited for. */
const seen = async (lines: readonly string[], pattern: RegExp, count: number): Promise<string> => {
  const until = performance.now() + 60_000;
  for (;;) {
    const found = lines.filter((line) => pattern.test(line))[count - 1];
    if (found !== undefined) return found;
    if (performance.now() > until) throw new Error(`no line ${String(pattern)} number ${count} within a minute`);
    await sleep(20);
  }
};
