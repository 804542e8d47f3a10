import { textAt } from './json.ts';
import { nameOf } from './json.ts';

/** One line of a watch. */
export interface WatchEvent {
  readonly type: string;
  readonly object: unknown;
  /** The line as it came. */
  readonly line: string;
}

const defaultWaitMs = 20_000;

/** The events of a watch as they come in. */
export class WatchStream implements AsyncDisposable {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly seen: WatchEvent[] = [];
  /** Bytes that were no watch event (an error body). */
  rest = '';
  readonly #abort: AbortController;
  readonly #ended: Promise<void>;
  #isOver = false;
  #wake: () => void = () => undefined;
  #at = 0;

  constructor(status: number, headers: WatchStream['headers'], body: AsyncIterable<Uint8Array>, abort: AbortController) {
    this.status = status;
    this.headers = headers;
    this.#abort = abort;
    this.#ended = this.#read(body);
  }

  /** The next event that `wanted` accepts; those before it are passed over. Throws if it does not come in time. */
  async next(wanted: (event: WatchEvent) => boolean = () => true, withinMs = defaultWaitMs): Promise<WatchEvent> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      for (; this.#at < this.seen.length; this.#at += 1) {
        const event = this.seen[this.#at];
        if (event !== undefined && wanted(event)) {
          this.#at += 1;
          return event;
        }
      }
      if (this.#isOver) throw new Error(`the watch ended; it had ${this.summary()}`);
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no such event in ${withinMs} ms; the watch had ${this.summary()}`);
      await this.#more(left);
    }
  }

  /** `TYPE name` of the next `count` events. */
  async take(count: number): Promise<string[]> {
    const taken: string[] = [];
    while (taken.length < count) taken.push(label(await this.next()));
    return taken;
  }

  /** Resolves when the server ends the stream. */
  async ended(withinMs = defaultWaitMs): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`the watch did not end in ${withinMs} ms`)), withinMs);
    });
    await Promise.race([this.#ended, late]).finally(() => {
      clearTimeout(timer);
    });
  }

  summary(): string {
    return this.seen.length === 0 ? `no events ${this.rest.slice(0, 200)}` : this.seen.map(label).join(', ');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#ended;
  }

  async #read(body: AsyncIterable<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let open = '';
    try {
      for await (const chunk of body) {
        open += decoder.decode(chunk, { stream: true });
        const lines = open.split('\n');
        open = lines.pop() ?? '';
        for (const line of lines) this.#line(line);
        this.#wake();
      }
    } catch {
      // Aborted by us, or cut by the server: either way it is over, and whoever waits for an event is told so.
    }
    this.rest += open;
    this.#isOver = true;
    this.#wake();
  }

  #line(line: string): void {
    const event: unknown = JSON.parse(line);
    const type = textAt(event, 'type');
    if (type === '' || typeof event !== 'object' || event === null || !('object' in event)) this.rest += line;
    else this.seen.push({ type, object: event.object, line });
  }

  #more(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

const label = (event: WatchEvent): string => `${event.type} ${nameOf(event.object)}`.trim();
