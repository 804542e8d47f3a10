import { createServer, METHODS, request, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';

/** Requests and answers as node:http reads them, over connections in memory: another reader's opinion on the same bytes. */

/** Names and values in turn, as they came. */
type Fields = readonly string[];

interface ReadMessage {
  readonly fields: Fields;
  body: string;
  trailers: Fields;
  /** To its end. */
  whole: boolean;
}
export interface ReadRequest extends ReadMessage {
  readonly method: string;
  readonly url: string;
}
export interface ReadAnswer extends ReadMessage {
  readonly status: number;
}

/** The reader's end of a connection; what it writes goes nowhere. */
class MemoryConnection extends Duplex {
  override _read(): void {
    // Pushed, not pulled.
  }

  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    done();
  }

  setTimeout(): this {
    return this;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** Until nothing moves any more: in memory a few turns carry everything to its end. */
const settled = async (): Promise<void> => {
  for (let turns = 0; turns < 4; turns += 1) await turn();
};

const collect = (message: IncomingMessage, into: ReadMessage): void => {
  message.setEncoding('latin1');
  message.on('data', (chunk: string) => (into.body += chunk));
  message.on('end', () => {
    into.trailers = message.rawTrailers;
    into.whole = message.complete;
  });
  message.on('error', () => undefined);
};

const feed = (connection: Duplex, pieces: readonly Buffer[]): void => {
  for (const piece of pieces) if (!connection.destroyed) connection.push(piece);
};

/** It answers each request that has come whole, and writes down all. */
const nodeServer = createServer({ maxHeaderSize: 64 * 1024, keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0, connectionsCheckingInterval: 1e9 });
nodeServer.maxHeadersCount = 0;
// Else what came before the end of a connection might not be read to its end.
Object.assign(nodeServer, { httpAllowHalfOpen: true });
interface Seen {
  readonly requests: ReadRequest[];
  broken: boolean;
}
const seenOver = new WeakMap<object, Seen>();
nodeServer.on('request', (message, response) => {
  const read: ReadRequest = { method: message.method ?? '', url: message.url ?? '', fields: message.rawHeaders, body: '', trailers: [], whole: false };
  seenOver.get(message.socket)?.requests.push(read);
  collect(message, read);
  // Without a length it would end connections of HTTP/1.0.
  message.on('end', () => response.writeHead(200, { 'Content-Length': 0 }).end());
});
/** The connection stays open for now: what came before may still be on its way through the streams. */
const breakOff = (_cause: unknown, socket: Duplex): void => {
  const seen = seenOver.get(socket);
  if (seen !== undefined) seen.broken = true;
};
nodeServer.on('clientError', breakOff).on('connect', breakOff);

/** The methods that node:http knows; it refuses any other. */
export const nodeMethods: ReadonlySet<string> = new Set(METHODS);

export interface NodeRequests {
  readonly requests: readonly ReadRequest[];
  /** Something came that it takes for no HTTP, or a CONNECT. */
  readonly broken: boolean;
}

/** What a server of node:http sees of a connection over which `pieces` come, and its end. */
export const requestsAsNodeReads = async (pieces: readonly Buffer[]): Promise<NodeRequests> => {
  const seen: Seen = { requests: [], broken: false };
  const connection = new MemoryConnection();
  seenOver.set(connection, seen);
  connection.on('error', () => undefined);
  nodeServer.emit('connection', connection);
  feed(connection, pieces);
  await settled();
  connection.push(null);
  await settled();
  connection.destroy();
  return seen;
};

export interface NodeAnswer {
  /** 1xx. */
  readonly interim: readonly { readonly status: number; readonly fields: Fields }[];
  /** Undefined where there is none that it can read. */
  readonly final: ReadAnswer | undefined;
  /** The final one was whole before the connection ended. */
  readonly wholeBeforeEnd: boolean;
  /** A 101, whatever became of it. */
  readonly switched: boolean;
}

/** What a client of node:http makes of `pieces`, and the end of the connection, as the answer to a request of `method`. */
export const answerAsNodeReads = async (pieces: readonly Buffer[], method = 'GET'): Promise<NodeAnswer> => {
  const connection = new MemoryConnection();
  const interim: { readonly status: number; readonly fields: Fields }[] = [];
  const finals: ReadAnswer[] = [];
  let switched = false;
  const outgoing = request({ method, host: 'a', maxHeaderSize: 128 * 1024, createConnection: () => connection });
  outgoing.maxHeadersCount = 0;
  outgoing.on('information', ({ statusCode, rawHeaders }) => interim.push({ status: statusCode, fields: rawHeaders }));
  outgoing.on('upgrade', (_response, socket) => {
    switched = true;
    socket.destroy();
  });
  outgoing.on('response', (message) => {
    const read: ReadAnswer = { status: message.statusCode ?? 0, fields: message.rawHeaders, body: '', trailers: [], whole: false };
    finals.push(read);
    collect(message, read);
  });
  outgoing.on('error', () => undefined);
  outgoing.end();
  await settled();
  feed(connection, pieces);
  await settled();
  const wholeBeforeEnd = finals[0]?.whole === true;
  connection.push(null);
  await settled();
  connection.destroy();
  return { interim, final: finals[0], wholeBeforeEnd, switched };
};
