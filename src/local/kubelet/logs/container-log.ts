import type { Clock } from '../../../core/index.ts';

interface Line {
  /** ms since the epoch. */
  readonly at: number;
  /** With its line end; the last line of an ended container may have none. */
  readonly bytes: Buffer;
}

/** A line that is longer is cut, as container runtimes do. */
const longestLine = 16 * 1024;
/** What a line costs beside its bytes. */
const lineOverhead = 64;

type Stream = 'stdout' | 'stderr';

/** The output of one instance of a container: the newest lines, up to a bound in bytes. */
export class ContainerLog {
  readonly #clock: Clock;
  readonly #limitBytes: number;
  readonly #lines: (Line | undefined)[] = [];
  readonly #partial: Record<Stream, Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  readonly #waiting = new Set<() => void>();
  /** Lines dropped from the front so far: the sequence number of the oldest one kept. */
  #first = 0;
  /** Index of the oldest kept line in `#lines`. */
  #head = 0;
  #bytes = 0;
  #ended = false;

  constructor(clock: Clock, limitBytes: number) {
    this.#clock = clock;
    this.#limitBytes = limitBytes;
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  /** Sequence number of the oldest line, and the one past the newest. */
  get bounds(): { readonly first: number; readonly past: number } {
    return { first: this.#first, past: this.#first + this.#lines.length - this.#head };
  }

  line(sequence: number): Line | undefined {
    return this.#lines[this.#head + sequence - this.#first];
  }

  write(stream: Stream, chunk: Buffer): void {
    let rest = this.#partial[stream].length === 0 ? chunk : Buffer.concat([this.#partial[stream], chunk]);
    for (let end = rest.indexOf(10); end >= 0 || rest.length > longestLine; end = rest.indexOf(10)) {
      const length = end < 0 ? longestLine : Math.min(end + 1, longestLine);
      this.#push(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
    // A copy: the chunk it lies in may be large.
    this.#partial[stream] = Buffer.from(rest);
    this.#wake();
  }

  /** No more will come. */
  end(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#partial[stream].length > 0) this.#push(this.#partial[stream]);
      this.#partial[stream] = Buffer.alloc(0);
    }
    this.#ended = true;
    this.#wake();
  }

  /** Resolves at the next change, or when `signal` aborts. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      if (signal.aborted) {
        resolve();
        return;
      }
      this.#waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  /** The last lines as text, at most `most` bytes: the termination message of `FallbackToLogsOnError`. */
  tail(most: number): string {
    const { first, past } = this.bounds;
    const texts: Buffer[] = [];
    for (let sequence = past - 1, bytes = 0; sequence >= first && bytes < most; sequence -= 1) {
      const found = this.line(sequence)?.bytes ?? Buffer.alloc(0);
      texts.unshift(found);
      bytes += found.length;
    }
    return Buffer.concat(texts).subarray(-most).toString();
  }

  #push(bytes: Buffer): void {
    this.#lines.push({ at: this.#clock.now(), bytes: Buffer.from(bytes) });
    this.#bytes += bytes.length + lineOverhead;
    while (this.#bytes > this.#limitBytes && this.#head < this.#lines.length) {
      this.#bytes -= (this.#lines[this.#head]?.bytes.length ?? 0) + lineOverhead;
      this.#lines[this.#head] = undefined;
      this.#head += 1;
      this.#first += 1;
    }
    if (this.#head > 1024 && this.#head * 2 > this.#lines.length) {
      this.#lines.splice(0, this.#head);
      this.#head = 0;
    }
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done();
  }
}
