import type { Socket } from 'node:net';
import { DirectSocket } from '../direct-socket.ts';
import { turn, type Late } from '../turn.ts';
import type { BodySink } from './message-body.ts';

/** Up to this many bytes a copy into one string is cheaper than a write of several pieces. */
export const joinUpTo = 8 * 1024;

/**
 * What goes out over a connection in one turn, written at once: a head, the first piece of its body and the end of it are one packet, not three. Text waits for the end of the turn of the event loop, when
 * all connections that have something to say write one behind the other: whoever reads there then wakes up once for many, and that is most of what a write costs.
 */
export class Outbox implements BodySink, Late {
  /** Something has gone out since it was last set to false. */
  hasWritten = false;
  readonly #socket: Socket;
  /** Ahead of `#text`. */
  #pieces: (string | Buffer)[] = [];
  /** Each character is one byte. */
  #text = '';
  /** A piece of somebody else's memory is among what has not been seen to be written. */
  #lent = false;
  #isLate = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  text(text: string): void {
    this.#text += text;
  }

  contentText(text: string): void {
    this.#text += text;
  }

  bytes(chunk: Buffer, from: number, to: number): void {
    if (from === to) return;
    if (this.#text.length + to - from <= joinUpTo) {
      this.#text += chunk.toString('latin1', from, to);
      return;
    }
    this.#endText();
    this.#pieces.push(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
    this.#lent = true;
  }

  get holdsBytes(): boolean {
    this.#lent &&= this.#pieces.length > 0 || this.#socket.writableLength > 0;
    return this.#lent;
  }

  /** What there is may go out. False where the other side has to catch up first: it tells by `drain`. What the kernel has taken at once waits for nobody, however much it was. */
  flush(): boolean {
    const socket = this.#socket;
    if (this.#pieces.length > 0) this.#writePieces(socket);
    // Much does not wait, or nobody would notice in this turn that the other side does not read.
    else if (this.#text.length > joinUpTo) this.flushNow();
    else if (this.#text !== '' && !this.#isLate) {
      this.#isLate = true;
      turn.add(this);
    }
    return !socket.writableNeedDrain || socket.writableLength === 0;
  }

  /** The same, now: before the connection is ended, or is somebody else's. */
  flushNow(): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (this.#pieces.length > 0) this.#writePieces(socket);
    else if (this.#text !== '') {
      this.hasWritten = true;
      if (socket instanceof DirectSocket) socket.writeText(this.takeText());
      else socket.write(this.takeText(), 'latin1');
    }
  }

  /** What was to go out, to be said over another connection. */
  takeText(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }

  atEndOfTurn(): void {
    this.#isLate = false;
    this.flushNow();
  }

  #writePieces(socket: Socket): void {
    this.hasWritten = true;
    this.#endText();
    const pieces = this.#pieces;
    this.#pieces = [];
    if (pieces.length > 1) socket.cork();
    for (const piece of pieces) {
      if (typeof piece === 'string') socket.write(piece, 'latin1');
      else socket.write(piece);
    }
    if (pieces.length > 1) socket.uncork();
  }

  #endText(): void {
    if (this.#text !== '') this.#pieces.push(this.#text);
    this.#text = '';
  }
}
