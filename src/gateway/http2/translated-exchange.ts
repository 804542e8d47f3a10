import type { Socket } from 'node:net';
import { messageOf, type Clock } from '../../core/index.ts';
import type { PassAs } from '../http1/message-body.ts';
import type { AnswerListener, PodConnection } from '../http1/pod-connection.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { Reuse, Upstreams } from '../http1/upstreams.ts';
import type { Pod } from '../pod.ts';
import { notWebSocket, upstreamReset } from '../refusals.ts';
import { isReplayable, keptFor, wasDead } from '../sent-again.ts';
import type { Limits } from '../time-limits.ts';
import { AnswerWriter } from './answer-writer.ts';
import { noneSensitive } from './engine/sensitive.ts';
import type { Ending, Fields, Stream } from './engine/stream.ts';
import { answerFields, interimFields } from './fields.ts';
import { framingOf, printRequest, type Framing } from './http1-request.ts';
import { StreamExchange, type StreamRequest } from './stream-exchange.ts';
import { Tunnel } from './tunnel.ts';
import { Upload } from './upload.ts';
import { changedFields, hasChanged, newKey } from './web-socket.ts';

/** By which rules the requests of a port go on. */
export interface TranslationSetting {
  readonly clock: Clock;
  readonly upstreams: Upstreams;
}

/** A request of HTTP/2 to a pod of HTTP/1.1: over a connection that it has for itself, by the rules of http1/exchange.ts. */
export class TranslatedExchange extends StreamExchange implements AnswerListener {
  readonly answerTo: AnswerWriter;
  readonly #upstreams: Upstreams;
  /** Of a stream that is to become a WebSocket. */
  readonly #webSocketKey: string | undefined;
  #upstream: PodConnection | undefined;
  #podAuthority = '';
  #upload: Upload | undefined;
  #tunnel: Tunnel | undefined;
  /** Of an answer whose head has not gone out. */
  #statusWaiting = 0;
  #sentTwice = false;
  /** Of its body, what was to go over a connection that ended before any of the request did. */
  #unwritten = '';

  constructor({ clock, upstreams }: TranslationSetting, request: StreamRequest, target: string, limits: Limits) {
    super(clock, request, target, limits);
    this.#upstreams = upstreams;
    this.answerTo = new AnswerWriter(request.stream);
    this.#webSocketKey = request.head.tunnel === undefined ? undefined : newKey();
  }

  // From the gate.

  start(pod: Pod, port: number): void {
    this.limits.start(this.givenAt);
    this.dueAt = this.limits.next(false);
    let upstream: PodConnection;
    try {
      upstream = this.#upstreams.of(pod, port).take(this.#reuse, this.givenAt);
    } catch (error) {
      // An address that is none.
      return this.unreachable(messageOf(error));
    }
    this.#podAuthority = pod.route.address.includes(':') ? `[${pod.route.address}]:${port}` : `${pod.route.address}:${port}`;
    this.#attempt(upstream);
  }

  // From the pod's connection.

  connected(): void {
    const [upstream, { head, client }] = [this.#upstream, this];
    if (upstream === undefined) return;
    const framing = framingOf(head);
    upstream.out.text(this.#printHead(framing));
    if (this.#unwritten !== '') upstream.out.text(this.#unwritten);
    this.#unwritten = '';
    upstream.out.flush();
    if (!head.hasBody || this.#webSocketKey !== undefined) return upstream.requestSent();
    if (this.#upload === undefined) this.#upload = new Upload(client, upstream, framing);
    else this.#upload.goOn(upstream);
    client.resume();
  }

  unreachable(problem: string): void {
    this.#upstream = undefined;
    this.progress?.unreachable(this, problem);
  }

  interim(head: ResponseHead): void {
    this.client.headers(interimFields(head.status, head.fields()), noneSensitive, false);
  }

  answered(head: ResponseHead): PassAs {
    this.#statusWaiting = head.status;
    this.answerTo.head(answerFields(head.status, head.fields(), this.dates));
    return 'plain';
  }

  arrived(): boolean {
    this.limits.moved();
    return this.#pass(() => this.answerTo.flush());
  }

  ended(): void {
    this.#upstream = undefined;
    this.#upload = undefined;
    const passed = this.#pass(() => {
      this.answerCame = true;
      this.answerTo.end();
      return true;
    });
    if (!passed) return;
    this.finish(this.status);
    this.client.dropRest();
  }

  switched(head: ResponseHead, socket: Socket, rest: Buffer): void {
    this.#upstream = undefined;
    const key = this.#webSocketKey;
    if (this.#clientIsGoing) return void socket.destroy();
    if (key === undefined || !hasChanged(head, key)) {
      socket.destroy();
      return this.fail(key === undefined ? upstreamReset : notWebSocket);
    }
    this.answerTo.head(changedFields(head));
    if (rest.length > 0) this.answerTo.bytes(rest, 0, rest.length);
    this.answerTo.flush();
    this.responseBytes = rest.length;
    this.begun(200);
    this.dueAt = this.limits.next(true);
    this.#tunnel = new Tunnel(this.client, socket, {
      down: (bytes) => {
        this.responseBytes += bytes;
        this.limits.moved();
      },
      podEnded: () => (this.answerCame = true),
      ended: () => this.finish(this.status),
    });
    this.client.resume();
  }

  brokeOff(problem: string, silent: boolean): void {
    const broken = this.#upstream;
    this.#upstream = undefined;
    if (this.over) return;
    const isDead = silent && broken?.reused === true && wasDead(this.sweeps);
    if (isDead) broken.foundDead(this.givenAt);
    else this.progress?.brokeOff(this);
    if (!isDead || this.#sentTwice || (broken.out.hasWritten && !isReplayable(this.head))) return this.fail(upstreamReset);
    // The pod was closing the connection while the request was on its way: no fault of the pod, and none that the client should see.
    this.#sentTwice = true;
    this.#unwritten = broken.out.takeText().slice(this.#printHead(framingOf(this.head)).length);
    // What still comes of the body waits in the stream.
    this.client.pause();
    this.progress?.again(this, problem);
  }

  drained(): void {
    this.limits.moved();
    this.#upload?.drained();
  }

  // From the client's stream.

  answer(): void {
    // Of streams that we open.
  }

  data(stream: Stream, bytes: Buffer, from: number, to: number, end: boolean): void {
    const taker = this.#upload ?? this.#tunnel;
    if (taker === undefined) return stream.consumed(to - from);
    this.requestBytes += to - from;
    this.limits.moved();
    taker.data(bytes, from, to, end);
  }

  trailers(_stream: Stream, fields: Fields): void {
    this.#upload?.trailers(fields);
    this.#tunnel?.end();
  }

  writable(): void {
    this.limits.moved();
    this.#upstream?.resume();
    this.#tunnel?.writable();
  }

  override closed(stream: Stream, how: Ending, code: number): void {
    super.closed(stream, how, code);
    this.#tunnel?.closed();
  }

  protected abandon(): void {
    this.#upload = undefined;
    this.#upstream?.abandon();
    this.#upstream = undefined;
    this.#tunnel?.cut();
  }

  // The rest.

  /** Its second and last sending is over a new connection, to whichever pod it goes: another dead one would be its end. */
  get #reuse(): Reuse {
    if (this.#webSocketKey !== undefined) return 'none-as-stream';
    if (this.#sentTwice || this.fresh) return 'none';
    const framing = framingOf(this.head);
    return keptFor(this.head, framing === 'chunked' ? Infinity : framing);
  }

  /** It says so itself, by its `close`. */
  get #clientIsGoing(): boolean {
    return this.over || this.client.isClosed;
  }

  /** As it goes to the pod that this was given to last. */
  #printHead(framing: Framing): string {
    const { head } = this;
    return printRequest(head, head.forPod(this.peer, this.edge, this.#podAuthority, this.trace?.fields, this.scheme), framing, this.#webSocketKey);
  }

  #attempt(upstream: PodConnection): void {
    this.#upstream = upstream;
    this.sweeps = 0;
    upstream.begin(this, this.head.method === 'HEAD');
  }

  /** Puts what the pod has said into the stream, the head first. False where the pod has to wait, or nothing more is to be said. */
  #pass(write: () => boolean): boolean {
    this.responseBytes = this.answerTo.content;
    if (this.#clientIsGoing) return false;
    const { headWaits } = this.answerTo;
    // HTTP/2 cannot say it (RFC 9110 §15).
    if (headWaits && this.#statusWaiting > 599) {
      this.fail(upstreamReset);
      return false;
    }
    // To an extended CONNECT 2xx says that the stream is a WebSocket now.
    if (headWaits && this.#webSocketKey !== undefined && this.#statusWaiting < 300) {
      this.fail(notWebSocket);
      return false;
    }
    if (headWaits) this.begun(this.#statusWaiting);
    return write();
  }
}
