import type { Socket } from 'node:net';
import type { BodySink } from './message-body.ts';

/** Up to this many bytes a copy into one string is cheaper than a write of several pieces. */
const joinUpTo = 8 * 1024;

/** What goes out over a connection in one turn, written at once: a head, the first piece of its body and the end of it are one packet, not three. */
export class Outbox implements BodySink {
  readonly #socket: Socket;
  /** Ahead of `#text`. */
  #pieces: (string | Buffer)[] = [];
  /** Each character is one byte. */
  #text = '';

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  text(text: string): void {
    this.#text += text;
  }

  bytes(chunk: Buffer, from: number, to: number): void {
    if (from === to) return;
    if (this.#text.length + to - from <= joinUpTo) {
      this.#text += chunk.toString('latin1', from, to);
      return;
    }
    this.#endText();
    this.#add(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
  }

  /** Writes what there is. False where the other side has to catch up first: it tells by `drain`. */
  flush(): boolean {
    const socket = this.#socket;
    const text = this.#text;
    if (this.#pieces.length === 0) {
      this.#text = '';
      return text === '' ? !socket.writableNeedDrain : socket.write(text, 'latin1');
    }
    this.#endText();
    const pieces = this.#pieces;
    this.#pieces = [];
    const [first] = pieces;
    if (pieces.length === 1 && first !== undefined) return write(socket, first);
    socket.cork();
    for (const piece of pieces) write(socket, piece);
    socket.uncork();
    return !socket.writableNeedDrain;
  }

  #endText(): void {
    if (this.#text !== '') this.#add(this.#text);
    this.#text = '';
  }

  #add(piece: string | Buffer): void {
    this.#pieces.push(piece);
  }
}

const write = (socket: Socket, piece: string | Buffer): boolean => (typeof piece === 'string' ? socket.write(piece, 'latin1') : socket.write(piece));
