import type { Api, Answer } from './api.ts';
import { textAt } from './json.ts';
import { paths } from './objects.ts';
import type { Receiver } from './webhook-receiver.ts';

/** What a case has to work with. */
export class Context {
  readonly api: Api;
  readonly receiver: Receiver;
  /** A namespace shared with the other cases of the group: name objects by `id`. */
  readonly ns: string;
  /** Unique to the case: a legal name and label value. */
  readonly id: string;
  readonly #endings: (() => Promise<unknown>)[] = [];
  #count = 0;

  constructor(api: Api, receiver: Receiver, ns: string, id: string) {
    this.api = api;
    this.receiver = receiver;
    this.ns = ns;
    this.id = id;
  }

  /** Creates an object in the namespace (or in another one) and returns it; 201 or the case fails. */
  async make(plural: string, object: object, namespace = this.ns): Promise<Answer> {
    const answer = await this.api.post(paths(plural, namespace), object);
    return answer.is(201);
  }

  path(plural: string, name?: string, subresource?: string): string {
    return paths(plural, this.ns, name, subresource);
  }

  /** A namespace of the case's own; deleted at its end. */
  async freshNamespace(labels: Readonly<Record<string, string>> = {}): Promise<string> {
    this.#count += 1;
    const name = `${this.id}-${this.#count}`;
    (await this.api.post('/api/v1/namespaces', { metadata: { name, labels } })).is(201);
    this.atEnd(() => this.api.delete(`/api/v1/namespaces/${name}`));
    return name;
  }

  /** Runs at the end of the case, last first, whether it passed or not. */
  atEnd(task: () => Promise<unknown>): void {
    this.#endings.push(task);
  }

  async end(): Promise<void> {
    for (const task of this.#endings.toReversed()) await task();
  }

  /** Asks until `good` holds of the answer, and returns that answer. */
  until(path: string, good: (answer: Answer) => boolean, what: string, withinMs = 25_000, query: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return until(
      async () => {
        const answer = await this.api.get(path, { query });
        return { done: good(answer), value: answer };
      },
      () => what,
      withinMs,
    );
  }

  /** Waits until the object is no longer there. */
  async gone(path: string, withinMs?: number): Promise<void> {
    await this.until(path, ({ status }) => status === 404, `${path} to be gone`, withinMs);
  }
}

/** Tries until `done`, at growing intervals from 10 ms to 200 ms. */
export const until = async <T>(
  attempt: () => Promise<{ readonly done: boolean; readonly value: T }>,
  what: (last: T) => string,
  withinMs = 25_000,
): Promise<T> => {
  const deadline = Date.now() + withinMs;
  for (let pause = 10; ; pause = Math.min(200, pause * 1.5)) {
    const { done, value } = await attempt();
    if (done) return value;
    if (Date.now() > deadline) {
      const last = typeof value === 'object' && value !== null && 'raw' in value ? textAt(value, 'raw').slice(0, 400) : '';
      throw new Error(`waited ${withinMs} ms for ${what(value)}; last: ${last}`);
    }
    await sleep(pause);
  }
};

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
