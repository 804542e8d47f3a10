import { readFile } from 'node:fs/promises';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { namesOnlyCall, wholeNodesCall } from '../support/extender-call.ts';
import { seededRandom } from '../../src/core/index.ts';
import { Caller, requestOf, type CallAnswer } from './extender/caller.ts';
import { nodeName, nodeObject, pendingPod, sizes } from './extender/objects.ts';
import { cpuSeconds, residentBytes } from './process-usage.ts';
import { percentile, table } from './statistics.ts';

const calls = 1000;
/** So many calls it takes until V8 has compiled what they run through, for which it has only the same core. */
const warmUp = 1000;
/** As `rouse controller --placement` has it. */
const youngGeneration = '--max-semi-space-size=4';
const canPin = spawnSync('taskset', ['--version']).status === 0;
/** Bodies are made before: what is measured is not the scheduler's work. */
const different = 20;

interface Scenario {
  readonly what: string;
  readonly requests: readonly Buffer[];
  readonly calls: number;
  readonly warmUp: number;
}

const random = seededRandom(7);
/** Schedulers look at nodes in parallel, and name them in the order in which they were done. */
const inAnyOrder = (names: readonly string[]): readonly string[] =>
  names
    .map((name) => ({ name, at: random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ name }) => name);

const requestsOf = (verb: string, workloads: (index: number) => number, callOf: (pod: object) => object, count = different): readonly Buffer[] =>
  Array.from({ length: count }, (_, index) => requestOf(verb, JSON.stringify(callOf(pendingPod(workloads(index), index)))));

const ours = (index: number): number => index % sizes.workloads;
const notOurs = (index: number): number => sizes.workloads + index;
const names = Array.from({ length: sizes.nodes }, (_, index) => nodeName(index));
const withNames = (pod: object): object => namesOnlyCall(pod, inAnyOrder(names));

function* scenarios(): Iterable<Scenario> {
  yield { what: 'prioritize, names of 5,000 nodes: the first 1,000 calls', requests: requestsOf('prioritize', ours, withNames), calls, warmUp: 0 };
  for (const verb of ['prioritize', 'filter']) {
    yield { what: `${verb}, names of 5,000 nodes`, requests: requestsOf(verb, ours, withNames), calls, warmUp };
    yield { what: `${verb}, the same, a pod that is not ours`, requests: requestsOf(verb, notOurs, withNames), calls, warmUp };
  }
  for (const count of [100, 1000, sizes.nodes]) {
    const whole = Array.from({ length: count }, (_, index) => nodeObject(index));
    for (const verb of ['prioritize', 'filter'])
      yield {
        what: `${verb}, ${count.toLocaleString('en')} whole nodes`,
        requests: requestsOf(verb, ours, (pod) => wholeNodesCall(pod, whole), 1),
        calls: 20,
        warmUp: 20,
      };
  }
}

const timed = async (caller: Caller, request: Buffer): Promise<CallAnswer & { readonly ms: number }> => {
  const from = performance.now();
  const answer = await caller.call(request);
  return { ...answer, ms: performance.now() - from };
};

const measure = async (pid: number, caller: Caller, { what, requests, calls: count, warmUp: before }: Scenario): Promise<readonly (string | number)[]> => {
  const requestAt = (index: number): Buffer => requests[index % requests.length] ?? Buffer.alloc(0);
  for (let index = 0; index < before; index += 1) await caller.call(requestAt(index));
  const cpuBefore = cpuSeconds(pid);
  const times: number[] = [];
  let last: CallAnswer = { status: 0, bodyBytes: 0 };
  for (let index = 0; index < count; index += 1) {
    const { ms, ...answer } = await timed(caller, requestAt(index));
    times.push(ms);
    last = answer;
  }
  const cpu = ((cpuSeconds(pid) - cpuBefore) * 1000) / count;
  const kilobytes = (bytes: number): string => Math.round(bytes / 1000).toLocaleString('en');
  const quantiles = [0.5, 0.9, 0.99].map((share) => percentile(times, share).toFixed(2));
  const sizesOf = [kilobytes(requestAt(0).length), kilobytes(last.bodyBytes)];
  return [what, ...quantiles, Math.max(...times).toFixed(2), cpu.toFixed(2), ...sizesOf, String(last.status)];
};

/** On one core, where that can be arranged. */
const startServer = (flags: readonly string[]): ChildProcess => {
  const command = [process.execPath, '--expose-gc', youngGeneration, join(import.meta.dirname, 'extender', 'programs', 'serve.ts'), ...flags];
  const [file = '', ...args] = canPin ? ['taskset', '-c', '0', ...command] : command;
  return spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
};

interface Server {
  readonly pid: number;
  readonly port: number;
  readonly snapshotBytes: number;
  /** Answers by reason. */
  end(): Promise<string>;
}

const withServer = async (flags: readonly string[], use: (server: Server) => Promise<void>): Promise<void> => {
  const server = startServer(flags);
  try {
    const lines = createInterface({ input: server.stdout ?? process.stdin })[Symbol.asyncIterator]();
    const { port, snapshotBytes } = JSON.parse(String((await lines.next()).value)) as { port: number; snapshotBytes: number };
    const end = async (): Promise<string> => {
      server.kill('SIGTERM');
      return String((await lines.next()).value);
    };
    await use({ pid: server.pid ?? 0, port, snapshotBytes, end });
  } finally {
    if (server.exitCode === null) server.kill('SIGKILL');
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
  }
};

/** What the first calls of a process take, on a connection of their own. */
const firstCalls = async (what: string, workloads: (index: number) => number, flags: readonly string[]): Promise<void> => {
  const requests = requestsOf('prioritize', workloads, withNames);
  await withServer(flags, async ({ port }) => {
    const from = performance.now();
    const caller = await Caller.connect(port);
    const handshake = performance.now() - from;
    const times: string[] = [];
    for (const request of requests) times.push((await timed(caller, request)).ms.toFixed(1));
    caller.close();
    console.log(`the first calls of a process, ${what}: handshake ${handshake.toFixed(1)} ms, then ${times.join(', ')}`);
  });
};

/** Of the quarter of a megabyte of a call BBR, which some machines have in place of Linux's own CUBIC, holds back a part now and then: nobody runs, and a call takes 10 ms more. */
const congestionControl = async (): Promise<string> =>
  process.platform === 'linux' ? (await readFile('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8')).trim() : 'default';

/** Calls of a scheduler, one after the other over TLS on one connection as it makes them, for a cluster of 5,000 nodes and 20,000 pods. */
export const run = async (): Promise<void> => {
  const cores = cpus().length;
  if (canPin && cores > 1) spawnSync('taskset', ['-acp', `1-${cores - 1}`, String(process.pid)]);
  await withServer([], async (server) => {
    const { pid, port, snapshotBytes } = server;
    const caller = await Caller.connect(port);
    const rows = [];
    for (const scenario of scenarios()) rows.push(await measure(pid, caller, scenario));
    caller.close();
    console.log(`${cores} cores, the extender on one of them, Node ${process.version}, TCP by ${await congestionControl()}; ms\n`);
    console.log(table(['', 'p50', 'p90', 'p99', 'max', 'CPU a call', 'KB sent', 'KB answered', 'status'], rows));
    const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
    console.log(`\nthe snapshot takes ${megabytes(snapshotBytes)} of heap; the process ${megabytes(residentBytes(pid))} after these calls`);
    console.log(`answers by reason: ${await server.end()}`);
  });
  for (const [how, flags] of [
    ['', []],
    [' after the rehearsal', ['--rehearsed']],
  ] as const) {
    await firstCalls(`pods of workloads${how}`, ours, flags);
    await firstCalls(`pods that are not ours${how}`, notOurs, flags);
  }
};
