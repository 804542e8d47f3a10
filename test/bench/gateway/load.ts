import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { percentile } from '../statistics.ts';
import { unaryCall } from './grpc-call.ts';
import { resources, tlsHost } from './origin.ts';
import type { Programs } from './programs.ts';

/** What a client saw of one measurement. */
export interface Load {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** By kind; none of them should be. */
  readonly errors: Readonly<Record<string, number>>;
}

/** Where a contestant is reached. */
export interface Ports {
  readonly port: number;
  readonly webSocketPort: number;
  readonly grpcPort: number;
  /** 0 where it has none. */
  readonly tlsPort: number;
}

/** Puts load on a contestant, from a process of its own. */
export type Loader = (at: Ports, seconds: number) => Promise<Load>;

export interface Loaders {
  /** wrk: each connection sends its next request as soon as it has the answer. */
  readonly closedLoop: (resource: keyof typeof resources, connections: number, options?: ClosedLoopOptions) => Loader;
  /** GET at a given rate, whatever the answers take. */
  readonly fixedRate: (connections: number, perSecond: () => number) => Loader;
  /** h2load: unary calls of gRPC, so many at a time on each connection. */
  readonly unaryCalls: (connections: number, atATime: number) => Loader;
  /** GET over TLS, each with a handshake of its own; wrk would resume sessions. */
  readonly handshakes: (atATime: number) => Loader;
  /** Messages that come back, the next one on a connection when the one before is there; `perSecond` only says how many in all. */
  readonly webSocketEcho: (connections: number, perSecond: number) => Loader;
}

export interface ClosedLoopOptions {
  readonly bodyBytes?: number;
  readonly isConnectionPerRequest?: boolean;
  readonly isTls?: boolean;
}

const programFile = (name: string): string => join(import.meta.dirname, 'programs', name);

export const loadersOf = (programs: Programs, { wrk, h2load }: { readonly wrk: string; readonly h2load: string }, directory: string): Loaders => {
  const ownClient = async (file: string, args: readonly number[]): Promise<Load> =>
    JSON.parse(await programs.run(file, process.execPath, [programFile(file), ...args.map(String)])) as Load;
  return {
    closedLoop:
      (resource, connections, { bodyBytes, isConnectionPerRequest = false, isTls = false } = {}) =>
      async ({ port, tlsPort }, seconds) => {
        const flags = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '10s', '-s', join(import.meta.dirname, 'wrk-summary.lua')];
        const fields = [...(isConnectionPerRequest ? ['Connection: close'] : []), ...(isTls ? [`Host: ${tlsHost}`] : [])].flatMap((field) => ['-H', field]);
        const base = isTls ? `https://127.0.0.1:${tlsPort}` : `http://127.0.0.1:${port}`;
        const body = bodyBytes === undefined ? [] : ['--', String(bodyBytes)];
        return summaryOf(await programs.run('wrk', wrk, [...flags, ...fields, `${base}${resources[resource].path}`, ...body]));
      },
    fixedRate:
      (connections, perSecond) =>
      ({ port }, seconds) =>
        ownClient('fixed-rate-client.ts', [port, connections, perSecond(), seconds]),
    unaryCalls:
      (connections, atATime) =>
      async ({ grpcPort }, seconds) => {
        const [message, log] = [join(directory, 'grpc-message'), join(directory, 'h2load-log')];
        await Promise.all([writeFile(message, unaryCall.message), writeFile(log, '')]);
        const headers = Object.entries(unaryCall.headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
        const flags = ['-t', '1', '-c', String(connections), '-m', String(atATime), '-D', String(seconds), '-d', message, '--log-file', log, ...headers];
        return h2loadSummary(
          await programs.run('h2load', h2load, [...flags, `http://127.0.0.1:${grpcPort}${unaryCall.path}`]),
          await readFile(log, 'utf8'),
          seconds,
        );
      },
    handshakes:
      (atATime) =>
      ({ tlsPort }, seconds) =>
        ownClient('handshake-client.ts', [tlsPort, atATime, seconds]),
    webSocketEcho:
      (connections, perSecond) =>
      ({ webSocketPort }, seconds) =>
        ownClient('websocket-client.ts', [webSocketPort, connections, perSecond * seconds]),
  };
};

interface WrkSummary {
  readonly requests: number;
  readonly micros: number;
  readonly p50: number;
  readonly p99: number;
  readonly errors: Load['errors'];
}

const summaryOf = (output: string): Load => {
  const line = output.split('\n').find((each) => each.startsWith('{'));
  if (line === undefined) throw new Error(`wrk has no summary: ${output}`);
  const { requests, micros, p50, p99, errors } = JSON.parse(line) as WrkSummary;
  return { requests, seconds: micros / 1e6, p50Ms: p50 / 1000, p99Ms: p99 / 1000, errors };
};

/** `log`: a line for each request, with its start, its status and what it took in microseconds. */
const h2loadSummary = (output: string, log: string, seconds: number): Load => {
  const counts = /requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/.exec(output);
  if (counts === null) throw new Error(`h2load has no summary: ${output}`);
  const [requests = 0, failed = 0, errored = 0, timeout = 0] = counts.slice(1).map(Number);
  const took = log.split('\n').flatMap((line) => (line === '' ? [] : [Number(line.split('\t')[2]) / 1000]));
  return { requests, seconds, p50Ms: percentile(took, 0.5), p99Ms: percentile(took, 0.99), errors: { failed, errored, timeout } };
};
