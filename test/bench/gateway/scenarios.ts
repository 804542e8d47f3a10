import type { Loader, Loaders } from './load.ts';

export const scenarios = [
  'get32',
  'get256',
  'post32',
  'body64k',
  'body8m',
  'upload8m',
  'close32',
  'half32',
  'ws32',
  'grpc32',
  'tls32',
  'tlsclose32',
  'memory',
] as const;
export type ScenarioName = (typeof scenarios)[number];

/** A scenario that load is put on in rounds; `memory` goes its own way. */
export type LoadScenario = Exclude<ScenarioName, 'memory'>;

export interface Scenario {
  readonly title: string;
  readonly unit: 'request' | 'message' | 'call';
  readonly load: Loader;
  /** Over TLS, which the floor has not. */
  readonly isTls?: true;
  /** Envoy with its defaults takes part as well. */
  readonly withDefaults?: true;
}

/** @param halfRate requests a second that are half of what the slowest contestant takes; known when `get32` has been measured. */
export const scenariosOf = (
  { closedLoop, fixedRate, webSocketEcho, unaryCalls, handshakes }: Loaders,
  halfRate: () => number,
): Readonly<Record<LoadScenario, Scenario>> => ({
  get32: { title: 'GET, 12 bytes, 32 keep-alive connections', unit: 'request', load: closedLoop('hello', 32), withDefaults: true },
  get256: { title: 'GET, 12 bytes, 256 keep-alive connections', unit: 'request', load: closedLoop('hello', 256), withDefaults: true },
  post32: { title: 'POST of 1 KB, 32 keep-alive connections', unit: 'request', load: closedLoop('taken', 32, { bodyBytes: 1024 }) },
  body64k: { title: 'GET, 64 KB, 32 keep-alive connections', unit: 'request', load: closedLoop('medium', 32) },
  body8m: { title: 'GET, 8 MB, 4 keep-alive connections', unit: 'request', load: closedLoop('large', 4) },
  upload8m: { title: 'POST of 8 MB, 4 keep-alive connections', unit: 'request', load: closedLoop('taken', 4, { bodyBytes: 8 * 1024 * 1024 }) },
  close32: {
    title: 'GET, 12 bytes, a new connection for every request, 32 at a time',
    unit: 'request',
    load: closedLoop('hello', 32, { isConnectionPerRequest: true }),
    withDefaults: true,
  },
  half32: { title: 'GET, 12 bytes, at half of what the slowest takes, 32 keep-alive connections', unit: 'request', load: fixedRate(32, halfRate) },
  grpc32: { title: 'Unary gRPC, 12 bytes each way, 8 connections with 4 calls each', unit: 'call', load: unaryCalls(8, 4), withDefaults: true },
  ws32: { title: 'WebSocket echo, 32 bytes, 32 connections', unit: 'message', load: webSocketEcho(32, 20_000) },
  tls32: { title: 'GET over TLS, 12 bytes, 32 keep-alive connections', unit: 'request', load: closedLoop('hello', 32, { isTls: true }), isTls: true },
  tlsclose32: {
    title: 'GET over TLS, 12 bytes, a new connection and handshake for every request, 32 at a time',
    unit: 'request',
    load: handshakes(32),
    isTls: true,
  },
});
