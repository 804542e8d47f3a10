import type { OnReadOpts, Socket } from 'node:net';
import type { Clock, Timer } from '../../core/index.ts';
import { connectDeadline } from '../pod-deadline.ts';
import { HeadReader } from './head-reader.ts';
import { mostAnswerHeadBytes } from './limits.ts';
import { bodyReader, type BodyReader, type BodySink, type PassAs } from './message-body.ts';
import { connectToPod, type PodSocket } from '../pod-socket.ts';
import { Outbox } from './outbox.ts';
import { turn, type Late } from '../turn.ts';
import { ReadBuffer } from './read-buffer.ts';
import { ResponseHead } from './response-head.ts';

/** What becomes of one request that goes over a connection to a pod. After `ended`, `switched`, `unreachable` or `brokeOff` nothing more is said of it. */
export interface AnswerListener {
  /** The connection is there: the head and what there is of the body may be put into its outbox. */
  connected(): void;
  /** No connection, so nothing was written. */
  unreachable(problem: string): void;
  /** An interim answer: 1xx but 101. */
  interim(head: ResponseHead): void;
  /** Where the body of the answer goes. */
  readonly answerTo: BodySink;
  /** The head of the final answer. Says in which form its body goes on. */
  answered(head: ResponseHead): PassAs;
  /** The pod leaves HTTP behind; `rest` is what came behind its head. The connection is the listener's from now on. */
  switched(head: ResponseHead, socket: Socket, rest: Buffer): void;
  /** What came in this turn is in the outbox: it may be written. False where the pod has to wait for `resume`. */
  arrived(): boolean;
  /** The answer is whole. */
  ended(): void;
  /** The connection ended or said what is not HTTP/1.1. `silent`: without a byte of an answer. */
  brokeOff(problem: string, silent: boolean): void;
  /** The pod takes more of the body again. */
  drained(): void;
}

/** What a connection needs of the pool that it belongs to. */
export interface Pool {
  readonly clock: Clock;
  /** It can take another request. */
  idle(connection: PodConnection): void;
  /** It is closed. `idleMs`: for how long it had been idle when the pod closed it. */
  gone(connection: PodConnection, idleMs: number | undefined): void;
  /** The pod closed one that had been idle for so long. */
  closedAfter(idleMs: number): void;
}

/** One connection to a pod: a request at a time, its answer read strictly, then the next one. */
export class PodConnection implements Late {
  readonly out: Outbox;
  /** It has carried a request before: the pod may be closing it at this moment. */
  reused = false;
  /** Monotonic time since which it has been idle. */
  idleSince = 0;
  keepAliveSeconds: number | undefined;
  readonly #pool: Pool;
  readonly #socket: PodSocket;
  readonly #heads = new HeadReader(mostAnswerHeadBytes);
  #timer: Timer | undefined;
  #listener: AnswerListener | undefined;
  #body: BodyReader | undefined;
  /** Length of a body that came with its head, and was read as text with it. */
  #shortBody = 0;
  /** Where a body went that was in what is being read. */
  #bodyTo: BodySink | undefined;
  #state: 'connecting' | 'idle' | 'looking' | 'head' | 'body' | 'closed' = 'connecting';
  /** In which it became idle. */
  #idleTurn = -1;
  /** Ends of turns still to come before a request goes over it. */
  #looksLeft = 0;
  #isHead = false;
  #silent = true;
  #keepsAlive = true;
  #requestSent = false;

  /** `asStream`: for a request that may take the connection over; its socket is a stream for good. */
  constructor(pool: Pool, address: string, port: number, asStream: boolean) {
    this.#pool = pool;
    const socket = connectToPod(asStream ? { allowHalfOpen: true } : { allowHalfOpen: true, onread: this.#reading() }, address, port);
    this.#socket = socket;
    this.out = new Outbox(socket);
    this.#timer = connectDeadline(pool.clock, () => this.#fail('no answer to the connection attempt'));
    socket.on('connect', this.#onConnect).on('end', this.#onEnd).on('drain', this.#onDrain).on('error', this.#onError).on('close', this.#onClose);
    if (asStream) socket.on('data', this.#onData);
  }

  /** A request that was given to it at `at` has found it dead. */
  foundDead(at: number): void {
    this.#pool.closedAfter(at - this.idleSince);
  }

  /** Gives it a request. `isHead`: the answer has no body, whatever it says. */
  begin(listener: AnswerListener, isHead: boolean): void {
    this.#listener = listener;
    this.out.hasWritten = false;
    this.#isHead = isHead;
    this.#silent = true;
    this.#keepsAlive = true;
    this.#requestSent = false;
    this.#body = undefined;
    this.#shortBody = 0;
    if (this.#state === 'connecting') return;
    if (this.#looksLeft > 0) {
      this.#state = 'looking';
      turn.add(this);
      return;
    }
    this.#state = 'head';
    listener.connected();
  }

  /**
   * The request that is given to it next may not be sent twice. An end that the pod has set right behind its last answer is heard of in the turn after that answer, so if this is the same turn the request waits
   * for the end of the next one. What is short goes out at the end of a turn by itself; `isLong`: not even begun before.
   */
  lookFirst(isLong: boolean): void {
    if (this.#idleTurn === turn.count) this.#looksLeft = 2;
    else this.#looksLeft = isLong ? 1 : 0;
  }

  atEndOfTurn(): void {
    if (this.#state !== 'looking') return;
    this.#looksLeft -= 1;
    if (this.#looksLeft > 0) return turn.add(this);
    this.#state = 'head';
    this.#listener?.connected();
  }

  /** Content of the body of the last answer, as far as it has come. */
  get answerBytes(): number {
    return this.#body?.content ?? this.#shortBody;
  }

  /** The request has been written whole. */
  requestSent(): void {
    this.#requestSent = true;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Nobody waits for the answer any more: the connection is ended, for nobody knows how much of one is still to come. */
  abandon(): void {
    this.#listener = undefined;
    this.close();
  }

  close(): void {
    this.#end(undefined);
  }

  #reading(): OnReadOpts {
    const buffer = new ReadBuffer();
    return {
      buffer: buffer.next,
      callback: (bytes) => {
        this.#onData(buffer.read(bytes));
        buffer.done(this.#bodyTo?.holdsBytes === true);
        this.#bodyTo = undefined;
        return true;
      },
    };
  }

  readonly #onConnect = (): void => {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#listener === undefined) return this.close();
    this.#state = 'head';
    this.#listener.connected();
  };

  readonly #onData = (chunk: Buffer): void => {
    // A pod that speaks unasked: what would follow could be taken for an answer.
    if (this.#state === 'idle') return this.close();
    // The request waits for the end of the turn, so that this is no answer to it (RFC 9112 §9.2).
    if (this.#state === 'looking' || (this.#state === 'head' && !this.out.hasWritten)) return this.#fail('the pod spoke before it was asked');
    let at = 0;
    while (at >= 0 && at < chunk.length && this.#inAnswer) at = this.#state === 'head' ? this.#readHead(chunk, at) : this.#readBody(chunk, at);
    if (at < 0) return this.#fail('the pod answered what is not HTTP/1.1');
    const listener = this.#listener;
    if (listener !== undefined && !listener.arrived()) this.#socket.pause();
  };

  /** `listener` changes hands while an answer is read: whoever is told of its end may begin the next request at once. */
  get #inAnswer(): boolean {
    return (this.#state === 'head' || this.#state === 'body') && this.#listener !== undefined;
  }

  #readHead(chunk: Buffer, from: number): number {
    this.#silent = false;
    const heads = this.#heads;
    const at = heads.read(chunk, from);
    if (at === 'more') return chunk.length;
    if (typeof at === 'string') return -1;
    const head = ResponseHead.read(heads.text, heads.length, heads.bytes, heads.start);
    heads.done();
    if (head === undefined) return -1;
    return head.status < 200 ? this.#interim(head, chunk, at) : this.#final(head, chunk, at);
  }

  #interim(head: ResponseHead, chunk: Buffer, at: number): number {
    if (head.status !== 101) {
      this.#listener?.interim(head);
      return at;
    }
    const listener = this.#listener;
    if (listener === undefined || head.upgrade === undefined) return -1;
    this.#state = 'closed';
    this.#listener = undefined;
    this.#letGo();
    this.#pool.gone(this, undefined);
    listener.switched(head, this.#socket, chunk.subarray(at));
    return chunk.length;
  }

  #final(head: ResponseHead, chunk: Buffer, at: number): number {
    this.#keepsAlive = head.keepsAlive;
    this.keepAliveSeconds = head.keepAliveSeconds;
    const passAs = this.#listener?.answered(head);
    const { length } = head;
    if (passAs === undefined || this.#isHead || length === 0) return this.#whole(chunk, at);
    const to = this.#listener?.answerTo;
    if (typeof length === 'number' && length <= this.#heads.behind && to?.contentText !== undefined) {
      this.#shortBody = length;
      to.contentText(this.#heads.text.slice(this.#heads.length, this.#heads.length + length));
      return this.#whole(chunk, at + length);
    }
    this.#body = bodyReader(length, passAs);
    this.#state = 'body';
    return at;
  }

  #readBody(chunk: Buffer, from: number): number {
    const [body, listener] = [this.#body, this.#listener];
    if (body === undefined || listener === undefined) return -1;
    this.#bodyTo = listener.answerTo;
    const at = body.read(chunk, from, listener.answerTo);
    return at >= 0 && body.done ? this.#whole(chunk, at) : at;
  }

  /** The answer is whole. Bytes behind it belong to none: the connection is not used again. */
  #whole(chunk: Buffer | undefined, at: number): number {
    const listener = this.#listener;
    this.#listener = undefined;
    const reusable = this.#keepsAlive && this.#requestSent && chunk !== undefined && at === chunk.length && this.#state !== 'closed';
    if (reusable) {
      // Or the rest of this request would be taken for the beginning of the next one, were that to go over another connection.
      this.out.flushNow();
      this.#state = 'idle';
      this.#idleTurn = turn.count;
      this.#looksLeft = 0;
      this.reused = true;
      this.#socket.resume();
      this.#pool.idle(this);
    } else this.close();
    listener?.ended();
    return chunk?.length ?? 0;
  }

  readonly #onEnd = (): void => {
    if (this.#state === 'idle') return this.#end(this.#pool.clock.monotonic() - this.idleSince);
    const listener = this.#listener;
    if (listener !== undefined && !this.#socket.wasReset && this.#body?.end(listener.answerTo) === true) this.#whole(undefined, 0);
    else this.#fail('the pod ended the connection');
  };

  readonly #onDrain = (): void => {
    this.#listener?.drained();
  };

  readonly #onError = (error: Error): void => {
    if (this.#state === 'idle') this.#end(this.#pool.clock.monotonic() - this.idleSince);
    else this.#fail(error.message);
  };

  readonly #onClose = (): void => {
    this.#fail('the connection was closed');
  };

  #fail(problem: string): void {
    if (this.#state === 'closed') return;
    const listener = this.#listener;
    const connecting = this.#state === 'connecting';
    this.#listener = undefined;
    this.close();
    if (connecting) listener?.unreachable(problem);
    else listener?.brokeOff(problem, this.#silent);
  }

  #end(idleMs: number | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#timer?.cancel();
    this.#socket.destroy();
    this.#pool.gone(this, idleMs);
  }

  #letGo(): void {
    const socket = this.#socket;
    socket.readsOn = false;
    socket.off('data', this.#onData).off('end', this.#onEnd).off('drain', this.#onDrain).off('error', this.#onError).off('close', this.#onClose);
  }
}
