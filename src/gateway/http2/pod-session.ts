import { connect as connectSession, type ClientHttp2Session, type ClientHttp2Stream, type ClientSessionRequestOptions, type Settings } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { millis, type Clock, type Timer } from '../../core/index.ts';
import { h2, ignoreError } from './codes.ts';

/** A pod on the same network answers a SYN in well under a millisecond; longer means that it is not there, and another one is tried. */
const connectTimeoutMs = 1000;
/** How long is waited for the pod's SETTINGS, which say how many streams it takes; after that what RFC 9113 §6.5.2 recommends as the least is taken for granted. */
const settingsTimeoutMs = 1000;
export const assumedStreams = 100;
/** Above this many streams another connection is opened, even where the pod would take more: one connection is one core of the pod, and one lost packet stops all its streams. */
const mostStreams = 250;
/**
 * Streams that we may reset before a connection is given up for new ones. Servers count resets (CVE-2023-44487) and cut connections that bring too many, with every
 * stream of every client in them; Node's own at 1000 in a burst.
 */
const mostResets = 200;
/** Ids of streams run out at 2^30. */
const mostServed = 2 ** 29;

const windowBytes = 256 * 1024;
const sessionWindowBytes = 4 * 1024 * 1024;

/** What a session tells the pool that it belongs to. */
export interface SessionOwner {
  /** There may be room for another stream. */
  room(): void;
  /** It takes nothing new any more. `problem`: of one that never could be used. */
  gone(session: PodSession, problem: string | undefined): void;
}

/** One HTTP/2 connection to a pod. No keep-alive PINGs go to it: gRPC servers take one in five minutes for an attack; dead connections are found by TCP's own probes. */
export class PodSession {
  /** Monotonic time since which it has had no stream. */
  idleSince: number;
  readonly #clock: Clock;
  readonly #owner: SessionOwner;
  readonly #socket: Socket;
  readonly #session: ClientHttp2Session;
  #state: 'dialling' | 'ready' | 'gone' = 'dialling';
  #timer: Timer | undefined;
  #problem = 'the connection was closed before it could be used';
  #limit = assumedStreams;
  #open = 0;
  #resets = 0;
  #served = 0;

  /** Throws at an address that is none. `authority`: the address as it stands in a URL. */
  constructor(clock: Clock, owner: SessionOwner, address: string, port: number, authority: string) {
    this.#clock = clock;
    this.#owner = owner;
    this.idleSince = clock.monotonic();
    const url = new URL(`http://${authority}`);
    const socket = connect({ host: address, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 });
    this.#socket = socket.on('error', ignoreError);
    this.#session = connectSession(url, {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: windowBytes, maxHeaderListSize: 64 * 1024 },
      maxHeaderListPairs: 512,
      maxSessionMemory: 64,
      ...{ strictSingleValueFields: false },
    });
    this.#timer = clock.after(millis(connectTimeoutMs), () => this.#fail('no answer to the connection attempt'));
    this.#session.on('connect', () => this.#connected());
    this.#session.on('remoteSettings', ({ maxConcurrentStreams }: Settings) => this.#settings(maxConcurrentStreams));
    this.#session.on('error', (error: Error) => (this.#problem = error.message));
    // Node closes the session by itself on either; streams that the pod has not taken on end as refused.
    this.#session.on('goaway', () => this.#gone()).on('close', () => this.#gone());
  }

  get dialling(): boolean {
    return this.#state === 'dialling';
  }

  /** Streams that may be opened now. */
  get room(): number {
    if (this.#state !== 'ready' || this.#session.closed || this.#session.destroyed) return 0;
    return Math.max(0, Math.min(this.#limit, mostStreams) - this.#open);
  }

  /** What it takes at the same time, as far as is known. */
  get limit(): number {
    return Math.min(this.#limit, mostStreams);
  }

  get idle(): boolean {
    return this.#state === 'ready' && this.#open === 0;
  }

  /** True once requests have gone over it before: the pod may be closing it at this moment. */
  get used(): boolean {
    return this.#served > 1;
  }

  /** It takes nothing new any more. */
  get ending(): boolean {
    return this.#state === 'gone';
  }

  /** It has said that it takes extended CONNECT (RFC 8441 §3). */
  get takesTunnels(): boolean {
    return !this.#session.destroyed && this.#session.remoteSettings.enableConnectProtocol === true;
  }

  /** The connection is no more: its streams were cut, not reset by the pod. */
  get lost(): boolean {
    return this.#session.destroyed;
  }

  /** A stream for one request; undefined where the session has gone meanwhile. */
  request(fields: readonly string[], options: ClientSessionRequestOptions): ClientHttp2Stream | undefined {
    if (this.room === 0) return undefined;
    let stream: ClientHttp2Stream;
    try {
      stream = this.#session.request(fields, options);
    } catch {
      return undefined;
    }
    this.#open += 1;
    this.#served += 1;
    stream.on('error', ignoreError).once('close', () => this.#streamClosed());
    if (this.#served >= mostServed) this.retire();
    return stream;
  }

  /** Nobody waits for the answer any more. */
  cancel(stream: ClientHttp2Stream): void {
    if (stream.closed || stream.destroyed) return;
    this.#resets += 1;
    stream.close(h2.cancel);
    if (this.#resets >= mostResets) this.retire();
  }

  /** Takes nothing new; ends when its streams have. */
  retire(): void {
    if (this.#state === 'dialling') return this.#fail(this.#problem);
    if (this.#state !== 'ready') return;
    this.#session.close();
    this.#gone();
  }

  #connected(): void {
    if (this.#session.destroyed) return;
    this.#session.setLocalWindowSize(sessionWindowBytes);
    this.#timer?.cancel();
    this.#timer = this.#clock.after(millis(settingsTimeoutMs), () => this.#ready());
  }

  #settings(most: number | undefined): void {
    this.#limit = most ?? Infinity;
    if (this.#state === 'dialling') this.#ready();
    else this.#owner.room();
  }

  #ready(): void {
    this.#timer?.cancel();
    if (this.#state !== 'dialling') return;
    this.#state = 'ready';
    this.idleSince = this.#clock.monotonic();
    this.#owner.room();
  }

  #streamClosed(): void {
    this.#open -= 1;
    if (this.#open === 0) this.idleSince = this.#clock.monotonic();
    this.#owner.room();
  }

  #fail(problem: string): void {
    this.#problem = problem;
    this.#session.destroy();
    this.#socket.destroy();
    this.#gone();
  }

  #gone(): void {
    if (this.#state === 'gone') return;
    const problem = this.dialling ? this.#problem : undefined;
    this.#state = 'gone';
    this.#timer?.cancel();
    this.#owner.gone(this, problem);
  }
}
