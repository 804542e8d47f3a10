import type { Socket } from 'node:net';
import { keepAlive } from '../splice.ts';
import { errors } from './engine/codes.ts';
import type { Stream } from './engine/stream.ts';

/** What is told while a stream and a connection are joined. */
export interface TunnelEnds {
  /** So many bytes went to the client. */
  readonly down: (bytes: number) => void;
  /** The pod has ended its side. */
  readonly podEnded: () => void;
  /** Both are closed. */
  readonly ended: () => void;
}

/**
 * Joins a client's stream and a pod's connection that speaks WebSocket (RFC 8441 §5): END_STREAM is FIN, RST_STREAM is RST, each way. Whoever is slow holds the other side back. The stream's
 * listener tells it what that hears.
 */
export class Tunnel {
  readonly #stream: Stream;
  readonly #socket: Socket;
  readonly #ends: TunnelEnds;
  #open = 2;
  #clientEnded = false;
  /** Bytes that wait for the pod. */
  #owed = 0;

  constructor(stream: Stream, socket: Socket, ends: TunnelEnds) {
    this.#stream = stream;
    this.#socket = socket;
    this.#ends = ends;
    keepAlive(socket);
    socket.on('data', (chunk: Buffer) => this.#down(chunk)).on('drain', () => this.#drained());
    socket.on('end', () => {
      ends.podEnded();
      stream.end();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      if (!socket.readableEnded) stream.reset(errors.cancel);
      this.#closed();
    });
    socket.resume();
  }

  data(bytes: Buffer, from: number, to: number, end: boolean): void {
    const socket = this.#socket;
    const length = to - from;
    // What the socket does not take at once it keeps.
    if (length === 0 || socket.write(Buffer.from(bytes.subarray(from, to)))) this.#stream.consumed(length);
    else this.#owed += length;
    if (end) this.end();
  }

  end(): void {
    this.#clientEnded = true;
    this.#socket.end();
  }

  writable(): void {
    this.#socket.resume();
  }

  /** The stream is. */
  closed(): void {
    if (!this.#clientEnded) this.#socket.resetAndDestroy();
    this.#closed();
  }

  /** The stream is the caller's now. */
  cut(): void {
    if (this.#clientEnded) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  #down(chunk: Buffer): void {
    this.#ends.down(chunk.length);
    if (!this.#stream.data(chunk, 0, chunk.length, false)) this.#socket.pause();
  }

  #drained(): void {
    const owed = this.#owed;
    this.#owed = 0;
    this.#stream.consumed(owed);
  }

  #closed(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#ends.ended();
  }
}
