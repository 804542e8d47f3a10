import type { Clock } from '../../core/index.ts';
import { Call, type Refusal } from '../call.ts';
import { isPageLoad, waitingPage } from '../http1/waiting-page.ts';
import type { HttpEntry } from '../http-entry.ts';
import type { Scheme } from '../request.ts';
import type { TrustedProxies, Visitor } from '../trusted-proxies.ts';
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
  readonly client: Visitor & { readonly scheme: Scheme };
  readonly entry: Pick<HttpEntry, 'edge' | 'trusted'>;
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
  requestBytes = 0;
  responseBytes = 0;
  protected readonly client: Stream;
  readonly #visitor: StreamRequest['client'];
  protected readonly head: Head;
  /** The gateway is the edge, and the peer no trusted proxy. */
  protected readonly edge: boolean;
  /** By which it is one. */
  readonly #trusted: TrustedProxies | undefined;
  protected readonly dates: Dates;
  protected readonly limits: TimeLimits;
  /** The head of the pod's answer has gone to the client. */
  protected answering = false;
  /** All of the answer has come. */
  protected answerCame = false;
  protected status = abandonedStatus;
  protected over = false;

  constructor(clock: Clock, { stream, head, client, entry, dates }: StreamRequest, target: string, limits: Limits) {
    super();
    this.client = stream;
    this.#visitor = client;
    this.head = head;
    this.target = target;
    this.#trusted = entry.trusted?.trusts(client) === true ? entry.trusted : undefined;
    this.edge = entry.edge && this.#trusted === undefined;
    this.dates = dates;
    this.limits = new TimeLimits(clock, limits);
    stream.listener = this;
    stream.pause();
  }

  get request(): Head {
    return this.head;
  }

  override get scheme(): Scheme {
    return this.#visitor.scheme;
  }

  /** Whom the pod is told of as the last hop. */
  protected get peer(): string {
    return this.#visitor.peer;
  }

  get clientAddress(): string {
    return this.#trusted?.clientOf(this.#visitor, this.head) ?? this.#visitor.peer;
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
