import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { startRouse, type RouseProcess } from '../support/rouse-process.ts';
import { cpuSeconds, residentBytes } from './process-usage.ts';
import { table } from './statistics.ts';

const flood = 12_000;
const quietWorkloads = 49;
const bodyBytes = 1_000_000;
const opensAtOnce = 200;
const mib = 1024 * 1024;

const countOf = (index: number): number => (index % 20) + 1;

interface Load {
  readonly title: string;
  /** What the flooding clients ask. */
  readonly bytes: number;
}

/** A connection with one request, and what came back. */
class Client {
  readonly path: string;
  answer = '';
  readonly #socket: Socket;

  constructor(port: number, path: string, body: Buffer, connected: () => void) {
    this.path = path;
    this.#socket = connect(port, '127.0.0.1', () => {
      this.#socket.write(
        body.length === 0
          ? `GET ${path} HTTP/1.1\r\nHost: web\r\n\r\n`
          : `POST ${path} HTTP/1.1\r\nHost: web\r\nContent-Type: application/octet-stream\r\nContent-Length: ${body.length}\r\n\r\n`,
      );
      if (body.length > 0) this.#socket.write(body);
      connected();
    });
    this.#socket.setEncoding('latin1').on('data', (chunk: string) => (this.answer += chunk));
    this.#socket.on('error', () => undefined);
  }

  /** Of the only answer; undefined where there is none yet, or more than one. */
  get status(): number | undefined {
    const statuses = this.answer.match(/HTTP\/1\.1 \d{3} /g) ?? [];
    return statuses.length === 1 ? Number(statuses[0].slice(9, 12)) : undefined;
  }

  end(): void {
    this.#socket.destroy();
  }
}

const until = async (what: string, condition: () => boolean | Promise<boolean>): Promise<void> => {
  const stop = AbortSignal.timeout(300_000);
  while (!(await condition())) {
    if (stop.aborted) throw new Error(`not within 5 minutes: ${what}`);
    await sleep(100);
  }
};

/** Opens connections no faster than the listener takes them. */
const openAll = async (port: number, paths: readonly string[], body: Buffer): Promise<readonly Client[]> => {
  const clients: Client[] = [];
  for (let from = 0; from < paths.length; from += opensAtOnce)
    await Promise.all(paths.slice(from, from + opensAtOnce).map((path) => new Promise<void>((resolve) => clients.push(new Client(port, path, body, resolve)))));
  return clients;
};

const written = async (file: string, ports: readonly number[], origin: number | undefined): Promise<void> => {
  const endpoints = origin === undefined ? '[]' : `[{address: 127.0.0.1, port: ${origin}}]`;
  const rest = 'containerConcurrency: 100, holdQueueDepth: 100000, holdTimeout: 10m';
  const workloads = ports.map(
    (port, index) => `- {name: default/w${index}, listeners: [{address: 127.0.0.1, port: ${port}}], endpoints: ${endpoints}, ${rest}}`,
  );
  await writeFile(`${file}.new`, `workloads:\n${workloads.join('\n')}\n`);
  await rename(`${file}.new`, file);
};

const metric = async (port: number, name: string): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
};

/** An origin that answers with the path, once it has the whole body. */
const startOrigin = async (seen: string[]): Promise<{ readonly port: number; close(): void }> => {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    request.resume().on('end', () => {
      seen.push(request.url ?? '');
      response.end(request.url);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => server.close().closeAllConnections() };
};

const measure = async (
  gateway: RouseProcess,
  file: string,
  ports: readonly number[],
  metricsPort: number,
  { title, bytes }: Load,
): Promise<readonly (string | number)[]> => {
  const pid = gateway.child.pid ?? 0;
  await metric(metricsPort, 'rouse_gateway_held_requests');
  await sleep(1000);
  const [atRest, cpuBefore] = [residentBytes(pid), cpuSeconds(pid)];
  const paths = Array.from({ length: flood }, (_, index) => `/flood/${index}`);
  const [floodPort = 0, ...quietPorts] = ports;
  const flooding = openAll(floodPort, paths, Buffer.alloc(bytes, 'x'));
  const quiet = (
    await Promise.all(
      quietPorts.map((port, index) =>
        openAll(
          port,
          Array.from({ length: countOf(index) }, (_, count) => `/quiet/${index}/${count}`),
          Buffer.alloc(0),
        ),
      ),
    )
  ).flat();
  const flooded = await flooding;
  const all = [...flooded, ...quiet];
  let [most, held] = [0, 0];
  await until('each is held or refused', async () => {
    held = await metric(metricsPort, 'rouse_gateway_held_requests');
    most = Math.max(most, residentBytes(pid));
    return held + all.filter(({ status }) => status !== undefined).length === all.length;
  });
  await sleep(2000);
  const [waiting, cpu] = [residentBytes(pid), cpuSeconds(pid) - cpuBefore];
  const [used, budget] = [await metric(metricsPort, 'rouse_gateway_hold_budget_used_bytes'), await metric(metricsPort, 'rouse_gateway_hold_budget_bytes')];
  const seen: string[] = [];
  const origin = await startOrigin(seen);
  const from = performance.now();
  await written(file, ports, origin.port);
  await until('each is answered', () => all.every(({ status }) => status !== undefined));
  const released = performance.now() - from;
  if (quiet.some(({ status }) => status !== 200)) throw new Error('a quiet workload was refused');
  const served = all.filter(({ status }) => status === 200);
  if (served.length !== held || seen.length !== held || new Set(seen).size !== held) throw new Error('not each held request was answered once');
  if (served.some(({ answer, path }) => !answer.endsWith(`\r\n\r\n${path}`))) throw new Error('an answer went to somebody else');
  for (const client of all) client.end();
  origin.close();
  return [
    title,
    String(held),
    String(quiet.length),
    String(all.length - served.length),
    atRest / mib,
    Math.max(most, waiting) / mib,
    waiting / mib,
    (waiting - atRest) / held / 1024,
    used / mib,
    budget / mib,
    (cpu * 1e6) / all.length,
    released / 1000,
  ];
};

/** 12,000 requests at once for one workload at zero, 465 for 49 others: how many a gateway holds, in how much memory; that none of the 465 is refused, and each request is answered once. */
export const run = async (): Promise<void> => {
  const rows: (readonly (string | number)[])[] = [];
  for (const load of [
    { title: 'GET', bytes: 0 },
    { title: 'POST of 1 MB', bytes: bodyBytes },
  ]) {
    const directory = await mkdtemp(join(tmpdir(), 'rouse-bench-'));
    const file = join(directory, 'routes.yaml');
    const ports: number[] = [];
    while (ports.length <= quietWorkloads) ports.push(await freePort());
    const metricsPort = await freePort();
    await written(file, ports, undefined);
    const gateway = startRouse(['gateway', '--routes', file, '--metrics-port', String(metricsPort), '--log-level', 'error']);
    try {
      await gateway.line(/^ready:/);
      rows.push(await measure(gateway, file, ports, metricsPort, load));
    } finally {
      await gateway.stop('SIGKILL');
      await rm(directory, { recursive: true });
    }
  }
  console.log(`${flood} requests for one workload and 1 to 20 for each of ${quietWorkloads} others, all at zero; ${cpus().length} cores\n`);
  const header = [
    'the flood asks',
    'held',
    'of them quiet',
    'refused',
    'at rest, MiB',
    'most, MiB',
    'holding, MiB',
    'KiB a held one',
    'charged, MiB',
    'budget, MiB',
    'CPU µs each',
    'released in, s',
  ];
  console.log(table(header, rows));
};
