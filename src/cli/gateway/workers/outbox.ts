import type { SocketHandle } from './messages.ts';

/** Sends one message over a channel; `sent` hears when it is written, or cannot be. */
type Post<Message> = (message: Message, handle: SocketHandle | undefined, sent: () => void) => void;

/**
 * Messages over a channel between processes, one after the other. Node waits for the other side's word after each socket that it passes on, and with each word goes through all that waits:
 * quadratic, a quarter of a minute for 5,000 sockets. So what waits waits here.
 */
export class Outbox<Message> {
  readonly #post: Post<Message>;
  #waiting: (readonly [Message, SocketHandle | undefined])[] = [];
  #next = 0;
  #busy = false;
  readonly #emptied: (() => void)[] = [];

  constructor(post: Post<Message>) {
    this.#post = post;
  }

  send(message: Message, handle?: SocketHandle): void {
    this.#waiting.push([message, handle]);
    if (!this.#busy) this.#go();
  }

  /** Resolves when everything is written. */
  empty(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#busy) this.#emptied.push(resolve);
      else resolve();
    });
  }

  #go(): void {
    const first = this.#waiting[this.#next];
    this.#busy = first !== undefined;
    if (first === undefined) {
      this.#waiting = [];
      this.#next = 0;
      for (const emptied of this.#emptied.splice(0)) emptied();
      return;
    }
    this.#next += 1;
    this.#post(...first, () => this.#go());
  }
}
