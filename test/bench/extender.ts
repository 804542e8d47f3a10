import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Agent, request } from 'undici';
import { namesOnlyCall, wholeNodesCall } from '../support/extender-call.ts';
import { nodeName, nodeObject, pendingPod, sizes } from './extender/objects.ts';
import { cpuSeconds, residentBytes } from './process-usage.ts';
import { percentile, table } from './statistics.ts';

const calls = 1000;
const warmUp = 200;
/** Bodies are made before: what is measured is not the scheduler's work. */
const different = 20;

interface Scenario {
  readonly what: string;
  readonly verb: 'filter' | 'prioritize';
  readonly bodies: readonly Buffer[];
  readonly calls: number;
}

const bodiesOf = (workloads: (index: number) => number, callOf: (pod: object) => object, count = different): readonly Buffer[] =>
  Array.from({ length: count }, (_, index) => Buffer.from(JSON.stringify(callOf(pendingPod(workloads(index), index)))));

const ours = (index: number): number => index % sizes.workloads;
const notOurs = (index: number): number => sizes.workloads + index;

function* scenarios(): Iterable<Scenario> {
  const names = Array.from({ length: sizes.nodes }, (_, index) => nodeName(index));
  for (const verb of ['prioritize', 'filter'] as const) {
    yield { what: `${verb}, names of 5,000 nodes`, verb, bodies: bodiesOf(ours, (pod) => namesOnlyCall(pod, names)), calls };
    yield { what: `${verb}, the same, a pod that is not ours`, verb, bodies: bodiesOf(notOurs, (pod) => namesOnlyCall(pod, names)), calls };
  }
  for (const count of [100, 1000, sizes.nodes]) {
    const whole = Array.from({ length: count }, (_, index) => nodeObject(index));
    for (const verb of ['prioritize', 'filter'] as const)
      yield { what: `${verb}, ${count.toLocaleString('en')} whole nodes`, verb, bodies: bodiesOf(ours, (pod) => wholeNodesCall(pod, whole), 1), calls: 20 };
  }
}

const measure = async (
  origin: string,
  pid: number,
  dispatcher: Agent,
  { what, verb, bodies, calls: count }: Scenario,
): Promise<readonly (string | number)[]> => {
  const times: number[] = [];
  let [answerBytes, statusCode] = [0, 0];
  const call = async (index: number): Promise<number> => {
    const from = performance.now();
    const answer = await request(`${origin}/extender/${verb}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: bodies[index % bodies.length] ?? '',
      dispatcher,
    });
    answerBytes = (await answer.body.arrayBuffer()).byteLength;
    statusCode = answer.statusCode;
    return performance.now() - from;
  };
  for (let index = 0; index < Math.min(warmUp, count); index += 1) await call(index);
  const cpuBefore = cpuSeconds(pid);
  for (let index = 0; index < count; index += 1) times.push(await call(index));
  const cpu = ((cpuSeconds(pid) - cpuBefore) * 1000) / count;
  const kilobytes = (bytes: number): string => Math.round(bytes / 1000).toLocaleString('en');
  const quantiles = [0.5, 0.9, 0.99].map((share) => percentile(times, share).toFixed(2));
  return [what, ...quantiles, Math.max(...times).toFixed(2), cpu.toFixed(2), kilobytes(bodies[0]?.length ?? 0), kilobytes(answerBytes), String(statusCode)];
};

/** On one core, where that can be arranged. */
const startServer = (): ChildProcess => {
  const command = [process.execPath, '--expose-gc', join(import.meta.dirname, 'extender', 'programs', 'serve.ts')];
  const pinned = spawnSync('taskset', ['--version']).status === 0 ? ['taskset', '-c', '0', ...command] : command;
  const [file = '', ...args] = pinned;
  return spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
};

/** Calls of a scheduler, one after the other over TLS on one connection as it makes them, for a cluster of 5,000 nodes and 20,000 pods. */
export const run = async (): Promise<void> => {
  const server = startServer();
  try {
    const lines = createInterface({ input: server.stdout ?? process.stdin })[Symbol.asyncIterator]();
    const { port, snapshotBytes } = JSON.parse(String((await lines.next()).value)) as { port: number; snapshotBytes: number };
    const pid = server.pid ?? 0;
    const dispatcher = new Agent({ connections: 1, connect: { rejectUnauthorized: false } });
    const origin = `https://127.0.0.1:${port}`;
    const rows = [];
    for (const scenario of scenarios()) rows.push(await measure(origin, pid, dispatcher, scenario));
    await dispatcher.close();
    console.log(`${cpus().length} cores, the extender on one of them, Node ${process.version}; ms\n`);
    console.log(table(['', 'p50', 'p90', 'p99', 'max', 'CPU a call', 'KB sent', 'KB answered', 'status'], rows));
    const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
    console.log(`\nthe snapshot takes ${megabytes(snapshotBytes)} of heap; the process ${megabytes(residentBytes(pid))} after these calls`);
    server.kill('SIGTERM');
    console.log(`answers by reason: ${String((await lines.next()).value)}`);
  } finally {
    if (server.exitCode === null) server.kill('SIGKILL');
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
  }
};
