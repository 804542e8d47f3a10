import { get, type IncomingMessage } from 'node:http';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { startManyWorkloads, type ManyWorkloads } from './live-page/start.ts';
import { percentile, table } from './statistics.ts';

const beats = 5;
const rounds = 3;
const median = (values: readonly number[]): number => percentile(values, 0.5);

interface Opened {
  readonly bytes: () => number;
  readonly close: () => void;
}

const open = (port: number, query: string): Promise<Opened> =>
  new Promise((resolve, reject) => {
    let bytes = 0;
    const asked = get({ port, host: '127.0.0.1', path: `/ui/live?${query}` }, (answer: IncomingMessage) => {
      answer.on('data', (chunk: Buffer) => (bytes += chunk.length)).on('error', () => undefined);
      resolve({ bytes: () => bytes, close: () => asked.destroy() });
    });
    asked.on('error', reject);
  });

/** CPU of some beats of 2 s with these pages open, and what one page gets in a beat. */
const watched = async ({ port, took }: ManyWorkloads, queries: readonly string[]): Promise<{ readonly cpuMs: number; readonly kb: number }> => {
  const pages = await Promise.all(queries.map((query) => open(port, query)));
  await sleep(2000);
  const before = pages.map(({ bytes }) => bytes());
  await took();
  await sleep(beats * 2000);
  const { cpuMs } = await took();
  const bytes = pages.reduce((sum, page, index) => sum + page.bytes() - (before[index] ?? 0), 0);
  for (const { close } of pages) close();
  await sleep(200);
  return { cpuMs: cpuMs / beats, kb: bytes / beats / Math.max(1, pages.length) / 1024 };
};

/** Whole answers, one after the other. Of times the least is told: what else the machine does only adds to them. */
const asked = async ({ port, took }: ManyWorkloads, path: string): Promise<readonly string[]> => {
  const [times, cpu, blocks]: [number[], number[], number[]] = [[], [], []];
  let size = 0;
  for (let round = 0; round < 9; round++) {
    await sleep(1100);
    await took();
    const begun = performance.now();
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    const text = await answer.text();
    if (answer.status === 429) {
      // Those before it have had their share of this process's time.
      await sleep(Number(answer.headers.get('retry-after')) * 1000);
      continue;
    }
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${text.slice(0, 200)}`);
    times.push(performance.now() - begun);
    size = text.length;
    const { cpuMs, longestMs } = await took();
    cpu.push(cpuMs);
    blocks.push(longestMs);
  }
  return [path, Math.min(...times).toFixed(0), median(cpu).toFixed(0), Math.min(...blocks).toFixed(0), (size / 1024).toFixed(0)];
};

const list = 'limit=50';
const pages: readonly (readonly [string, readonly string[]])[] = [
  ['no page', []],
  ['the list', [list]],
  ['the list, by a column and a filter', ['limit=50&sort=ready&order=desc&filter=team-1']],
  ['a story', ['workload=team-0/workload-1']],
  ['8 lists', Array<string>(8).fill(list)],
  ['64 lists', Array<string>(64).fill(list)],
];

/** What the live page and the other reads take from a controller that has 5,000 workloads. */
export const run = async (): Promise<void> => {
  console.log(`${String(cpus().length)} cores, Node ${process.version}; the real scaler with 5,000 workloads, all busy\n`);
  const many = await startManyWorkloads();
  try {
    const measured = pages.map(([what, queries]) => ({ what, queries, beats: [] as { readonly cpuMs: number; readonly kb: number }[] }));
    for (let round = 0; round < rounds; round++) for (const { queries, beats: of } of measured) of.push(await watched(many, queries));
    const rows = measured.map(({ what, queries, beats: of }) => {
      const cpuMs = median(of.map((one) => one.cpuMs));
      return [what, cpuMs.toFixed(0), `${(cpuMs / 20).toFixed(1)} %`, queries.length === 0 ? '-' : median(of.map(({ kb }) => kb)).toFixed(0)];
    });
    console.log(table(['open', 'CPU ms in 2 s', 'of a core', 'KB a page in 2 s'], rows));
    const answers = [];
    for (const path of ['/workloads', '/workloads?namespace=team-0', '/workloads/team-0/workload-1/explain']) answers.push(await asked(many, path));
    console.log(`\n${table(['GET', 'ms, least', 'CPU ms, median', 'at one go, ms, least', 'KB'], answers)}`);
  } finally {
    many.stop();
  }
};
