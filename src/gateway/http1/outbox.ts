import type { Socket } from 'node:net';
import type { BodySink } from './message-body.ts';

/** Up to this many bytes a copy into one string is cheaper than a write of several pieces. */
const joinUpTo = 8 * 1024;

/** What goes out over a connection in one turn, written at once: a head, the first piece of its body and the end of it are one packet, not three. */
export class Outbox implements BodySink {
  readonly #socket: Socket;
  #pieces: (string | Buffer)[] = [];
  #bytes = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  text(text: string): void {
    this.#pieces.push(text);
    this.#bytes += text.length;
  }

  bytes(chunk: Buffer, from: number, to: number): void {
    if (from === to) return;
    this.#pieces.push(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
    this.#bytes += to - from;
  }

  /** Writes what there is. False where the other side has to catch up first: it tells by `drain`. */
  flush(): boolean {
    const socket = this.#socket;
    const pieces = this.#pieces;
    const [first] = pieces;
    if (first === undefined) return !socket.writableNeedDrain;
    const joined = this.#bytes <= joinUpTo;
    this.#pieces = [];
    this.#bytes = 0;
    if (pieces.length === 1) return write(socket, first);
    if (joined) return write(socket, pieces.map(asText).join(''));
    socket.cork();
    for (const piece of pieces) write(socket, piece);
    socket.uncork();
    return !socket.writableNeedDrain;
  }
}

const write = (socket: Socket, piece: string | Buffer): boolean => (typeof piece === 'string' ? socket.write(piece, 'latin1') : socket.write(piece));
const asText = (piece: string | Buffer): string => (typeof piece === 'string' ? piece : piece.toString('latin1'));
