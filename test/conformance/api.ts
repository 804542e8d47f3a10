import { Agent, type Dispatcher } from 'undici';
import { at, listAt, numberAt, textAt, type Path } from './json.ts';
import { WatchStream } from './watch-stream.ts';

/** The server under test. */
export interface Target {
  /** `https://host:port` or `http://host:port`. */
  readonly url: string;
  readonly token: string | undefined;
  /** PEM; undefined: the system's roots. */
  readonly ca: string | undefined;
  readonly insecure: boolean;
}

export interface Ask {
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** `undefined` is sent as no body; a string as it is; all else as JSON. */
  readonly body?: unknown;
  /** `none`: no Content-Type header. */
  readonly type?: string;
  /** Instead of the target's token; `none` sends none. */
  readonly token?: string;
}

const patchTypes = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;
export type PatchKind = keyof typeof patchTypes;

/** What the server said. */
export class Answer {
  readonly asked: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly raw: string;
  readonly body: unknown;

  constructor(asked: string, status: number, headers: Answer['headers'], raw: string) {
    this.asked = asked;
    this.status = status;
    this.headers = headers;
    this.raw = raw;
    this.body = parsed(raw);
  }

  at(path: Path): unknown {
    return at(this.body, path);
  }
  text(path: Path): string {
    return textAt(this.body, path);
  }
  number(path: Path): number {
    return numberAt(this.body, path);
  }
  list(path: Path): readonly unknown[] {
    return listAt(this.body, path);
  }
  header(name: string): string {
    const value = this.headers[name];
    return Array.isArray(value) ? value.join(', ') : (value ?? '');
  }

  /** Throws unless the status is one of these. */
  is(...statuses: readonly number[]): this {
    if (!statuses.includes(this.status)) throw new Error(`${this.asked} answered ${this.status}, not ${statuses.join(' or ')}: ${this.raw.slice(0, 300)}`);
    return this;
  }

  /** Throws unless it is a Status object with this code and reason. */
  fails(code: number, reason: string): this {
    this.is(code);
    if (this.text('kind') !== 'Status' || this.text('status') !== 'Failure' || this.number('code') !== code || this.text('reason') !== reason) {
      throw new Error(`${this.asked} should fail with Status ${reason}: ${this.raw.slice(0, 300)}`);
    }
    return this;
  }
}

const parsed = (raw: string): unknown => {
  try {
    return JSON.parse(raw);
  } catch {
    return undefined;
  }
};

const requestTimeoutMs = 40_000;

/** Plain HTTP to the server, with no client library between a case and what is on the wire. */
export class Api {
  readonly target: Target;
  readonly #agent: Agent;

  constructor(target: Target) {
    this.target = target;
    this.#agent = new Agent({
      connect: { ...(target.ca === undefined ? {} : { ca: target.ca }), rejectUnauthorized: !target.insecure },
      bodyTimeout: 0,
      headersTimeout: requestTimeoutMs,
    });
  }

  async ask(method: Dispatcher.HttpMethod, path: string, ask: Ask = {}): Promise<Answer> {
    const { statusCode, headers, body } = await this.#send(method, path, ask, AbortSignal.timeout(requestTimeoutMs));
    return new Answer(`${method} ${path}`, statusCode, headers, await body.text());
  }

  get(path: string, ask?: Ask): Promise<Answer> {
    return this.ask('GET', path, ask);
  }
  post(path: string, body: unknown, ask: Ask = {}): Promise<Answer> {
    return this.ask('POST', path, { ...ask, body });
  }
  put(path: string, body: unknown, ask: Ask = {}): Promise<Answer> {
    return this.ask('PUT', path, { ...ask, body });
  }
  patch(path: string, kind: PatchKind, body: unknown, ask: Ask = {}): Promise<Answer> {
    return this.ask('PATCH', path, { type: patchTypes[kind], ...ask, body });
  }
  delete(path: string, ask?: Ask): Promise<Answer> {
    return this.ask('DELETE', path, ask);
  }

  /** A watch; the caller ends it (`await using` does). */
  async watch(path: string, query: NonNullable<Ask['query']> = {}, headers: NonNullable<Ask['headers']> = {}): Promise<WatchStream> {
    const abort = new AbortController();
    const answer = await this.#send('GET', path, { query: { watch: true, ...query }, headers }, abort.signal);
    return new WatchStream(answer.statusCode, answer.headers, answer.body, abort);
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  #send(method: Dispatcher.HttpMethod, path: string, ask: Ask, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const query = new URLSearchParams(Object.entries(ask.query ?? {}).map(([name, value]): [string, string] => [name, String(value)])).toString();
    const token = ask.token === 'none' ? undefined : (ask.token ?? this.target.token);
    const headers: Record<string, string> = { 'user-agent': 'rouse-conformance/1 (test)', accept: 'application/json' };
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
    if (ask.body !== undefined && ask.type !== 'none') headers['content-type'] = ask.type ?? 'application/json';
    const body = ask.body === undefined ? null : typeof ask.body === 'string' ? ask.body : JSON.stringify(ask.body);
    const whole = query === '' ? path : `${path}?${query}`;
    return this.#agent.request({ origin: this.target.url, path: whole, method, headers: { ...headers, ...ask.headers }, body, signal });
  }
}
