import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import { turn } from '../../src/gateway/index.ts';
import {
  Connection,
  noneSensitive,
  type ConnectionOwner,
  type Ending,
  type Fields,
  type OwnSettings,
  type Stream,
  type StreamListener,
} from '../../src/gateway/http2/engine/index.ts';
import { until } from './until.ts';

/** What the tests of our own HTTP/2 stand on: connections over real sockets, and listeners that write down what they hear. */

export const settingsOf = (role: OwnSettings['role'], patch: Partial<OwnSettings> = {}): OwnSettings => ({
  role,
  streamWindow: 128 * 1024,
  connectionWindow: 1024 * 1024,
  maxConcurrentStreams: 1000,
  maxHeaderListSize: 32 * 1024,
  connectProtocol: false,
  ...patch,
});

/** A stream, and all that was heard of it. */
export class Heard implements StreamListener {
  readonly heads: { readonly status: number; readonly fields: Fields; readonly end: boolean }[] = [];
  readonly chunks: Buffer[] = [];
  trailing: Fields | undefined;
  /** END_STREAM has come. */
  ended = false;
  readonly endings: { readonly how: Ending; readonly code: number }[] = [];
  stream: Stream | undefined;
  /** What else is to be done with what comes; by default it is consumed. */
  onData: (stream: Stream, bytes: Buffer, from: number, to: number, end: boolean) => void = (stream, _bytes, from, to) => stream.consumed(to - from);
  onTrailers: (stream: Stream) => void = () => undefined;
  onWritable: (stream: Stream) => void = () => undefined;

  get body(): Buffer {
    return Buffer.concat(this.chunks);
  }

  answer(_stream: Stream, status: number, fields: Fields, _sensitive: ReadonlySet<string>, end: boolean): void {
    this.heads.push({ status, fields, end });
    if (end) this.ended = true;
  }

  data(stream: Stream, bytes: Buffer, from: number, to: number, end: boolean): void {
    this.chunks.push(Buffer.from(bytes.subarray(from, to)));
    if (end) this.ended = true;
    this.onData(stream, bytes, from, to, end);
  }

  trailers(stream: Stream, fields: Fields): void {
    this.trailing = fields;
    this.ended = true;
    this.onTrailers(stream);
  }

  writable(stream: Stream): void {
    this.onWritable(stream);
  }

  closed(_stream: Stream, how: Ending, code: number): void {
    this.endings.push({ how, code });
  }
}

export interface EngineRequest {
  readonly stream: Stream;
  readonly fields: Fields;
  readonly end: boolean;
  readonly heard: Heard;
}

export interface EngineServer {
  readonly port: number;
  readonly connections: readonly Connection[];
  readonly sockets: readonly Socket[];
  readonly requests: readonly EngineRequest[];
  /** Connections that are no more. */
  readonly closed: () => number;
}

const attach = (socket: Socket, connection: Connection): void => {
  socket.on('data', (chunk: Buffer) => connection.receive(chunk, 0, chunk.length));
};

export const startEngineServer = async (
  t: ExecutionContext,
  handler: (request: EngineRequest) => void,
  patch: Partial<OwnSettings> = {},
): Promise<EngineServer> => {
  const [connections, sockets, requests]: [Connection[], Socket[], EngineRequest[]] = [[], [], []];
  let closed = 0;
  const owner: ConnectionOwner = {
    opened: (stream, fields, _sensitive, end) => {
      const heard = new Heard();
      const request = { stream, fields, end, heard };
      heard.stream = stream;
      stream.listener = heard;
      requests.push(request);
      handler(request);
    },
    changed: () => undefined,
    closed: () => void (closed += 1),
  };
  const server = createServer({ noDelay: true }, (socket) => {
    const connection = new Connection(socket, settingsOf('server', patch), owner, turn);
    connections.push(connection);
    sockets.push(socket);
    attach(socket, connection);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const connection of connections) connection.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, connections, sockets, requests, closed: () => closed };
};

export interface EngineClient {
  readonly connection: Connection;
  readonly ask: (fields: Fields, end: boolean) => Heard;
  readonly closed: () => number;
}

export const dialEngine = async (t: ExecutionContext, port: number, patch: Partial<OwnSettings> = {}): Promise<EngineClient> => {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let closed = 0;
  const owner: ConnectionOwner = { changed: () => undefined, closed: () => void (closed += 1) };
  const connection = new Connection(socket, settingsOf('client', patch), owner, turn);
  attach(socket, connection);
  t.teardown(() => connection.destroy());
  await until('settings', () => connection.greeted);
  const ask = (fields: Fields, end: boolean): Heard => {
    const heard = new Heard();
    const stream = connection.request(fields, noneSensitive, end, heard);
    if (stream === undefined) throw new Error('there is no room');
    heard.stream = stream;
    return heard;
  };
  return { connection, ask, closed: () => closed };
};

export const requestFields = (path = '/', method = 'GET'): string[] => [':method', method, ':scheme', 'http', ':path', path, ':authority', 'a'];
export const send = (stream: Stream, body: Buffer, end: boolean): boolean => stream.data(body, 0, body.length, end);
