import { readFileSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { startRouse, type RouseProcess } from './rouse-process.ts';
import { until } from './until.ts';

/** `rouse gateway --workers N` by a routes file, as a real process with its children. */
export interface WorkerGateway {
  readonly rouse: RouseProcess;
  /** Of the workers that run now, those that are on their way out too. */
  workers(): readonly number[];
  route(workloads: string): Promise<void>;
  /** The series of one scrape. */
  scrape(): Promise<ReadonlyMap<string, number>>;
  readyz(): Promise<string>;
  /** SIGHUP; resolves when the old workers have ended. */
  restart(): Promise<void>;
}

/** Processes that `pid` has started and that run. */
export const childrenOf = (pid: number): readonly number[] => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
};

export const startWorkerGateway = async (
  t: Pick<ExecutionContext, 'teardown'>,
  workloads: string,
  { workers = 2, flags = [] }: { readonly workers?: number; readonly flags?: readonly string[] } = {},
): Promise<WorkerGateway> => {
  const directory = await mkdtemp(join(tmpdir(), 'rouse-workers-'));
  const file = join(directory, 'routes.yaml');
  const route = async (text: string): Promise<void> => {
    await writeFile(`${file}.new`, `workloads: [${text}]`);
    await rename(`${file}.new`, file);
  };
  await route(workloads);
  const rouse = startRouse(['gateway', '--routes', file, '--workers', String(workers), '--metrics-port', '0', '--listen', '127.0.0.1', ...flags]);
  t.teardown(async () => {
    await rouse.stop('SIGTERM');
    await rm(directory, { recursive: true });
  });
  const metrics = (await rouse.line(/^ready: .*metrics=(\S+)/))[1] ?? '';
  const parent = rouse.child.pid ?? 0;
  let restarts = 0;
  return {
    rouse,
    workers: () => childrenOf(parent),
    route,
    scrape: async () => {
      const rows = (await (await fetch(metrics)).text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      return new Map(rows.map((row) => [row.slice(0, row.lastIndexOf(' ')), Number(row.slice(row.lastIndexOf(' ') + 1))]));
    },
    readyz: async () => {
      const answer = await fetch(metrics.replace('/metrics', '/readyz'));
      return `${answer.status} ${(await answer.text()).trim()}`;
    },
    restart: async () => {
      rouse.child.kill('SIGHUP');
      restarts += 1;
      await until(
        'the restart is over',
        () => rouse.errors().split('the restart is over').length > restarts,
        60_000,
        () => rouse.errors(),
      );
    },
  };
};

/** All series of a metric for one workload together. */
export const sumOf = (series: ReadonlyMap<string, number>, metric: string, workload: string): number =>
  [...series].filter(([key]) => key.startsWith(`${metric}{namespace="default",workload="${workload}"`)).reduce((sum, [, value]) => sum + value, 0);

/** A request over a connection of its own. Gives the status and the body; rejects as the connection does. */
export const askOnce = (port: number, path = '/'): Promise<{ readonly status: number; readonly body: string }> =>
  new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    asked.on('error', reject);
    asked.end();
  });

export interface OnceLoad {
  readonly answered: () => number;
  /** What went wrong so far: `code` or status, and when the request began (performance.now). */
  readonly failures: readonly { readonly what: string; readonly beganAt: number }[];
  stop(): Promise<void>;
}

/** `clients` of which each asks again and again, over a new connection each time. */
export const loadOfNewConnections = (t: Pick<ExecutionContext, 'teardown'>, clients: number, port: number): OnceLoad => {
  let going = true;
  let answered = 0;
  const failures: { readonly what: string; readonly beganAt: number }[] = [];
  const one = async (): Promise<void> => {
    while (going) {
      const beganAt = performance.now();
      try {
        const { status, body } = await askOnce(port);
        if (status === 200 && body === 'hello') answered += 1;
        else failures.push({ what: String(status), beganAt });
      } catch (error) {
        failures.push({ what: (error as NodeJS.ErrnoException).code ?? String(error), beganAt });
      }
    }
  };
  const all = Promise.all(Array.from({ length: clients }, one));
  const stop = async (): Promise<void> => {
    going = false;
    await all;
  };
  t.teardown(stop);
  return { answered: () => answered, failures, stop };
};
