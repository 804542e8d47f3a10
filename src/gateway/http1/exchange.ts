import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { messageOf, type Clock } from '../../core/index.ts';
import type { Dispatcher } from 'undici';
import { Call, type Refusal } from '../call.ts';
import type { Pod } from '../pod.ts';
import { malformed, responseTooLate, shuttingDown, upstreamReset } from '../refusals.ts';
import { bytesThrough, keepAlive, splice } from '../splice.ts';
import { problemAnswer } from './problem.ts';
import { RequestBody } from './request-body.ts';
import { forClient, type Head } from './request-head.ts';
import type { Upstreams } from './upstreams.ts';
import { isPageLoad, waitingPage } from './waiting-page.ts';

/** Where a request came in, and by which rules it goes on. */
export interface ExchangeSetting {
  readonly clock: Clock;
  readonly upstreams: Upstreams;
  readonly target: string;
  /** True on the shared port, where the gateway is the edge. */
  readonly edge: boolean;
  readonly limits: { readonly requestTimeoutMs: number; readonly responseStartTimeoutMs: number; readonly idleTimeoutMs: number };
  /** True once the listener takes nothing new: answers tell the client to come again on another connection. */
  readonly closing: () => boolean;
}

/**
 * One HTTP request from its head to the end of its answer, over any number of attempts that found no connection and at most one that did. It is undici's
 * handler itself: one attempt at a time, and after the end (`#over`) nothing that still comes is heard.
 */
export class Exchange extends Call implements Dispatcher.DispatchHandler {
  readonly target: string;
  readonly clientAddress: string;
  readonly #setting: ExchangeSetting;
  readonly #head: Head;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  /** Of an upgrade request: what the client sent after its head. */
  readonly #clientHead: Buffer | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #body: RequestBody | undefined;
  #spliced: { readonly client: Duplex; readonly upstream: Duplex } | undefined;
  #expectsContinue: boolean;
  #connected = false;
  #answering = false;
  #headSent = false;
  #over = false;
  /** The attempt under way was given up by us: whatever undici still says of it is not heard. */
  #aborted = false;
  #startedAt = 0;
  #movedAt = 0;
  #bytes = 0;

  constructor(
    setting: ExchangeSetting,
    head: Head,
    request: IncomingMessage,
    response: ServerResponse,
    extra: { readonly expectsContinue: boolean; readonly upgradeHead: Buffer | undefined },
  ) {
    super();
    this.#setting = setting;
    this.#head = head;
    this.#request = request;
    this.#response = response;
    this.#clientHead = extra.upgradeHead;
    this.#expectsContinue = extra.expectsContinue;
    this.target = setting.target;
    this.clientAddress = peerOf(request);
    response.on('close', () => {
      if (!response.writableFinished) this.#clientGone();
    });
    response.on('error', () => undefined);
    if (extra.upgradeHead !== undefined) this.#watchForEnd(request.socket);
  }

  // From the gate.

  start(pod: Pod, port: number): void {
    const { clock, upstreams, edge } = this.#setting;
    this.#startedAt = this.#movedAt = clock.monotonic();
    this.dueAt = this.#nextLimit(this.#startedAt);
    this.#body = this.#head.hasBody
      ? new RequestBody(
          this.#request,
          () => this.#sayContinue(),
          () => this.#moved(),
        )
      : undefined;
    upstreams.of(pod, port).dispatch(
      {
        path: this.#head.path,
        method: this.#request.method ?? 'GET',
        headers: this.#head.forUpstream(this.clientAddress, edge),
        body: this.#body ?? null,
        upgrade: this.#clientHead === undefined ? null : (this.#head.upgrade ?? null),
      },
      this,
    );
  }

  refuse(refusal: Refusal): void {
    const answer = problemAnswer(refusal);
    this.#answerSelf(answer.status, answer.headers, answer.body);
  }

  override canShowWaiting(): boolean {
    return isPageLoad(this.#request.method, this.#head);
  }

  override showWaiting(): void {
    this.#answerSelf(waitingPage.status, waitingPage.headers, waitingPage.body);
  }

  timedOut(now: number): void {
    const { requestTimeoutMs, responseStartTimeoutMs, idleTimeoutMs } = this.#setting.limits;
    this.#noticeSplicedBytes(now);
    if (requestTimeoutMs > 0 && now >= this.#startedAt + requestTimeoutMs) return this.#fail(responseTooLate('the request', requestTimeoutMs));
    if (idleTimeoutMs > 0 && now >= this.#movedAt + idleTimeoutMs) return this.#fail(responseTooLate('a silence', idleTimeoutMs));
    if (!this.#answering && responseStartTimeoutMs > 0 && now >= this.#movedAt + responseStartTimeoutMs)
      return this.#fail(responseTooLate('the answer', responseStartTimeoutMs));
    this.dueAt = this.#nextLimit(now);
  }

  cut(): void {
    this.#fail(shuttingDown);
  }

  // From undici, for the attempt under way.

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#connected = true;
    if (this.#over || this.#aborted) controller.abort(new Error('nobody waits for the answer any more'));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _headers: unknown, statusText?: string): void {
    if (this.#over) return;
    this.#moved();
    const headers = forClient(rawPairs(controller.rawHeaders));
    if (status < 200) {
      if (status === 103) this.#sendEarlyHints(headers);
      return;
    }
    if (this.#setting.closing() || this.#clientHead !== undefined) this.#response.shouldKeepAlive = false;
    this.#response.writeHead(status, plainPhrase(statusText), headers);
    this.#answering = true;
    this.progress?.answering(this, status);
    // A head goes out with the first bytes of its body where they are here already, else now: an event stream may say nothing for long.
    queueMicrotask(() => {
      if (!this.#headSent && !this.#response.writableEnded) this.#response.flushHeaders();
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return;
    this.#moved();
    this.#headSent = true;
    if (this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once('drain', () => {
      this.#moved();
      controller.resume();
    });
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#over) return;
    const trailers = forClient(rawPairs(controller.rawTrailers));
    if (trailers.length > 0 && this.#response.chunkedEncoding) this.#response.addTrailers(pairs(trailers));
    this.#response.end();
    this.#finish(this.#response.statusCode);
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#over || this.#aborted) return;
    if (isOurMistake(error)) return this.#fail(malformed(messageOf(error)));
    if (this.#connected) return this.#fail(upstreamReset);
    this.progress?.unreachable(this, messageOf(error));
  }

  onRequestUpgrade(controller: Dispatcher.DispatchController, status: number, _headers: unknown, upstream: Duplex): void {
    const client = this.#request.socket;
    if (this.#over || this.#aborted) {
      upstream.destroy();
      return;
    }
    this.#answering = true;
    this.progress?.answering(this, status);
    const headers = forClient(rawPairs(controller.rawHeaders));
    let text = `HTTP/1.1 ${status} Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${this.#head.upgrade ?? ''}\r\n`;
    for (let index = 0; index < headers.length; index += 2) text += `${headers[index] ?? ''}: ${headers[index + 1] ?? ''}\r\n`;
    client.off('readable', this.#onReadable);
    this.#response.detachSocket(client);
    keepAlive(client);
    keepAlive(upstream);
    client.write(`${text}\r\n`, 'latin1');
    if (this.#clientHead !== undefined && this.#clientHead.length > 0) upstream.write(this.#clientHead);
    this.#spliced = { client, upstream };
    splice(client, upstream, () => this.#finish(status));
  }

  // The rest.

  #clientGone(): void {
    if (this.#over || this.#spliced !== undefined) return;
    if (this.state === 'held') {
      this.#over = true;
      this.progress?.abandoned(this);
      return;
    }
    this.#abort('the client is gone');
    this.#finish(this.#answering ? this.#response.statusCode : 499);
  }

  /** Ends the exchange with an answer of ours, or, where the pod's own has begun, by cutting the connection: a client must not take half an answer for a whole one. */
  #fail(refusal: Refusal): void {
    if (this.#over) return;
    if (this.#spliced !== undefined) {
      this.#spliced.client.destroy();
      this.#spliced.upstream.destroy();
      return;
    }
    if (this.#answering) {
      this.#abort(refusal.detail);
      this.#finish(this.#response.statusCode);
      this.#response.destroy();
      return;
    }
    this.progress?.refusing(this, refusal);
    this.#abort(refusal.detail);
    this.refuse(refusal);
  }

  #answerSelf(status: number, headers: readonly string[], body: string): void {
    // With `Expect` unanswered the client may or may not send its body: the next request could not be told from it.
    if (this.#setting.closing() || this.#expectsContinue || this.#clientHead !== undefined) this.#response.shouldKeepAlive = false;
    this.#response.writeHead(status, [...headers]);
    this.#response.end(this.#request.method === 'HEAD' ? undefined : body);
    this.#finish(status);
  }

  #finish(status: number): void {
    if (this.#over) return;
    this.#over = true;
    this.progress?.ended(this, status);
  }

  #abort(why: string): void {
    this.#aborted = true;
    const controller = this.#controller;
    this.#controller = undefined;
    controller?.abort(new Error(why));
    this.#body?.destroy();
  }

  /** A client that asks for an upgrade has nothing to say before the answer; its FIN would not be seen without reading. */
  #watchForEnd(client: Socket): void {
    client.on('readable', this.#onReadable);
    client.on('end', () => {
      if (this.#spliced === undefined && !this.#answering) client.destroy();
    });
  }

  readonly #onReadable = (): void => {
    if (this.#request.socket.readableLength === 0) this.#request.socket.read();
  };

  #sayContinue(): void {
    if (!this.#expectsContinue) return;
    this.#expectsContinue = false;
    this.#response.writeContinue();
  }

  #sendEarlyHints(headers: readonly string[]): void {
    const hints: Record<string, string | string[]> = {};
    for (const [name, value] of pairs(headers)) {
      const known = hints[name.toLowerCase()];
      hints[name.toLowerCase()] = known === undefined ? value : [...[known].flat(), value];
    }
    if ('link' in hints) this.#response.writeEarlyHints(hints);
  }

  #moved(): void {
    this.#movedAt = this.#setting.clock.monotonic();
  }

  #noticeSplicedBytes(now: number): void {
    if (this.#spliced === undefined) return;
    const bytes = bytesThrough(this.#spliced.client, this.#spliced.upstream);
    if (bytes !== this.#bytes) this.#movedAt = now;
    this.#bytes = bytes;
  }

  #nextLimit(now: number): number {
    const { requestTimeoutMs, responseStartTimeoutMs, idleTimeoutMs } = this.#setting.limits;
    let next = Infinity;
    if (requestTimeoutMs > 0) next = this.#startedAt + requestTimeoutMs;
    if (idleTimeoutMs > 0) next = Math.min(next, this.#movedAt + idleTimeoutMs);
    if (responseStartTimeoutMs > 0 && !this.#answering) next = Math.min(next, this.#movedAt + responseStartTimeoutMs);
    // Spliced bytes are only noticed by looking.
    return this.#spliced !== undefined && idleTimeoutMs > 0 ? Math.min(next, now + Math.max(50, idleTimeoutMs / 4)) : next;
  }
}

/** The client's address; an IPv4 one that came in over a dual-stack listener is written as IPv4. */
const peerOf = (request: IncomingMessage): string => (request.socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');

const isOurMistake = (error: Error): boolean => 'code' in error && (error.code === 'UND_ERR_INVALID_ARG' || error.code === 'UND_ERR_NOT_SUPPORTED');

/** undici gives raw headers as buffers over HTTP/1.1. */
const rawPairs = (raw: Dispatcher.DispatchController['rawHeaders']): readonly Buffer[] | readonly string[] => (Array.isArray(raw) ? raw : []);

const pairs = (flat: readonly string[]): [string, string][] => {
  const result: [string, string][] = [];
  for (let index = 0; index < flat.length; index += 2) result.push([flat[index] ?? '', flat[index + 1] ?? '']);
  return result;
};

/** A reason phrase that Node will write; undefined takes the standard one. */
const plainPhrase = (phrase: string | undefined): string | undefined => (phrase !== undefined && /^[\t\x20-\x7e\x80-\xff]+$/.test(phrase) ? phrase : undefined);
