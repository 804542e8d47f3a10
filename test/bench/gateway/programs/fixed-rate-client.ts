/**
 * `fixed-rate-client.ts PORT CONNECTIONS PER_SECOND SECONDS`: GETs at a fixed rate, whatever the answers take, and prints a `Load`. Every millisecond or so it
 * sends what has become due since. A request that finds no free connection waits for one, and that counts: slow answers do not hide what they hold up. That
 * this process itself came late does not count.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../../statistics.ts';
import type { Load } from '../load.ts';
import { resources } from '../origin.ts';
import { KeepAliveConnection } from './keep-alive-connection.ts';

const [port = 0, connections = 0, perSecond = 0, seconds = 0] = process.argv.slice(2).map(Number);
const patienceMs = 10_000;

const times: number[] = [];
const errors: Record<string, number> = {};
const count = (kind: string, by = 1): void => {
  if (by > 0) errors[kind] = (errors[kind] ?? 0) + by;
};
/** Each sends a request that became due at that time. */
const free: ((due: number) => void)[] = [];
/** When the requests that no connection was free for became due. */
const waiting: number[] = [];

/** Resolves when the connection is there and has had its first answer, which is not measured. */
const open = (): Promise<void> =>
  new Promise((resolve, reject) => {
    let due: number | undefined;
    const take = (at: number): void => {
      due = at;
      connection.send();
    };
    const connection = new KeepAliveConnection(port, resources.hello.path, (problem) => {
      if (problem !== undefined) count(problem);
      if (problem === 'closed') {
        reject(new Error('a connection was closed'));
        if (free.includes(take)) free.splice(free.indexOf(take), 1);
        return;
      }
      if (due === undefined) resolve();
      else times.push(performance.now() - due);
      const next = waiting.shift();
      if (next === undefined) free.push(take);
      else take(next);
    });
    connection.send();
  });

await Promise.all(Array.from({ length: connections }, open));
const total = Math.round(perSecond * seconds);
const begun = performance.now();
for (let sent = 0; sent < total;) {
  await sleep(1);
  const now = performance.now();
  for (const due = Math.min(total, Math.floor(((now - begun) / 1000) * perSecond)); sent < due; sent += 1) {
    const take = free.shift();
    if (take === undefined) waiting.push(now);
    else take(now);
  }
}
const sentAll = performance.now();
while (times.length < total && performance.now() - sentAll < patienceMs) await sleep(1);
count('unanswered', total - times.length);
const load: Load = {
  requests: times.length + connections,
  seconds: (performance.now() - begun) / 1000,
  p50Ms: percentile(times, 0.5),
  p99Ms: percentile(times, 0.99),
  errors,
};
console.log(JSON.stringify(load));
process.exit();
