import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../src/core/index.ts';
import { freePort } from '../support/free-port.ts';
import { Fate } from './gateway-soak/fate.ts';
import { GatewayProcess } from './gateway-soak/gateway-process.ts';
import { Pods } from './gateway-soak/pods.ts';
import { reportOf, type Outcome } from './gateway-soak/report.ts';
import { startTraffic, type Traffic } from './gateway-soak/traffic.ts';
import { causeOf, type MemorySample } from './gateway-soak/verdict.ts';

const clients = 40;
/** With three pods not all clients have room at once. */
const containerConcurrency = 10;
const sampleEveryMs = 5000;
/** Longer than the gateway keeps idle connections to pods, and swept since. */
const settleMs = 6000;

const say = (line: string): void => void process.stderr.write(`bench: ${line}\n`);

const setting = (name: string, byDefault: number): number => {
  const value = Number(process.env[name] ?? byDefault);
  if (!(value > 0)) throw new Error(`${name} is ${String(process.env[name])}: want a number above 0`);
  return value;
};

/**
 * One gateway under mixed traffic for a long time, while pods come, go, crash, are swapped and are all gone: no answer may be wrong and none lost but those in pods that were
 * killed, the figures must add up, and memory and open files must not grow. `MINUTES=15 SEED=1`; less than 10 minutes say little of memory.
 */
export const run = async (): Promise<void> => {
  const [minutes, seed] = [setting('MINUTES', 15), setting('SEED', 1)];
  const directory = await mkdtemp(join(tmpdir(), 'rouse-soak-'));
  const file = join(directory, 'routes.json');
  const [port, tcpPort] = [await freePort(), await freePort()];
  const pods = new Pods(file, (endpoints) => ({
    name: 'default/soak',
    listeners: [
      { address: '127.0.0.1', port },
      { address: '127.0.0.1', port: tcpPort, protocol: 'tcp' },
    ],
    containerConcurrency,
    endpoints,
  }));
  const stopping = new AbortController();
  const interrupted = (): void => stopping.abort(new Error('interrupted'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupted);
  let gateway: GatewayProcess | undefined;
  let traffic: Traffic | undefined;
  try {
    const fate = new Fate(pods, seededRandom(seed));
    await fate.begin();
    gateway = await GatewayProcess.start(file);
    const openFiles = gateway.openFiles;
    traffic = startTraffic(port, tcpPort, clients, seed, (failure) => {
      const cause = causeOf(failure, pods);
      if (cause === 'wrong' || cause === 'lost') say(`${cause}: ${JSON.stringify(failure)}`);
    });
    const outcome = await soak({ gateway, traffic, pods, fate, minutes, openFiles }, stopping.signal);
    const { text, holds } = reportOf({ ...outcome, exitCode: await gateway.stop() });
    console.log(text);
    const { complaints } = gateway;
    if (complaints !== '') say(`the gateway said:\n${complaints}`);
    if (!holds) process.exitCode = 1;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupted);
    await Promise.all([traffic?.stop(), gateway?.stop(), pods.stop()]);
    await rm(directory, { recursive: true });
  }
};

interface Scene {
  readonly gateway: GatewayProcess;
  readonly traffic: Traffic;
  readonly pods: Pods;
  readonly fate: Fate;
  readonly minutes: number;
  /** Of the gateway before the first request. */
  readonly openFiles: number;
}

const soak = async (scene: Scene, signal: AbortSignal): Promise<Omit<Outcome, 'exitCode'>> => {
  const { gateway, traffic, pods, fate, minutes } = scene;
  const over = new AbortController();
  const ends = AbortSignal.any([signal, over.signal]);
  const fateEnded = fate.run(ends);
  const samples = watch(scene, ends);
  const timeIsOver = sleep(minutes * 60_000, undefined, { signal: ends }).catch(() => undefined);
  try {
    // One of three things: the time is over, somebody interrupts, or something ends that should not.
    await Promise.race([timeIsOver, traffic.ended, gateway.ended, fateEnded, samples]);
  } finally {
    over.abort();
  }
  const [{ memory, busiest }] = await Promise.all([samples, fateEnded]);
  signal.throwIfAborted();
  gateway.check();
  const seen = await traffic.finish();
  await sleep(settleMs);
  // Before its figures are asked for, over a connection that it may not have closed by then.
  const openAtEnd = gateway.openFiles;
  return {
    minutes,
    seen,
    failures: traffic.failures,
    pods,
    happened: fate.happened,
    podsStarted: pods.started,
    postedTwice: pods.postedTwice,
    overdue: pods.overdue,
    fallen: pods.fallen,
    metrics: await gateway.metrics(),
    memory,
    cpuSeconds: gateway.cpuSeconds,
    openFiles: { start: scene.openFiles, busiest, end: openAtEnd },
  };
};

/** Looks at the gateway from outside every 5 s. */
const watch = async (
  { gateway, traffic, pods }: Scene,
  signal: AbortSignal,
): Promise<{ readonly memory: readonly MemorySample[]; readonly busiest: number }> => {
  const memory: MemorySample[] = [];
  let busiest = 0;
  const from = performance.now();
  while (!signal.aborted) {
    const sample = { minutes: (performance.now() - from) / 60_000, mb: gateway.residentMb };
    memory.push(sample);
    busiest = Math.max(busiest, gateway.openFiles);
    if (memory.length % 12 === 0)
      say(
        `${sample.minutes.toFixed(0)} min: ${sample.mb.toFixed(1)} MB, ${pods.started} pods so far, ${traffic.failures.length} requests failed with their pods`,
      );
    await sleep(sampleEveryMs, undefined, { signal }).catch(() => undefined);
  }
  return { memory, busiest };
};
