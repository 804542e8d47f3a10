import { gatewayCodes, messageOf, type Clock } from '../../core/index.ts';
import type { ConnectFailure } from '../counters.ts';
import type { Pod } from '../pod.ts';
import { notWebSocket, upstreamReset } from '../refusals.ts';
import { isReplayable, wasDead } from '../sent-again.ts';
import type { Limits } from '../time-limits.ts';
import { errors } from './engine/codes.ts';
import { noneSensitive, type Sensitive } from './engine/sensitive.ts';
import type { Ending, Fields, Stream } from './engine/stream.ts';
import { answerFields, interimFields, trailerFields } from './fields.ts';
import type { PodSession } from './pod-session.ts';
import type { PodSessions, SessionPool, StreamTaker } from './pod-sessions.ts';
import { endOf } from './stream-end.ts';
import { StreamExchange, type StreamRequest } from './stream-exchange.ts';

/** By which rules the requests of a port go on. */
export interface ExchangeSetting {
  readonly clock: Clock;
  readonly sessions: PodSessions;
}

/**
 * A request of HTTP/2 to a pod of HTTP/2: between a client's stream and, over any number of attempts that found no connection, one to a pod. What one of them does not take is not given back to
 * the window of the other: its sender stalls, and no more than a window is in memory.
 */
export class Exchange extends StreamExchange implements StreamTaker {
  readonly #sessions: PodSessions;
  #pool: SessionPool | undefined;
  #session: PodSession | undefined;
  #upstream: Stream | undefined;
  #attempts = 0;
  #bodyRead = false;
  #saidContinue = false;
  /** Nothing of the answer goes on behind its head. */
  #isBodyless = false;
  /** Bytes that came over one stream and wait in the other. */
  #owedUp = 0;
  #owedDown = 0;

  constructor({ clock, sessions }: ExchangeSetting, request: StreamRequest, target: string, limits: Limits) {
    super(clock, request, target, limits);
    this.#sessions = sessions;
  }

  // From the gate.

  start(pod: Pod, port: number): void {
    this.limits.start(this.givenAt);
    this.dueAt = this.limits.next(false);
    this.#pool = this.#sessions.of(pod, port);
    this.#take();
  }

  // From the connections to the pod.

  unreachable(problem: string, failure?: ConnectFailure): void {
    this.#pool = undefined;
    this.progress?.unreachable(this, problem, failure);
  }

  turnedAway(): void {
    this.#pool = undefined;
    this.progress?.again(this, 'the pod is ending');
  }

  opened(session: PodSession): void {
    const { hasBody, tunnel, sensitive, expectsContinue } = this.head;
    if (tunnel !== undefined && !session.takesTunnels) return this.fail(notWebSocket);
    const fields = this.head.forPod(this.peer, this.edge, this.#pool?.authority ?? '', this.trace?.fields, this.scheme);
    const upstream = session.request(fields, sensitive, !hasBody, this);
    if (upstream === undefined) return this.fail(upstreamReset);
    this.#attempts += 1;
    this.sweeps = 0;
    this.#session = session;
    this.#upstream = upstream;
    if (!hasBody) return;
    if (expectsContinue && !this.#saidContinue) this.client.headers([':status', '100'], noneSensitive, false);
    this.#saidContinue = true;
    this.client.resume();
  }

  // From the streams.

  answer(stream: Stream, status: number, fields: Fields, sensitive: Sensitive, end: boolean): void {
    if (this.over || stream !== this.#upstream) return;
    // 100 is between two neighbours: what this client waited for it has been told.
    if (status === 100) return;
    if (status < 200) return this.client.headers(interimFields(status, fields), sensitive, false);
    this.#isBodyless = end || this.head.method === 'HEAD' || status === 204 || status === 205 || status === 304;
    if (this.#isBodyless) this.answerCame = true;
    this.limits.moved();
    this.begun(status);
    this.client.headers(answerFields(status, fields, this.dates), sensitive, this.#isBodyless);
  }

  data(stream: Stream, bytes: Buffer, from: number, to: number, end: boolean): void {
    if (this.over) return stream.consumed(to - from);
    this.limits.moved();
    if (stream === this.client) this.#up(bytes, from, to, end);
    else if (stream === this.#upstream && !this.#isBodyless) this.#down(stream, bytes, from, to, end);
    else stream.consumed(to - from);
  }

  trailers(stream: Stream, fields: Fields, sensitive: Sensitive): void {
    const other = stream === this.client ? this.#upstream : this.client;
    if (stream !== this.client) {
      if (stream !== this.#upstream || this.#isBodyless) return;
      this.answerCame = true;
    }
    const passed = trailerFields(fields);
    if (passed.length > 0) other?.trailers(passed, sensitive);
    else other?.end();
  }

  writable(stream: Stream): void {
    this.limits.moved();
    if (stream === this.client) {
      const owed = this.#owedDown;
      this.#owedDown = 0;
      this.#upstream?.consumed(owed);
    } else if (stream === this.#upstream) {
      const owed = this.#owedUp;
      this.#owedUp = 0;
      this.client.consumed(owed);
    }
  }

  override closed(stream: Stream, how: Ending, code: number): void {
    if (stream === this.client) super.closed(stream, how, code);
    else if (!this.over && stream === this.#upstream) this.#upstreamClosed(stream, how, code);
  }

  #up(bytes: Buffer, from: number, to: number, end: boolean): void {
    this.#bodyRead = true;
    this.requestBytes += to - from;
    const upstream = this.#upstream;
    if (upstream === undefined || upstream.data(bytes, from, to, end)) this.client.consumed(to - from);
    else this.#owedUp += to - from;
  }

  #down(upstream: Stream, bytes: Buffer, from: number, to: number, end: boolean): void {
    this.responseBytes += to - from;
    if (end) this.answerCame = true;
    if (this.client.data(bytes, from, to, end)) upstream.consumed(to - from);
    else this.#owedDown += to - from;
  }

  #upstreamClosed(upstream: Stream, how: Ending, code: number): void {
    this.#upstream = undefined;
    if (this.answering && !this.answerCame && how === 'reset-by-peer' && code === errors.noError && upstream.contentLeft <= 0) this.#endedByReset();
    this.client.pause();
    const session = this.#session;
    const answer = this.answerCame ? 'whole' : this.answering ? 'begun' : 'no';
    const replayable = isReplayable(this.head) && wasDead(this.sweeps);
    const lost = how === 'lost';
    const end = endOf({
      answer,
      code,
      unsent: how === 'unsent',
      lost,
      ending: session?.ending === true,
      used: session?.used === true,
      attempt: this.#attempts,
      unread: !this.#bodyRead,
      replayable,
    });
    if (end === 'whole') {
      this.finish(this.status);
      this.client.dropRest();
    } else if (end === 'again') {
      this.#pool = undefined;
      this.progress?.again(this, lost ? 'the pod ended the connection' : 'the pod did not take the request on');
    } else if (end === 'broken') {
      this.progress?.brokeOff(this);
      this.fail(upstreamReset);
    } else this.#passReset(end.reset);
  }

  /** A server of Node ends so: the reset that says that it wants nothing more overtakes the empty frame that would have ended the answer. */
  #endedByReset(): void {
    this.answerCame = true;
    this.client.end();
  }

  #passReset(code: number): void {
    this.brokenOffBy = 'pod';
    if (!this.answering) {
      this.progress?.refusing(this, upstreamReset);
      this.status = gatewayCodes[upstreamReset.code];
    }
    this.finish(this.status);
    this.client.reset(code);
  }

  #take(): void {
    try {
      this.#pool?.take(this);
    } catch (error) {
      // An address that is none.
      this.unreachable(messageOf(error));
    }
  }

  protected abandon(): void {
    this.#pool?.leave(this);
    const [session, upstream] = [this.#session, this.#upstream];
    this.#upstream = undefined;
    if (upstream !== undefined) session?.cancel(upstream);
  }
}
