import { millis, type Clock, type Timer } from '../../core/index.ts';

/** Where lines go: a `Writable` that never blocks, as standard output is one. */
export interface LineOutput {
  write(text: string): unknown;
  /** What it has taken and not passed on. */
  readonly writableLength: number;
}

/** So long a line waits for others, so that many of them are one write. */
const gatherMs = 50;
const gatherBytes = 16 * 1024;
/** What may wait in all: beyond it lines are dropped, for requests must not wait for whoever reads them. */
export const mostWaitingBytes = 1024 * 1024;

/** Gives lines to an output that may be slow or stand still, in bounded memory: a line that finds no room is dropped, and counted. */
export class LineSink {
  written = 0;
  dropped = 0;
  readonly #clock: Clock;
  readonly #out: LineOutput;
  #lines = '';
  #timer: Timer | undefined;

  constructor(clock: Clock, out: LineOutput) {
    this.#clock = clock;
    this.#out = out;
  }

  /** What waits, here and in the output; characters for bytes. */
  get waiting(): number {
    return this.#lines.length + this.#out.writableLength;
  }

  add(line: string): void {
    if (this.waiting + line.length > mostWaitingBytes) {
      this.dropped += 1;
      return;
    }
    this.written += 1;
    this.#lines += line;
    if (this.#lines.length >= gatherBytes) this.flush();
    else this.#timer ??= this.#clock.after(millis(gatherMs), () => this.flush());
  }

  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#lines === '') return;
    this.#out.write(this.#lines);
    this.#lines = '';
  }
}
