import type { Socket } from 'node:net';
import { mostBacklogBytes } from '../limits.ts';
import { Outbound } from './outbound.ts';
import type { PeerSettings } from './settings.ts';
import type { Late, Turn } from '../../turn.ts';
import { giveBlock } from './write-blocks.ts';

/** Writes what a connection sends to its socket, once a turn, and no faster than the socket takes it. */
export class SocketWriter implements Late {
  readonly out: Outbound;
  readonly #socket: Socket;
  readonly #turn: Turn;
  #isLate = false;
  #isPaused = false;

  constructor(socket: Socket, peer: PeerSettings, turn: Turn) {
    this.#socket = socket;
    this.#turn = turn;
    this.out = new Outbound(peer, () => this.#wake());
    socket.on('drain', () => this.#drained());
  }

  flush(): void {
    const [socket, out] = [this.#socket, this.out];
    if (socket.writableEnded || socket.destroyed) return;
    out.pump();
    if (out.size > 0) this.#write();
    if (out.hasMore && !out.isBlocked) this.#wake();
  }

  atEndOfTurn(): void {
    this.#isLate = false;
    this.flush();
  }

  #write(): void {
    const socket = this.#socket;
    const { bytes, length } = this.out.take();
    this.out.isBlocked = !socket.write(bytes.subarray(0, length));
    // Its callback has been called: nobody reads the memory any more.
    if (socket.writableLength === 0) giveBlock(bytes);
    if (socket.writableLength <= mostBacklogBytes || this.#isPaused) return;
    this.#isPaused = true;
    socket.pause();
  }

  #wake(): void {
    if (this.#isLate) return;
    this.#isLate = true;
    this.#turn.add(this);
  }

  #drained(): void {
    this.out.isBlocked = false;
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#socket.resume();
    }
    this.#wake();
  }
}
