import type { Clock, Timer } from '../../core/index.ts';
import { connectDeadline, podDeadline } from '../pod-deadline.ts';
import type { ConnectFailure } from '../counters.ts';
import { connectToPod } from '../pod-socket.ts';
import { errors } from './engine/codes.ts';
import { Connection, type ConnectionOwner } from './engine/connection.ts';
import type { Sensitive } from './engine/sensitive.ts';
import type { OwnSettings } from './engine/settings.ts';
import type { Fields, Stream, StreamListener } from './engine/stream.ts';
import { mostAnswerFieldsBytes, mostCancelledStreams, mostPodStreams, podConnectionWindowBytes, podStreamWindowBytes, settingsWithinMs } from './limits.ts';
import { turn } from '../turn.ts';

/** Where no SETTINGS have come, what RFC 9113 §6.5.2 recommends as the least is taken for granted. */
export const assumedStreams = 100;
/** Ids of streams run out at 2^30. */
const mostServed = 2 ** 29;

const settings: OwnSettings = {
  role: 'client',
  streamWindow: podStreamWindowBytes,
  connectionWindow: podConnectionWindowBytes,
  maxConcurrentStreams: 0,
  maxHeaderListSize: mostAnswerFieldsBytes,
  connectProtocol: false,
};

/** What all of them read into: what has come is used or copied before anybody reads again. */
const readInto = Buffer.allocUnsafeSlow(64 * 1024);

/** Why a session could not be used for anything. */
export interface SessionProblem {
  readonly failure: ConnectFailure;
  readonly text: string;
}

/** What a session tells the pool that it belongs to. */
export interface SessionOwner {
  /** There may be room for another stream. */
  room(): void;
  /** It takes nothing new any more. `problem`: of one that has carried no request, had there been any. */
  gone(session: PodSession, problem: SessionProblem | undefined): void;
}

/** One HTTP/2 connection to a pod. No keep-alive PINGs go to it: gRPC servers take one in five minutes for an attack; dead connections are found by TCP's own probes. */
export class PodSession implements ConnectionOwner {
  /** Monotonic time since which it has had no stream. */
  idleSince: number;
  readonly #clock: Clock;
  readonly #owner: SessionOwner;
  readonly #connection: Connection;
  #state: 'dialling' | 'ready' | 'gone' = 'dialling';
  #timer: Timer | undefined;
  #problem = 'the connection was closed before it could be used';
  #failure: ConnectFailure = 'connect';
  #resets = 0;

  /** Throws at an address that is none. `authority`: the address as it stands in a URL. */
  constructor(clock: Clock, owner: SessionOwner, address: string, port: number, authority: string) {
    this.#clock = clock;
    this.#owner = owner;
    this.idleSince = clock.monotonic();
    if (!URL.canParse(`http://${authority}`)) throw new Error(`${authority} is no address`);
    const callback = (bytes: number): true => {
      this.#connection.receive(readInto, 0, bytes);
      return true;
    };
    const socket = connectToPod({ onread: { buffer: readInto, callback } }, address, port);
    this.#connection = new Connection(socket, settings, this, turn);
    this.#timer = connectDeadline(clock, () => this.#fail('no answer to the connection attempt'));
    socket.on('connect', () => this.#connected()).on('error', (error: Error) => (this.#problem = error.message));
  }

  get dialling(): boolean {
    return this.#state === 'dialling';
  }

  /** Streams that may be opened now. */
  get room(): number {
    return this.#state === 'ready' ? Math.min(this.#connection.room, Math.max(0, this.limit - this.#connection.open)) : 0;
  }

  /** What it takes at the same time, as far as is known. */
  get limit(): number {
    return this.#connection.greeted ? Math.min(this.#connection.peer.maxConcurrentStreams, mostPodStreams) : assumedStreams;
  }

  get idle(): boolean {
    return this.#state === 'ready' && this.#connection.open === 0;
  }

  /** True once requests have gone over it before: the pod may be closing it at this moment. */
  get used(): boolean {
    return this.#connection.served > 1;
  }

  /** It takes nothing new any more. */
  get ending(): boolean {
    return this.#connection.leaving;
  }

  /** It has said that it takes extended CONNECT (RFC 8441 §3). */
  get takesTunnels(): boolean {
    return this.#connection.peer.connectProtocol;
  }

  /** A stream for one request; undefined where the session has gone meanwhile. */
  request(fields: Fields, sensitive: Sensitive, end: boolean, listener: StreamListener): Stream | undefined {
    if (this.room === 0) return undefined;
    const stream = this.#connection.request(fields, sensitive, end, listener);
    if (this.#connection.served >= mostServed) this.retire();
    return stream;
  }

  /** Nobody waits for the answer any more. */
  cancel(stream: Stream): void {
    if (stream.isClosed) return;
    this.#resets += 1;
    stream.reset(errors.cancel);
    if (this.#resets >= mostCancelledStreams) this.retire();
  }

  /** Takes nothing new; ends when its streams have. */
  retire(): void {
    if (this.#state === 'dialling') return this.#fail(this.#problem);
    if (this.#state !== 'ready') return;
    this.#connection.goodbye();
    this.#gone();
  }

  /** Once a second. */
  sweep(): void {
    this.#connection.sweep();
  }

  // From the connection.

  changed(): void {
    if (this.#connection.leaving) return this.#leaves();
    if (this.#connection.open === 0) this.idleSince = this.#clock.monotonic();
    if (this.#state === 'dialling') this.#ready();
    else this.#owner.room();
  }

  closed(): void {
    this.#gone();
  }

  #connected(): void {
    this.#timer?.cancel();
    this.#failure = 'closed';
    this.#timer = podDeadline(this.#clock, settingsWithinMs, () => this.#ready());
  }

  #ready(): void {
    this.#timer?.cancel();
    if (this.#state !== 'dialling') return;
    this.#state = 'ready';
    this.idleSince = this.#clock.monotonic();
    this.#owner.room();
  }

  #fail(problem: string): void {
    this.#problem = problem;
    this.#connection.destroy();
    this.#gone();
  }

  /** It is over, though its socket is not, before SETTINGS have come: we have given it up, over the first bytes that the pod sent. */
  #leaves(): void {
    const { lost, greeted } = this.#connection;
    if (this.dialling && lost && !greeted) [this.#failure, this.#problem] = ['protocol', 'what it says first are no SETTINGS of HTTP/2'];
    this.#gone();
  }

  #gone(): void {
    if (this.#state === 'gone') return;
    const unused = this.#connection.served === 0;
    const problem = unused ? { failure: this.#failure, text: this.#problem } : undefined;
    this.#state = 'gone';
    this.#timer?.cancel();
    this.#owner.gone(this, problem);
  }
}
