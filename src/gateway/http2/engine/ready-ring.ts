import type { Stream } from './stream.ts';

/** Streams that have something to send and a window for it, in the order in which their turns come. */
export class ReadyRing {
  first: Stream | undefined;

  add(stream: Stream): void {
    if (stream.nextReady !== undefined) return;
    const { first } = this;
    if (first === undefined) {
      this.first = stream.nextReady = stream.previousReady = stream;
      return;
    }
    const last = first.previousReady ?? first;
    stream.nextReady = first;
    stream.previousReady = last;
    last.nextReady = first.previousReady = stream;
  }

  remove(stream: Stream): void {
    const { nextReady, previousReady } = stream;
    if (nextReady === undefined || previousReady === undefined) return;
    stream.nextReady = stream.previousReady = undefined;
    if (nextReady === stream) {
      this.first = undefined;
      return;
    }
    nextReady.previousReady = previousReady;
    previousReady.nextReady = nextReady;
    if (this.first === stream) this.first = nextReady;
  }

  /** The first has had its turn. */
  rotate(): void {
    this.first = this.first?.nextReady;
  }
}
