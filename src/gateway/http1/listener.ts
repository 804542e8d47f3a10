import { createServer, ServerResponse, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { millis, type Clock } from '../../core/index.ts';
import type { Refusal } from '../call.ts';
import { listenAt, portOf, type OpenListener } from '../open-listener.ts';
import { malformed, unknownHost } from '../refusals.ts';
import type { WorkloadGate } from '../workload-gate.ts';
import { Exchange } from './exchange.ts';
import { problemAnswer, rawProblem } from './problem.ts';
import { Head } from './request-head.ts';
import type { Upstreams } from './upstreams.ts';

/** The workload that a request is for, and the port of its pods. */
export interface Destination {
  readonly gate: WorkloadGate;
  readonly target: string;
}

/** What stands behind a listener. */
export interface HttpEntry {
  readonly edge: boolean;
  find(host: string): Destination | undefined;
  /** Answered without a workload. */
  unrouted(refusal: Refusal): void;
}

export interface HttpSurroundings {
  readonly clock: Clock;
  readonly upstreams: Upstreams;
  connections(change: 1 | -1): void;
}

const headWithinMs = 10_000;
const mostHeadBytes = 32 * 1024;
/** Longer than the idle time-outs of usual load balancers in front (60 s), so that it is they who close. */
const keepIdleMs = 75_000;

/** Requests of one connection that wait for those before them; a client that goes on sending beyond that is cut off. */
const mostAhead = 200;

/** A node:http server on one port, with Node's strict parser. It turns what comes in into exchanges and hands them to the workload's gate. */
export class HttpListener implements OpenListener {
  /** May be swapped while connections are open: the next request goes by the new one. */
  entry: HttpEntry;
  readonly #around: HttpSurroundings;
  readonly #server: Server;
  /** The newest request of each connection, and how many were not answered when it came. */
  readonly #newest = new WeakMap<Socket, { readonly response: ServerResponse; readonly ahead: number }>();
  #closing = false;

  constructor(entry: HttpEntry, around: HttpSurroundings) {
    this.entry = entry;
    this.#around = around;
    this.#server = createServer({
      insecureHTTPParser: false,
      // A request without one is refused by `Head.read`, in our words.
      requireHostHeader: false,
      maxHeaderSize: mostHeadBytes,
      headersTimeout: headWithinMs,
      connectionsCheckingInterval: 1000,
      // A whole request may take as long as it likes (uploads); the workload's own limits hold.
      requestTimeout: 0,
      keepAliveTimeout: keepIdleMs,
      noDelay: true,
      // An offer to change to something that we cannot pass on, one with a body, or one behind requests that are not answered yet, is an ordinary request (RFC 9110 §7.8).
      shouldUpgradeCallback: (request) => !isAnswering(request.socket) && canUpgrade(request),
    });
    // Node would drop what lies above a count without a word; the size of the head is bounded instead.
    this.#server.maxHeadersCount = 0;
    this.#server.on('request', (request, response) => this.#inTurn(request, response, false));
    this.#server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => this.#inTurn(request, response, true));
    this.#server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) =>
      this.#refuse(response, malformed('an expectation other than 100-continue'), 417),
    );
    this.#server.on('upgrade', (request, socket, head) => this.#handleUpgrade(request, socket, head));
    this.#server.on('connect', (_request, socket) => this.#refuseRaw(socket, malformed('CONNECT is not served'), 400));
    this.#server.on('clientError', (error, socket) => this.#unreadable(error, socket));
    this.#server.on('connection', (socket) => {
      around.connections(1);
      socket.on('close', () => around.connections(-1));
    });
  }

  get port(): number {
    return portOf(this.#server);
  }

  open(address: string | undefined, port: number): Promise<void> {
    return listenAt(this.#server, address, port);
  }

  sayGoodbye(): void {
    this.#closing = true;
  }

  async close(): Promise<void> {
    this.#closing = true;
    const idle = this.#around.clock.every(millis(50), () => this.#server.closeIdleConnections());
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeIdleConnections();
    });
    idle.cancel();
  }

  destroy(): void {
    this.#server.closeAllConnections();
  }

  /** Requests that were sent without awaiting answers come to the pods one after the other, as they were sent (RFC 9112 §9.3.2). */
  #inTurn(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const { socket } = request;
    const before = this.#newest.get(socket);
    const ahead = before === undefined || before.response.closed ? 0 : before.ahead + 1;
    this.#newest.set(socket, { response, ahead });
    const handle = (): void => this.#handle(request, response, { expectsContinue, upgradeHead: undefined });
    if (before === undefined || ahead === 0) return handle();
    if (ahead > mostAhead) {
      socket.destroy();
      return;
    }
    // Node drops what came right behind an offer to upgrade that is not taken: the client has to know that nothing more is answered.
    if (request.headers.upgrade !== undefined) response.shouldKeepAlive = false;
    before.response.once('close', () => {
      if (!request.destroyed) handle();
    });
  }

  #handle(request: IncomingMessage, response: ServerResponse, extra: { readonly expectsContinue: boolean; readonly upgradeHead: Buffer | undefined }): void {
    const head = Head.read(request);
    if (!head.ok) return this.#refuse(response, malformed(head.problem.detail), head.problem.status);
    const destination = this.entry.find(head.value.host);
    if (destination === undefined) return this.#refuse(response, unknownHost(head.value.host), undefined);
    const { gate, target } = destination;
    const { clock, upstreams } = this.#around;
    const setting = { clock, upstreams, target, edge: this.entry.edge, limits: gate.route, closing: () => this.#closing };
    const exchange = new Exchange(setting, head.value, request, response, extra);
    if (gate.ignores(head.value)) gate.pass(exchange);
    else gate.admit(exchange);
  }

  #handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!isSocket(socket)) {
      socket.destroy();
      return;
    }
    socket.on('error', () => socket.destroy());
    // An answer other than 101 goes out like any other; after it the connection ends, since Node's parser has let go of it.
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.on('finish', () => socket.end());
    this.#handle(request, response, { expectsContinue: false, upgradeHead: head });
  }

  #refuse(response: ServerResponse, refusal: Refusal, status: number | undefined): void {
    this.entry.unrouted(refusal);
    const answer = problemAnswer(refusal, status);
    // After what could not be understood nobody knows where the next request begins.
    if (refusal.code === 'malformed-request' || this.#closing) response.shouldKeepAlive = false;
    response.writeHead(answer.status, [...answer.headers]);
    response.end(answer.body);
  }

  #refuseRaw(socket: Duplex, refusal: Refusal, status: number): void {
    this.entry.unrouted(refusal);
    // Behind requests that are not answered yet it would be taken for the answer to the first of them.
    if (socket.writable && !isAnswering(socket)) socket.end(rawProblem(refusal, status));
    else socket.destroy();
  }

  #unreadable(error: Error & { readonly code?: string }, socket: Duplex): void {
    // A reset says nothing to answer; and once an answer is under way, a second one would be taken for part of it.
    // A connection opened ahead and never used ends without a word: an answer to no request could be taken for that of the next one.
    if (error.code === 'ECONNRESET' || !socket.writable || isAnswering(socket) || (isSocket(socket) && socket.bytesRead === 0)) {
      socket.destroy();
      return;
    }
    const status =
      error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW' ? 413 : 400;
    this.#refuseRaw(socket, malformed(whyUnreadable[status] ?? 'the request is not HTTP/1.1 as RFC 9112 has it'), status);
  }
}

const whyUnreadable: Readonly<Record<number, string>> = {
  408: `the head of the request did not come within ${headWithinMs / 1000} s`,
  413: 'the chunk extensions are too long',
  431: `the head of the request is longer than ${mostHeadBytes / 1024} KiB`,
};

const canUpgrade = (request: IncomingMessage): boolean => {
  const head = Head.read(request);
  return head.ok && head.value.upgrade !== undefined && request.method === 'GET' && !/^h2c?$/i.test(head.value.upgrade);
};

const isSocket = (stream: Duplex): stream is Socket => 'remoteAddress' in stream;

/** Node keeps the response that is being written on its socket; there is no public way to ask. */
const isAnswering = (socket: Duplex): boolean => '_httpMessage' in socket && socket._httpMessage instanceof ServerResponse;
