import { connect, createServer, type ClientHttp2Session, type ClientHttp2Stream, type Http2Server, type IncomingHttpHeaders } from 'node:http2';
import type { OutgoingHttpHeaders, ServerHttp2Session, ServerHttp2Stream, ServerOptions } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import type { WorkloadRoute } from '../../src/core/index.ts';
import { freePort, podAt, startRig, type Rig } from './gateway-rig.ts';

/** What the tests of HTTP/2 stand on: pods and clients of node:http2, and the gateway between them. */

export interface SeenRequest {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly raw: readonly string[];
  readonly trailers: () => IncomingHttpHeaders | undefined;
  /** The error code with which the stream has ended; undefined while it has not. */
  readonly closedWith: () => number | undefined;
}

export interface Http2Origin {
  readonly port: number;
  readonly requests: readonly SeenRequest[];
  readonly sessions: readonly ServerHttp2Session[];
  /** Dies as a killed process does. */
  readonly die: () => Promise<void>;
}

/** What a pod does with a request. */
export type Handler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, index: number) => void;

export const startHttp2Origin = async (handler: Handler, options: ServerOptions = {}, port = 0): Promise<Http2Origin> => {
  const requests: SeenRequest[] = [];
  const sessions: ServerHttp2Session[] = [];
  const sockets = new Set<Socket>();
  const server: Http2Server = createServer(options);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
  });
  server.on('session', (session) => sessions.push(session));
  server.on('stream', (stream, headers, _flags, raw) => {
    let [trailers, code]: [IncomingHttpHeaders | undefined, number | undefined] = [undefined, undefined];
    stream.on('trailers', (fields: IncomingHttpHeaders) => (trailers = fields)).on('error', () => undefined);
    stream.on('close', () => (code = stream.rstCode));
    requests.push({ stream, headers, raw, trailers: () => trailers, closedWith: () => code });
    handler(stream, headers, requests.length - 1);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    sessions,
    die: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
};

/** The body of a request, whole. */
export const bodyOf = async (stream: ServerHttp2Stream): Promise<string> => {
  let body = '';
  for await (const chunk of stream) body += String(chunk);
  return body;
};

/** An answer as a client saw it, whole or cut. */
export interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly raw: readonly string[];
  readonly interim: readonly IncomingHttpHeaders[];
  readonly trailers: IncomingHttpHeaders | undefined;
  readonly body: string;
  /** HEADERS had END_STREAM. */
  readonly headOnly: boolean;
  readonly code: number;
}

/** Collects what comes over `stream`; resolves when it is closed. */
export const answerOf = (stream: ClientHttp2Stream): Promise<Answer> =>
  new Promise((resolve) => {
    const interim: IncomingHttpHeaders[] = [];
    let [headers, raw, trailers, body, headOnly]: [IncomingHttpHeaders, string[], IncomingHttpHeaders | undefined, string, boolean] = [
      {},
      [],
      undefined,
      '',
      false,
    ];
    stream.on('headers', (fields) => interim.push(fields));
    stream.on('response', (fields, flags, list) => ([headers, raw, headOnly] = [fields, list, (flags & 1) !== 0]));
    stream.on('trailers', (fields: IncomingHttpHeaders) => (trailers = fields));
    stream.on('data', (chunk: Buffer) => (body += chunk.toString('latin1'))).on('error', () => undefined);
    stream.on('close', () =>
      resolve({
        status: headers[':status'] === undefined ? undefined : Number(headers[':status']),
        headers,
        raw,
        interim,
        trailers,
        body,
        headOnly,
        code: stream.rstCode,
      }),
    );
  });

export const dialHttp2 = async (t: ExecutionContext, port: number): Promise<ClientHttp2Session> => {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  t.teardown(() => session.destroy());
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  return session;
};

/** One request, whole, and its answer. */
export const ask = (session: ClientHttp2Session, headers: OutgoingHttpHeaders | readonly string[] = {}, body?: string): Promise<Answer> => {
  const stream = session.request(headers, { endStream: body === undefined });
  const answer = answerOf(stream);
  if (body !== undefined) stream.end(body);
  return answer;
};

export const grpcHeaders = (path = '/pkg.Service/Method'): OutgoingHttpHeaders => ({
  ':method': 'POST',
  ':path': path,
  'content-type': 'application/grpc',
  te: 'trailers',
});

/** A gateway with a port for HTTP/2 and no pod. */
export const startHttp2Rig = async (t: ExecutionContext, patch: Partial<WorkloadRoute> = {}, gateway: Parameters<typeof startRig>[1] = {}): Promise<Rig> => {
  const port = await freePort();
  const rig = await startRig({ listeners: [{ address: '127.0.0.1', port, protocol: 'h2c', target: 'http' }], ...patch }, gateway);
  t.teardown(rig.stop);
  return { ...rig, port };
};

export interface Http2Scene {
  readonly origin: Http2Origin;
  readonly rig: Rig;
  readonly session: ClientHttp2Session;
}

/** A gateway with one pod behind it, and a client. */
export const startHttp2Scene = async (
  t: ExecutionContext,
  handler: Handler,
  patch: Partial<WorkloadRoute> = {},
  options: ServerOptions = {},
  gateway: Parameters<typeof startRig>[1] = {},
): Promise<Http2Scene> => {
  const origin = await startHttp2Origin(handler, options);
  t.teardown(origin.die);
  const rig = await startHttp2Rig(t, { pods: [podAt(origin.port)], ...patch }, gateway);
  return { origin, rig, session: await dialHttp2(t, rig.port) };
};
