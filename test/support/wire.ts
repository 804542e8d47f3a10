import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';

/** It is no limit for anything: a machine that is busy with other tests may be ten times slower. */
const patienceMs = 60_000;

/** The connection ended before what was waited for had come. */
export class WireEnded extends Error {}

/** One end of a TCP connection, spoken by hand. Text is latin1 throughout: one character is one byte. Its two directions end apart. */
export class Wire {
  readonly socket: Socket;
  /** All that ever came. */
  received = '';
  /** Nothing more will come: the other side has said so, or the connection is gone. */
  ended = false;
  /** Where it did not end in peace: `ECONNRESET` and the like. */
  failure: string | undefined;
  #read = 0;
  readonly #readers = new Set<() => void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.received += text;
      this.#wake();
    });
    socket.on('error', (error: Error & { readonly code?: string }) => (this.failure ??= error.code ?? error.message));
    for (const event of ['end', 'close'])
      socket.on(event, () => {
        this.ended = true;
        this.#wake();
      });
  }

  /** What came and was not read yet. */
  get unread(): string {
    return this.received.slice(this.#read);
  }

  /** Resolves when the kernel has it, or when the connection is gone. */
  send(text: string): Promise<void> {
    return new Promise((resolve) => this.socket.write(text, 'latin1', () => resolve()));
  }

  /** Each piece in a turn of the event loop of its own, so that the other side reads them apart; stops when the connection is gone. */
  async sendApart(pieces: Iterable<string>): Promise<void> {
    for (const piece of pieces) {
      if (!this.socket.writable) return;
      await this.send(piece);
      await turn();
    }
  }

  /** Reads up to the end of the next `pattern`. */
  async until(pattern: string): Promise<string> {
    await this.#come(JSON.stringify(pattern), () => this.received.includes(pattern, this.#read));
    return this.#take(this.received.indexOf(pattern, this.#read) + pattern.length);
  }

  async take(bytes: number): Promise<string> {
    await this.#come(`${bytes} bytes`, () => this.received.length - this.#read >= bytes);
    return this.#take(this.#read + bytes);
  }

  /** Reads up to the end of the connection. */
  async rest(): Promise<string> {
    await this.#come('the end', () => this.ended);
    return this.#take(this.received.length);
  }

  /** Says that nothing more comes from here; what still comes from there is read. */
  finish(): void {
    this.socket.end();
  }

  /** Breaks it off (RST). */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  #take(to: number): string {
    const text = this.received.slice(this.#read, to);
    this.#read = to;
    return text;
  }

  #wake(): void {
    for (const look of this.#readers) look();
  }

  #come(what: string, there: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#readers.delete(look);
      };
      const look = (): void => {
        if (!there() && !this.ended) return;
        done();
        if (there()) resolve();
        else
          reject(new WireEnded(`the connection ended (${this.failure ?? 'FIN'}) before ${what} came; unread is ${JSON.stringify(this.unread.slice(0, 500))}`));
      };
      const timer = setTimeout(() => {
        done();
        reject(new Error(`${what} did not come within ${patienceMs / 1000} s; unread is ${JSON.stringify(this.unread.slice(0, 500))}`));
      }, patienceMs);
      this.#readers.add(look);
      look();
    });
  }
}

/** A client's connection to `port` that lasts as long as the test, at most. */
export const dial = async (t: ExecutionContext, port: number): Promise<Wire> => {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  return new Wire(socket);
};
