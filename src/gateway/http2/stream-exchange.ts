import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { millis, type Clock } from '../../core/index.ts';
import { Call, type Refusal } from '../call.ts';
import { isPageLoad, waitingPage } from '../http1/waiting-page.ts';
import type { Scheme } from '../request.ts';
import { abandonedStatus, brokenOffBy, shuttingDown } from '../refusals.ts';
import { TimeLimits, type Limits } from '../time-limits.ts';
import { h2 } from './codes.ts';
import type { RawFields } from './fields.ts';
import { plainAnswer, refusalAnswer, send, type StreamAnswer } from './own-answer.ts';
import type { Head } from './request-head.ts';

/** A request as it came over a client's connection. */
export interface StreamRequest {
  readonly stream: ServerHttp2Stream;
  readonly head: Head;
  /** The client's address, and how it has come. */
  readonly peer: string;
  readonly scheme: Scheme;
  /** It came in where the gateway is the edge. */
  readonly edge: boolean;
}

/** What a stream of Node's, with its buffers, and the exchange cost. */
const streamBytes = 8 * 1024;

/**
 * One request of HTTP/2, from its head to the end of its answer, as far as its client goes; whoever extends it knows how pods are spoken to. A stream ends in many ways;
 * all of them are read from its `close` and its error code. After the end (`over`) nothing that still comes is heard.
 */
export abstract class StreamExchange extends Call {
  readonly target: string;
  readonly clientAddress: string;
  requestBytes = 0;
  responseBytes = 0;
  protected readonly client: ServerHttp2Stream;
  protected readonly head: Head;
  protected readonly edge: boolean;
  readonly #scheme: Scheme;
  protected readonly limits: TimeLimits;
  protected requestTrailers: RawFields = [];
  /** The head of the pod's answer has gone to the client. */
  protected answering = false;
  /** All of the answer has come. */
  protected answerCame = false;
  /** All of it is on its way to the client. */
  protected answerSent = false;
  protected status = abandonedStatus;
  protected over = false;
  readonly #clock: Clock;

  constructor(clock: Clock, { stream, head, peer, scheme, edge }: StreamRequest, target: string, limits: Limits) {
    super();
    this.#clock = clock;
    this.client = stream;
    this.clientAddress = peer;
    this.head = head;
    this.target = target;
    this.edge = edge;
    this.#scheme = scheme;
    this.limits = new TimeLimits(clock, limits);
    stream
      .on('trailers', (_headers: IncomingHttpHeaders, _flags: number, raw: string[]) => (this.requestTrailers = raw))
      .on('close', () => this.#clientClosed());
  }

  get request(): Head {
    return this.head;
  }

  override get scheme(): Scheme {
    return this.#scheme;
  }

  get heldBytes(): number {
    return streamBytes + this.head.bytes + this.client.readableLength;
  }

  // From the gate.

  refuse(refusal: Refusal): void {
    this.#answerSelf(refusalAnswer(refusal, this.head));
  }

  override canShowWaiting(): boolean {
    return isPageLoad({ method: this.head.method, header: (name) => this.head.header(name), upgrade: undefined });
  }

  override showWaiting(): void {
    this.#answerSelf(plainAnswer(waitingPage, false));
  }

  timedOut(now: number): void {
    const refusal = this.limits.exceeded(now, this.answering);
    if (refusal !== undefined) this.fail(refusal);
    else this.dueAt = this.limits.next(this.answering);
  }

  cut(): void {
    this.fail(shuttingDown);
  }

  // For whoever extends it.

  /** Nobody waits for the pod any more. */
  protected abstract abandon(): void;

  /** The request has come to its end, and was not cut off, which looks the same. */
  protected get requestWhole(): boolean {
    return !this.client.aborted && this.client.rstCode === h2.noError;
  }

  protected begun(status: number): void {
    this.answering = true;
    this.status = status;
    this.progress?.answering(this, status);
  }

  /** Ends the exchange with an answer of ours, or, where the pod's own has begun, by a reset: a client must not take half an answer for a whole one. */
  protected fail(refusal: Refusal): void {
    if (this.over) return;
    this.brokenOffBy = brokenOffBy(refusal, this.answering);
    this.abandon();
    if (this.answering) {
      this.finish(this.status);
      return this.client.close(h2.internalError);
    }
    this.progress?.refusing(this, refusal);
    this.refuse(refusal);
  }

  /** Nobody reads what still comes of the request: the client is told so behind its answer (RFC 9113 §8.1). A turn later, since Node sends trailers with that delay. */
  protected dropUpload(): void {
    const { client } = this;
    if (!this.head.hasBody || client.readableEnded) return;
    client.resume();
    if (this.answerSent) this.#clock.after(millis(1), () => client.close(h2.noError));
  }

  protected finish(status: number): void {
    if (this.over) return;
    this.over = true;
    this.progress?.ended(this, status);
  }

  #answerSelf(answer: StreamAnswer): void {
    if (this.over) return;
    send(this.client, answer);
    this.answerSent = true;
    this.finish(answer.counted);
    this.dropUpload();
  }

  #clientClosed(): void {
    if (this.over) return;
    // All has been said; the pod still takes the rest of the request.
    if (this.answerCame && this.client.rstCode === h2.noError) return;
    if (this.state === 'held') {
      this.over = true;
      this.progress?.abandoned(this);
      return;
    }
    this.brokenOffBy = 'client';
    this.abandon();
    this.finish(this.status);
  }
}
