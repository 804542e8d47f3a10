import type { Socket } from 'node:net';
import { messageOf, type Clock } from '../../core/index.ts';
import { Call, type Refusal } from '../call.ts';
import type { Pod } from '../pod.ts';
import { abandonedStatus, brokenOffBy, malformed, shuttingDown, upstreamReset } from '../refusals.ts';
import type { HttpEntry } from '../http-entry.ts';
import type { Scheme } from '../request.ts';
import type { TrustedProxies } from '../trusted-proxies.ts';
import { isReplayable, keptFor, wasDead } from '../sent-again.ts';
import type { ClientConnection, RequestListener } from './client-connection.ts';
import type { PassAs } from './message-body.ts';
import type { Outbox } from './outbox.ts';
import type { AnswerListener, PodConnection } from './pod-connection.ts';
import { printAnswer, problemAnswer, type OwnAnswer } from './problem.ts';
import type { Head } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';
import { switchProtocols, type Switched } from './switch-protocols.ts';
import { TimeLimits, type Limits } from '../time-limits.ts';
import type { Reuse, Upstreams } from './upstreams.ts';
import { isPageLoad, waitingPage } from './waiting-page.ts';

/** By which rules the requests of a listener go on. */
export interface ExchangeSetting {
  readonly clock: Clock;
  readonly upstreams: Upstreams;
  /** For answers that have none; the same text for a second. */
  date(): string;
}

/** What a connection, its socket and the exchange cost (`npm run bench -- hold`). */
const connectionBytes = 8 * 1024;
/** TLS costs as much on top of that, most of it in OpenSSL (measured with 2,000 idle connections). */
const tlsBytes = 48 * 1024;
/** Of a body that nobody takes yet this much is read before the client is made to wait: a piece of 64 KiB here, and two in the socket's stream. The rest stays in the kernel. */
const mostReadAheadBytes = 192 * 1024;

/**
 * One HTTP request from its head to the end of its answer: between a client's connection and, over any number of attempts that found no connection, one to a pod.
 * After the end (`#over`) nothing that still comes is heard.
 */
export class Exchange extends Call implements AnswerListener, RequestListener {
  readonly target: string;
  readonly answerTo: Outbox;
  answering = false;
  readonly #setting: ExchangeSetting;
  readonly #client: ClientConnection;
  readonly #head: Head;
  /** True on the shared port, where the gateway is the edge, unless the peer is a trusted proxy. */
  readonly #edge: boolean;
  /** By which it is one. */
  readonly #trusted: TrustedProxies | undefined;
  readonly #limits: TimeLimits;
  #upstream: PodConnection | undefined;
  #podAuthority = '';
  #switched: Switched | undefined;
  #saidContinue = false;
  #sentTwice = false;
  /** Of its body, what was to go over a connection that ended before any of the request did. */
  #unwritten = '';
  #status = abandonedStatus;
  /** Of answers whose connection this has left. */
  #answerBytes = 0;
  #over = false;

  constructor(setting: ExchangeSetting, client: ClientConnection, head: Head, target: string, entry: Pick<HttpEntry, 'edge' | 'trusted'>, limits: Limits) {
    super();
    this.#setting = setting;
    this.#client = client;
    this.#head = head;
    this.target = target;
    this.#trusted = entry.trusted?.trusts(client) === true ? entry.trusted : undefined;
    this.#edge = entry.edge && this.#trusted === undefined;
    this.answerTo = client.out;
    this.#limits = new TimeLimits(setting.clock, limits);
    client.take(this);
  }

  get request(): Head {
    return this.#head;
  }

  get clientAddress(): string {
    return this.#trusted?.clientOf(this.#client, this.#head) ?? this.#client.peer;
  }

  override get scheme(): Scheme {
    return this.#client.scheme;
  }

  override get headAt(): number | undefined {
    return this.#client.headAt;
  }

  get heldBytes(): number {
    const { length } = this.#head;
    const announced = typeof length === 'number' ? Math.min(length, mostReadAheadBytes) : mostReadAheadBytes;
    return connectionBytes + (this.scheme === 'https' ? tlsBytes : 0) + this.#head.bytes + Math.max(announced, this.#client.unreadBytes);
  }

  get requestBytes(): number {
    return this.#switched?.requestBytes() ?? this.#client.bodyBytes;
  }

  get responseBytes(): number {
    return this.#switched?.responseBytes() ?? this.#answerBytes + (this.#upstream?.answerBytes ?? 0);
  }

  // From the gate.

  start(pod: Pod, port: number): void {
    this.#limits.start(this.givenAt);
    this.dueAt = this.#limits.next(false);
    let upstream: PodConnection;
    try {
      upstream = this.#setting.upstreams.of(pod, port).take(this.#reuse, this.givenAt);
    } catch (error) {
      // An address that is none.
      this.progress?.unreachable(this, messageOf(error));
      return;
    }
    if (this.#head.authority === undefined)
      this.#podAuthority = pod.route.address.includes(':') ? `[${pod.route.address}]:${port}` : `${pod.route.address}:${port}`;
    this.#attempt(upstream);
  }

  refuse(refusal: Refusal): void {
    this.#answerSelf(problemAnswer(refusal));
  }

  override canShowWaiting(): boolean {
    return isPageLoad(this.#head);
  }

  override showWaiting(): void {
    this.#answerSelf(waitingPage);
  }

  timedOut(now: number): void {
    if (this.#switched !== undefined) this.#limits.counted(this.#switched.bytes());
    const refusal = this.#limits.exceeded(now, this.answering);
    if (refusal !== undefined) this.#fail(refusal);
    else this.dueAt = this.#limits.next(this.answering);
  }

  cut(): void {
    this.#fail(shuttingDown);
  }

  // From the pod's connection.

  connected(): void {
    const upstream = this.#upstream;
    if (upstream === undefined) return;
    upstream.out.text(this.#printHead());
    if (this.#unwritten !== '') upstream.out.text(this.#unwritten);
    this.#unwritten = '';
    if (this.#head.hasBody) {
      this.#client.passBody(upstream.out);
      this.bodyArrived();
    } else {
      upstream.requestSent();
      upstream.out.flush();
    }
  }

  unreachable(problem: string): void {
    this.#upstream = undefined;
    this.progress?.unreachable(this, problem);
  }

  interim(head: ResponseHead): void {
    this.#saidContinue ||= head.status === 100;
    // A client that has asked for none passes over a 100 (RFC 9110 §15.2); HTTP/1.0 knows no interim answers.
    if (this.#head.minorVersion === 1) this.answerTo.text(head.forClient({ chunked: false, connection: undefined, date: '' }));
  }

  answered(head: ResponseHead): PassAs {
    const bodyless = this.#head.method === 'HEAD' || head.length === 0;
    const unknownLength = !bodyless && typeof head.length !== 'number';
    const old = this.#head.minorVersion === 0;
    const chunked = unknownLength && !old;
    // Behind an offer to upgrade that is declined there may be bytes of the other protocol.
    const connection = this.#client.connectionHeader(unknownLength && old, this.#head.upgrade === undefined);
    this.answerTo.text(head.forClient({ chunked, connection, date: head.mayWantDate ? this.#setting.date() : '' }));
    this.answering = true;
    this.#status = head.status;
    this.progress?.answering(this, head.status);
    return chunked ? 'chunked' : 'plain';
  }

  arrived(): boolean {
    this.#limits.moved();
    return this.answerTo.flush();
  }

  ended(): void {
    this.answerTo.flush();
    this.#finish(this.#status);
    this.#upstream = undefined;
    this.#client.answered();
  }

  switched(head: ResponseHead, upstream: Socket, rest: Buffer): void {
    this.#upstream = undefined;
    if (this.#head.upgrade === undefined) {
      upstream.destroy();
      return this.#fail(upstreamReset);
    }
    this.answering = true;
    this.progress?.answering(this, head.status);
    const { socket: client, rest: clientRest } = this.#client.leave();
    client.write(head.forSwitched(this.#head.upgrade), 'latin1');
    if (rest.length > 0) client.write(rest);
    if (clientRest.length > 0) upstream.write(clientRest);
    this.#switched = switchProtocols({ client, upstream, early: clientRest.length, earlyAnswer: rest.length }, () => this.#finish(head.status));
    this.dueAt = this.#limits.next(true);
  }

  brokeOff(problem: string, silent: boolean): void {
    const broken = this.#leaveUpstream();
    if (this.#over) return;
    const isDead = silent && broken?.reused === true && wasDead(this.sweeps);
    if (isDead) broken.foundDead(this.givenAt);
    else this.progress?.brokeOff(this);
    if (!isDead || this.#sentTwice || (broken.out.hasWritten && !isReplayable(this.#head))) return this.#fail(upstreamReset);
    // The pod was closing the connection while the request was on its way: no fault of the pod, and none that the client should see.
    this.#sentTwice = true;
    this.#unwritten = broken.out.takeText().slice(this.#printHead().length);
    this.#client.keepBody();
    this.progress?.again(this, problem);
  }

  drained(): void {
    this.#limits.moved();
    this.#client.block(false);
  }

  // From the client's connection.

  bodyArrived(): void {
    const upstream = this.#upstream;
    if (upstream === undefined) return;
    this.#limits.moved();
    if (this.#client.requestWhole) upstream.requestSent();
    if (!upstream.out.flush()) this.#client.block(true);
  }

  bodyBroken(): void {
    this.#fail(malformed('the body of the request is not framed as RFC 9112 has it'));
  }

  clientDrained(): void {
    this.#limits.moved();
    this.#upstream?.resume();
  }

  clientGone(): void {
    if (this.#over) return;
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

  /** Its second and last sending is over a new connection, to whichever pod it goes: another dead one would be its end. */
  get #reuse(): Reuse {
    if (this.#head.upgrade !== undefined) return 'none-as-stream';
    if (this.#sentTwice || this.fresh) return 'none';
    const { length } = this.#head;
    return keptFor(this.#head, typeof length === 'number' ? length : Infinity);
  }

  /** As it goes to the pod that this was given to last. */
  #printHead(): string {
    return this.#head.forUpstream(this.#client.peer, this.#edge, this.#podAuthority, this.trace?.fields, this.scheme);
  }

  #attempt(upstream: PodConnection): void {
    this.#upstream = upstream;
    this.sweeps = 0;
    upstream.begin(this, this.#head.method === 'HEAD');
  }

  /** Ends the exchange with an answer of ours, or, where the pod's own has begun, by cutting the connection: a client must not take half an answer for a whole one. */
  #fail(refusal: Refusal): void {
    if (this.#over) return;
    this.brokenOffBy = brokenOffBy(refusal, this.answering);
    if (this.#switched !== undefined) return this.#switched.cut();
    this.#abandon();
    if (this.answering) {
      this.#finish(this.#status);
      return this.#client.cut();
    }
    this.progress?.refusing(this, refusal);
    this.refuse(refusal);
  }

  #answerSelf(answer: OwnAnswer): void {
    if (this.#over) return;
    this.#client.dropBody();
    // With `Expect` unanswered the client may or may not send its body: the next request could not be told from it.
    const mayGoOn = this.#head.upgrade === undefined && (!this.#head.expectsContinue || this.#saidContinue);
    const connection = this.#client.connectionHeader(false, mayGoOn);
    this.answerTo.text(printAnswer(answer, this.#setting.date(), connection, this.#head.method === 'HEAD'));
    this.answerTo.flush();
    this.#finish(answer.status);
    this.#client.answered();
  }

  #finish(status: number): void {
    if (this.#over) return;
    this.#over = true;
    this.progress?.ended(this, status);
  }

  #abandon(): void {
    this.#leaveUpstream()?.abandon();
  }

  #leaveUpstream(): PodConnection | undefined {
    const upstream = this.#upstream;
    this.#answerBytes += upstream?.answerBytes ?? 0;
    this.#upstream = undefined;
    return upstream;
  }
}
