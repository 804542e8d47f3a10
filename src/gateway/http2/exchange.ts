import type { ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import { gatewayCodes, messageOf, type Clock } from '../../core/index.ts';
import type { Pod } from '../pod.ts';
import { notWebSocket, upstreamReset } from '../refusals.ts';
import { isReplayable, wasDead } from '../sent-again.ts';
import type { Limits } from '../time-limits.ts';
import { endsStream, h2 } from './codes.ts';
import { answerFields, interimFields, trailerFields, type RawFields } from './fields.ts';
import type { PodSession } from './pod-session.ts';
import type { PodSessions, SessionPool, StreamTaker } from './pod-sessions.ts';
import { relay } from './relay.ts';
import { endOf } from './stream-end.ts';
import { StreamExchange, type StreamRequest } from './stream-exchange.ts';

/** By which rules the requests of a port go on. */
export interface ExchangeSetting {
  readonly clock: Clock;
  readonly sessions: PodSessions;
}

/** A request of HTTP/2 to a pod of HTTP/2: between a client's stream and, over any number of attempts that found no connection, one to a pod. */
export class Exchange extends StreamExchange implements StreamTaker {
  readonly #sessions: PodSessions;
  #pool: SessionPool | undefined;
  #session: PodSession | undefined;
  #upstream: ClientHttp2Stream | undefined;
  #stopUpload: (() => void) | undefined;
  #answerTrailers: RawFields = [];
  #attempts = 0;
  #bodyRead = false;
  #saidContinue = false;

  constructor({ clock, sessions }: ExchangeSetting, request: StreamRequest, target: string, limits: Limits) {
    super(clock, request, target, limits);
    this.#sessions = sessions;
  }

  // From the gate.

  start(pod: Pod, port: number): void {
    this.limits.start();
    this.dueAt = this.limits.next(false);
    this.#attempts = 0;
    this.#pool = this.#sessions.of(pod, port);
    this.#take();
  }

  // From the connections to the pod.

  unreachable(problem: string): void {
    this.#pool = undefined;
    this.progress?.unreachable(this, problem);
  }

  opened(session: PodSession): void {
    const { hasBody, tunnel } = this.head;
    if (tunnel !== undefined && !session.takesTunnels) return this.fail(notWebSocket);
    const fields = this.head.forPod(this.clientAddress, this.edge, this.#pool?.authority ?? '', this.trace?.fields, this.scheme);
    const upstream = session.request(fields, { endStream: !hasBody, waitForTrailers: hasBody });
    if (upstream === undefined) return this.fail(upstreamReset);
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
    const client = this.client;
    if (this.head.expectsContinue && !this.#saidContinue) {
      this.#saidContinue = true;
      attempt(() => client.additionalHeaders({ ':status': 100 }));
    }
    this.#stopUpload = relay(client, upstream, {
      moved: (bytes) => {
        this.#bodyRead = true;
        this.requestBytes += bytes;
        this.limits.moved();
      },
      whole: () => this.requestWhole,
      trailers: () => trailerFields(this.requestTrailers),
      sent: () => undefined,
    });
  }

  #interim(status: number, raw: RawFields): void {
    // 100 is between two neighbours: what this client waited for it has been told.
    if (!this.over && status !== 100 && status !== 101) attempt(() => this.client.additionalHeaders(interimFields(status, raw)));
  }

  #answer(upstream: ClientHttp2Stream, headers: IncomingHttpHeaders, flags: number, raw: RawFields): void {
    // A client that is just going says so by its own `close`.
    if (this.over || upstream !== this.#upstream || this.client.closed) return;
    const status = Number(headers[':status']);
    const bodyless = endsStream(flags) || this.head.method === 'HEAD' || status === 204 || status === 205 || status === 304;
    try {
      this.client.respond(answerFields(status, headers, raw), { endStream: bodyless, waitForTrailers: !bodyless });
    } catch {
      return this.fail(upstreamReset);
    }
    this.limits.moved();
    this.begun(status);
    if (bodyless) {
      this.answerCame = this.answerSent = true;
      upstream.resume();
    } else this.#download(upstream);
  }

  #download(upstream: ClientHttp2Stream): void {
    relay(upstream, this.client, {
      moved: (bytes) => {
        this.responseBytes += bytes;
        this.limits.moved();
      },
      whole: () => (this.answerCame ||= upstream.rstCode === h2.noError),
      trailers: () => trailerFields(this.#answerTrailers),
      sent: () => {
        this.answerSent = true;
        if (this.over) this.dropUpload();
      },
    });
  }

  #upstreamClosed({ lost, ending, used }: PodSession, upstream: ClientHttp2Stream): void {
    if (this.over || upstream !== this.#upstream) return;
    this.#upstream = undefined;
    this.#stopUpload?.();
    const { rstCode: code, id } = upstream;
    const answer = this.answerCame ? 'whole' : this.answering ? 'begun' : 'no';
    const replayable = isReplayable(this.head) && wasDead(this.sweeps);
    const end = endOf({ answer, code, unsent: id === undefined, lost, ending, used, attempt: this.#attempts, unread: !this.#bodyRead, replayable });
    if (end === 'whole') {
      this.finish(this.status);
      this.dropUpload();
    } else if (end === 'again') {
      this.progress?.resent();
      this.#take();
    } else if (end === 'broken') {
      this.progress?.brokeOff(this);
      this.fail(upstreamReset);
    } else this.#passReset(end.reset);
  }

  #passReset(code: number): void {
    this.brokenOffBy = 'pod';
    if (!this.answering) {
      this.progress?.refusing(this, upstreamReset);
      this.status = gatewayCodes[upstreamReset.code];
    }
    this.finish(this.status);
    this.client.close(code);
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
