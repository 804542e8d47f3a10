import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { messageOf, type Clock } from '../../core/index.ts';
import type { Dispatcher } from 'undici';
import { Call, type Refusal } from '../call.ts';
import type { Pod } from '../pod.ts';
import { abandonedStatus, malformed, shuttingDown, upstreamReset } from '../refusals.ts';
import { problemAnswer } from './problem.ts';
import { RequestBody } from './request-body.ts';
import type { Head } from './request-head.ts';
import { earlyHints, forClient, pairs, plainPhrase } from './response-head.ts';
import { switchProtocols, type Switched } from './switch-protocols.ts';
import { TimeLimits, type Limits } from './time-limits.ts';
import type { Upstreams } from './upstreams.ts';
import { isPageLoad, waitingPage } from './waiting-page.ts';

/** Where a request came in, and by which rules it goes on. */
export interface ExchangeSetting {
  readonly clock: Clock;
  readonly upstreams: Upstreams;
  readonly target: string;
  /** True on the shared port, where the gateway is the edge. */
  readonly edge: boolean;
  readonly limits: Limits;
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
  readonly #limits: TimeLimits;
  #controller: Dispatcher.DispatchController | undefined;
  #body: RequestBody | undefined;
  #switched: Switched | undefined;
  #expectsContinue: boolean;
  #connected = false;
  #answering = false;
  #headSent = false;
  #over = false;
  /** The attempt under way was given up by us: whatever undici still says of it is not heard. */
  #aborted = false;

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
    this.#limits = new TimeLimits(setting.clock, setting.limits);
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
    const { upstreams, edge } = this.#setting;
    this.#limits.start();
    this.dueAt = this.#limits.next(false);
    this.#body = this.#head.hasBody
      ? new RequestBody(
          this.#request,
          () => this.#sayContinue(),
          () => this.#limits.moved(),
        )
      : undefined;
    let upstream: Dispatcher;
    try {
      upstream = upstreams.of(pod, port);
    } catch (error) {
      // An address that is none.
      this.progress?.unreachable(this, messageOf(error));
      return;
    }
    upstream.dispatch(
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
    if (this.#switched !== undefined) this.#limits.counted(this.#switched.bytes());
    const refusal = this.#limits.exceeded(now, this.#answering);
    if (refusal !== undefined) this.#fail(refusal);
    else this.dueAt = this.#limits.next(this.#answering);
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
    this.#limits.moved();
    const headers = forClient(controller.rawHeaders);
    if (status < 200) {
      const hints = status === 103 ? earlyHints(headers) : undefined;
      if (hints !== undefined) this.#response.writeEarlyHints(hints);
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
    this.#limits.moved();
    this.#headSent = true;
    if (this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once('drain', () => {
      this.#limits.moved();
      controller.resume();
    });
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#over) return;
    const trailers = forClient(controller.rawTrailers);
    if (trailers.length > 0 && this.#response.chunkedEncoding) this.#response.addTrailers(pairs(trailers));
    this.#response.end();
    this.#finish(this.#response.statusCode);
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#over || this.#aborted) return;
    if (ourMistakes.has(codeOf(error))) return this.#fail(malformed(messageOf(error)));
    if (this.#connected) return this.#fail(upstreamReset);
    // Errors of connecting have a code. No pod is to blame for another one, and it would only come again.
    if (codeOf(error) === undefined) return this.#fail(malformed(messageOf(error)));
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
    client.off('readable', this.#onReadable);
    const switching = {
      response: this.#response,
      client,
      upstream,
      clientHead: this.#clientHead ?? Buffer.alloc(0),
      protocol: this.#head.upgrade ?? '',
      headers: forClient(controller.rawHeaders),
    };
    this.#switched = switchProtocols(switching, () => this.#finish(status));
    this.dueAt = this.#limits.next(true);
  }

  // The rest.

  #clientGone(): void {
    if (this.#over || this.#switched !== undefined) return;
    if (this.state === 'held') {
      this.#over = true;
      this.progress?.abandoned(this);
      return;
    }
    this.#abort('the client is gone');
    this.#finish(this.#answering ? this.#response.statusCode : abandonedStatus);
  }

  /** Ends the exchange with an answer of ours, or, where the pod's own has begun, by cutting the connection: a client must not take half an answer for a whole one. */
  #fail(refusal: Refusal): void {
    if (this.#over) return;
    if (this.#switched !== undefined) return this.#switched.cut();
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
    if (this.#response.headersSent) this.#response.destroy();
    else this.#response.writeHead(status, [...headers]);
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
      if (this.#switched === undefined && !this.#answering) client.destroy();
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
}

/** The client's address; an IPv4 one that came in over a dual-stack listener is written as IPv4. */
const peerOf = (request: IncomingMessage): string => (request.socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');

const ourMistakes: ReadonlySet<unknown> = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'ERR_ASSERTION']);
const codeOf = (error: Error): unknown => ('code' in error ? error.code : undefined);
