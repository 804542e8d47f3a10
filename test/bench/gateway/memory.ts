import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectionsTo } from '../process-usage.ts';
import { startProxy, type Contestant, type Proxy, type Surroundings } from './contestants.ts';
import type { Loader } from './load.ts';
import { residentMbOf } from './samples.ts';

/** Resident memory of one contestant, in millions of bytes. */
export interface Memory {
  readonly name: Contestant;
  readonly started: number;
  /** The most that was seen while 256 connections were busy. */
  readonly busy256: number;
  /** With connections that had one answer each and are silent now. */
  readonly idle: number;
  /** How many of those there really were. */
  readonly idleConnections: number;
}

export const idleConnections = 10_000;
const settleMs = 3000;

/** Memory of a fresh process: at rest, then with 256 busy connections, then with many idle ones. */
export const measureMemory = async (around: Surroundings, name: Contestant, busy: Loader, seconds: number): Promise<Memory> => {
  const proxy = await startProxy(around, name);
  const started = residentMbOf(proxy);
  const busy256 = await mostWhile(proxy, busy(proxy, seconds));
  await sleep(settleMs);
  const file = join(import.meta.dirname, 'programs', 'idle-client.ts');
  const client = around.programs.start('the idle client', process.execPath, [file, String(proxy.port), String(idleConnections)]);
  await client.firstLine();
  await sleep(settleMs);
  const memory = { name, started, busy256, idle: residentMbOf(proxy), idleConnections: connectionsTo(proxy.port) };
  await client.stop();
  await proxy.program.stop();
  return memory;
};

const mostWhile = async (proxy: Proxy, work: Promise<unknown>): Promise<number> => {
  let most = 0;
  for (let isOver = false; !isOver;) {
    most = Math.max(most, residentMbOf(proxy));
    isOver = await Promise.race([work.then(() => true), sleep(200, false)]);
  }
  return most;
};
