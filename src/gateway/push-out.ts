import type { Call } from './call.ts';

/**
 * Tells calls that others took their place. One after the other, however it comes: an answer may let the next request of its connection in, which pushes out further ones, and each of those the
 * next; told at once, that would be a stack as deep as there are connections.
 */
export class PushOut {
  readonly #calls: Call[] = [];
  #telling = false;

  tell(calls: readonly Call[]): void {
    if (calls.length === 0) return;
    this.#calls.push(...calls);
    if (this.#telling) return;
    this.#telling = true;
    for (const call of this.#calls) call.progress?.pushedOut(call);
    this.#calls.length = 0;
    this.#telling = false;
  }
}
