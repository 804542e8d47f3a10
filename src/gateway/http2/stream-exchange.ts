import type { Clock } from '../../core/index.ts';
import { Call, type Refusal } from '../call.ts';
import { isPageLoad, waitingPage } from '../http1/waiting-page.ts';
import type { Scheme } from '../request.ts';
import { abandonedStatus, brokenOffBy, shuttingDown } from '../refusals.ts';
import { TimeLimits, type Limits } from '../time-limits.ts';
import { errors } from './engine/codes.ts';
import type { Sensitive } from './engine/sensitive.ts';
import type { Ending, Fields, Stream, StreamListener } from './engine/stream.ts';
import type { Dates } from './fields.ts';
import { plainAnswer, refusalAnswer, send, type StreamAnswer } from './own-answer.ts';
import type { Head } from './request-head.ts';

/** A request as it came over a client's connection. */
export interface StreamRequest {
  readonly stream: Stream;
  readonly head: Head;
  /** The client's address, and how it has come. */
  readonly peer: string;
  readonly scheme: Scheme;
  /** It came in where the gateway is the edge. */
  readonly edge: boolean;
  readonly dates: Dates;
}

/** What a stream and the exchange cost. */
const streamBytes = 2 * 1024;

/**
 * One request of HTTP/2, from its head to the end of its answer, as far as its client goes; whoever extends it knows how pods are spoken to, and hears of the client's body. That waits in the
 * stream until somebody takes it. After the end (`over`) nothing that still comes is heard.
 */
export abstract class StreamExchange extends Call implements StreamListener {
  readonly target: string;
  readonly clientAddress: string;
  requestBytes = 0;
  responseBytes = 0;
  protected readonly client: Stream;
  protected readonly head: Head;
  protected readonly edge: boolean;
  protected readonly dates: Dates;
  readonly #scheme: Scheme;
  protected readonly limits: TimeLimits;
  /** The head of the pod's answer has gone to the client. */
  protected answering = false;
  /** All of the answer has come. */
  protected answerCame = false;
  protected status = abandonedStatus;
  protected over = false;

  constructor(clock: Clock, { stream, head, peer, scheme, edge, dates }: StreamRequest, target: string, limits: Limits) {
    super();
    this.client = stream;
    this.clientAddress = peer;
    this.head = head;
    this.target = target;
    this.edge = edge;
    this.dates = dates;
    this.#scheme = scheme;
    this.limits = new TimeLimits(clock, limits);
    stream.listener = this;
    stream.pause();
  }

  get request(): Head {
    return this.head;
  }

  override get scheme(): Scheme {
    return this.#scheme;
  }

  get heldBytes(): number {
    return streamBytes + this.head.bytes + this.client.heldBytes;
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

  // From the streams: of the client, unless whoever extends it has another one.

  /** The head of a pod's answer. */
  abstract answer(stream: Stream, status: number, fields: Fields, sensitive: Sensitive, end: boolean): void;
  abstract data(stream: Stream, bytes: Buffer, from: number, to: number, end: boolean): void;
  abstract trailers(stream: Stream, fields: Fields, sensitive: Sensitive): void;
  abstract writable(stream: Stream): void;

  closed(_stream: Stream, how: Ending, _code: number): void {
    if (this.over) return;
    // All has been said; the pod still takes the rest of the request.
    if (this.answerCame && how === 'whole') return;
    if (this.state === 'held') {
      this.over = true;
      this.progress?.abandoned(this);
      return;
    }
    this.brokenOffBy = 'client';
    this.abandon();
    this.finish(this.status);
  }

  // For whoever extends it.

  /** Nobody waits for the pod any more. */
  protected abstract abandon(): void;

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
      return this.client.reset(errors.internalError);
    }
    this.progress?.refusing(this, refusal);
    this.refuse(refusal);
  }

  protected finish(status: number): void {
    if (this.over) return;
    this.over = true;
    this.progress?.ended(this, status);
  }

  #answerSelf(answer: StreamAnswer): void {
    if (this.over) return;
    this.finish(answer.counted);
    send(this.client, answer, this.dates);
    this.client.dropRest();
  }
}
