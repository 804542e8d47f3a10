import type { ClientHttp2Stream, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { gatewayCodes, messageOf, millis, type Clock } from '../../core/index.ts';
import { Call, type Refusal } from '../call.ts';
import { isPageLoad, waitingPage } from '../http1/waiting-page.ts';
import type { Pod } from '../pod.ts';
import { abandonedStatus, brokenOffBy, shuttingDown, upstreamReset } from '../refusals.ts';
import { isReplayable, wasDead } from '../sent-again.ts';
import { TimeLimits, type Limits } from '../time-limits.ts';
import { endsStream, h2 } from './codes.ts';
import { answerFields, interimFields, trailerFields, type RawFields } from './fields.ts';
import { plainAnswer, refusalAnswer, send, type StreamAnswer } from './own-answer.ts';
import type { PodSession } from './pod-session.ts';
import type { PodSessions, SessionPool, StreamTaker } from './pod-sessions.ts';
import { relay } from './relay.ts';
import type { Head } from './request-head.ts';
import { endOf } from './stream-end.ts';

/** By which rules the requests of a listener go on. */
export interface ExchangeSetting {
  readonly clock: Clock;
  readonly sessions: PodSessions;
}

/** What a stream of Node's, with its buffers, and the exchange cost. */
const streamBytes = 8 * 1024;

/**
 * One request, from its head to the end of its answer: between a client's stream and, over any number of attempts that found no connection, one to a pod. A stream ends in many ways;
 * all of them are read from its `close` and its error code. After the end (`#over`) nothing that still comes is heard.
 */
export class Exchange extends Call implements StreamTaker {
  readonly target: string;
  readonly clientAddress: string;
  requestBytes = 0;
  responseBytes = 0;
  readonly #setting: ExchangeSetting;
  readonly #client: ServerHttp2Stream;
  readonly #head: Head;
  /** True on the shared port, where the gateway is the edge. */
  readonly #edge: boolean;
  readonly #limits: TimeLimits;
  #pool: SessionPool | undefined;
  #session: PodSession | undefined;
  #upstream: ClientHttp2Stream | undefined;
  #stopUpload: (() => void) | undefined;
  #requestTrailers: RawFields = [];
  #answerTrailers: RawFields = [];
  #attempts = 0;
  #bodyRead = false;
  #saidContinue = false;
  /** The head of the pod's answer has gone to the client. */
  #answering = false;
  /** All of the answer has come. */
  #answered = false;
  /** All of it is on its way to the client. */
  #answerSent = false;
  #status = abandonedStatus;
  #over = false;

  constructor(setting: ExchangeSetting, client: ServerHttp2Stream, peer: string, head: Head, target: string, edge: boolean, limits: Limits) {
    super();
    this.#setting = setting;
    this.#client = client;
    this.clientAddress = peer;
    this.#head = head;
    this.target = target;
    this.#edge = edge;
    this.#limits = new TimeLimits(setting.clock, limits);
    client
      .on('trailers', (_headers: IncomingHttpHeaders, _flags: number, raw: string[]) => (this.#requestTrailers = raw))
      .on('close', () => this.#clientClosed());
  }

  get request(): Head {
    return this.#head;
  }

  get heldBytes(): number {
    return streamBytes + this.#head.bytes + this.#client.readableLength;
  }

  // From the gate.

  start(pod: Pod, port: number): void {
    this.#limits.start();
    this.dueAt = this.#limits.next(false);
    this.#attempts = 0;
    this.#pool = this.#setting.sessions.of(pod, port);
    this.#take();
  }

  refuse(refusal: Refusal): void {
    this.#answerSelf(refusalAnswer(refusal, this.#head));
  }

  override canShowWaiting(): boolean {
    return isPageLoad({ method: this.#head.method, header: (name) => this.#head.header(name), upgrade: undefined });
  }

  override showWaiting(): void {
    this.#answerSelf(plainAnswer(waitingPage, false));
  }

  timedOut(now: number): void {
    const refusal = this.#limits.exceeded(now, this.#answering);
    if (refusal !== undefined) this.#fail(refusal);
    else this.dueAt = this.#limits.next(this.#answering);
  }

  cut(): void {
    this.#fail(shuttingDown);
  }

  // From the connections to the pod.

  unreachable(problem: string): void {
    this.#pool = undefined;
    this.progress?.unreachable(this, problem);
  }

  opened(session: PodSession): void {
    const { hasBody } = this.#head;
    const fields = this.#head.forPod(this.clientAddress, this.#edge, this.#pool?.authority ?? '', this.trace?.fields);
    const upstream = session.request(fields, { endStream: !hasBody, waitForTrailers: hasBody });
    if (upstream === undefined) return this.#fail(upstreamReset);
    this.#attempts += 1;
    this.sweeps = 0;
    this.#session = session;
    this.#upstream = upstream;
    upstream.on('headers', (headers, _flags, raw) => this.#interim(Number(headers[':status']), raw));
    upstream.on('response', (headers, flags, raw) => this.#answer(upstream, headers, flags, raw));
    upstream.on('trailers', (_headers: IncomingHttpHeaders, _flags: number, raw: string[]) => (this.#answerTrailers = raw));
    upstream.on('close', () => this.#upstreamClosed(session, upstream));
    if (hasBody) this.#upload(upstream);
  }

  #upload(upstream: ClientHttp2Stream): void {
    const client = this.#client;
    if (this.#head.expectsContinue && !this.#saidContinue) {
      this.#saidContinue = true;
      attempt(() => client.additionalHeaders({ ':status': 100 }));
    }
    this.#stopUpload = relay(client, upstream, {
      moved: (bytes) => {
        this.#bodyRead = true;
        this.requestBytes += bytes;
        this.#limits.moved();
      },
      whole: () => !client.aborted && client.rstCode === h2.noError,
      trailers: () => trailerFields(this.#requestTrailers),
      sent: () => undefined,
    });
  }

  #interim(status: number, raw: RawFields): void {
    // 100 is between two neighbours: what this client waited for it has been told.
    if (!this.#over && status !== 100 && status !== 101) attempt(() => this.#client.additionalHeaders(interimFields(status, raw)));
  }

  #answer(upstream: ClientHttp2Stream, headers: IncomingHttpHeaders, flags: number, raw: RawFields): void {
    // A client that is just going says so by its own `close`.
    if (this.#over || upstream !== this.#upstream || this.#client.closed) return;
    const status = Number(headers[':status']);
    const bodyless = endsStream(flags) || this.#head.method === 'HEAD' || status === 204 || status === 205 || status === 304;
    try {
      this.#client.respond(answerFields(status, headers, raw), { endStream: bodyless, waitForTrailers: !bodyless });
    } catch {
      return this.#fail(upstreamReset);
    }
    this.#limits.moved();
    this.#answering = true;
    this.#status = status;
    this.progress?.answering(this, status);
    if (bodyless) {
      this.#answered = this.#answerSent = true;
      upstream.resume();
    } else this.#download(upstream);
  }

  #download(upstream: ClientHttp2Stream): void {
    relay(upstream, this.#client, {
      moved: (bytes) => {
        this.responseBytes += bytes;
        this.#limits.moved();
      },
      whole: () => (this.#answered ||= upstream.rstCode === h2.noError),
      trailers: () => trailerFields(this.#answerTrailers),
      sent: () => {
        this.#answerSent = true;
        if (this.#over) this.#dropUpload();
      },
    });
  }

  #upstreamClosed({ lost, ending, used }: PodSession, upstream: ClientHttp2Stream): void {
    if (this.#over || upstream !== this.#upstream) return;
    this.#upstream = undefined;
    this.#stopUpload?.();
    const { rstCode: code, id } = upstream;
    const answer = this.#answered ? 'whole' : this.#answering ? 'begun' : 'no';
    const replayable = isReplayable(this.#head) && wasDead(this.sweeps);
    const end = endOf({ answer, code, unsent: id === undefined, lost, ending, used, attempt: this.#attempts, unread: !this.#bodyRead, replayable });
    if (end === 'whole') {
      this.#finish(this.#status);
      this.#dropUpload();
    } else if (end === 'again') this.#take();
    else if (end === 'broken') this.#fail(upstreamReset);
    else this.#passReset(end.reset);
  }

  #passReset(code: number): void {
    this.brokenOffBy = 'pod';
    if (!this.#answering) {
      this.progress?.refusing(this, upstreamReset);
      this.#status = gatewayCodes[upstreamReset.code];
    }
    this.#finish(this.#status);
    this.#client.close(code);
  }

  #take(): void {
    try {
      this.#pool?.take(this);
    } catch (error) {
      // An address that is none.
      this.unreachable(messageOf(error));
    }
  }

  // From the client.

  #clientClosed(): void {
    if (this.#over) return;
    // All has been said; the pod still takes the rest of the request.
    if (this.#answered && this.#client.rstCode === h2.noError) return;
    if (this.state === 'held') {
      this.#over = true;
      this.progress?.abandoned(this);
      return;
    }
    this.brokenOffBy = 'client';
    this.#abandon();
    this.#finish(this.#status);
  }

  // The rest.

  /** Ends the exchange with an answer of ours, or, where the pod's own has begun, by a reset: a client must not take half an answer for a whole one. */
  #fail(refusal: Refusal): void {
    if (this.#over) return;
    this.brokenOffBy = brokenOffBy(refusal, this.#answering);
    this.#abandon();
    if (this.#answering) {
      this.#finish(this.#status);
      return this.#client.close(h2.internalError);
    }
    this.progress?.refusing(this, refusal);
    this.refuse(refusal);
  }

  #answerSelf(answer: StreamAnswer): void {
    if (this.#over) return;
    send(this.#client, answer);
    this.#answerSent = true;
    this.#finish(answer.counted);
    this.#dropUpload();
  }

  /** Nobody reads what still comes of the request: the client is told so behind its answer (RFC 9113 §8.1). A turn later, since Node sends trailers with that delay. */
  #dropUpload(): void {
    const client = this.#client;
    if (!this.#head.hasBody || client.readableEnded) return;
    client.resume();
    if (this.#answerSent) this.#setting.clock.after(millis(1), () => client.close(h2.noError));
  }

  #finish(status: number): void {
    if (this.#over) return;
    this.#over = true;
    this.progress?.ended(this, status);
  }

  #abandon(): void {
    this.#pool?.leave(this);
    const [session, upstream] = [this.#session, this.#upstream];
    this.#upstream = undefined;
    this.#stopUpload?.();
    if (upstream !== undefined) session?.cancel(upstream);
  }
}

/** Calls into streams throw where the other side has closed them a moment ago, which their `close` tells. */
const attempt = (task: () => void): void => {
  try {
    task();
  } catch {
    // See above.
  }
};
