import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An object as the scripted API stores it. */
export interface ScriptedObject {
  readonly metadata: { readonly namespace: string; readonly name: string; readonly uid: string; readonly resourceVersion: string };
  readonly data: Readonly<Record<string, string>>;
}

interface HistoryEntry {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: ScriptedObject;
}

/** What to answer instead of doing as asked. */
export interface Canned {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * A tiny API server for ConfigMaps that speaks list and watch over a real socket and misbehaves on request: it cuts streams, forgets
 * its history, sends garbage, repeats events, falls silent or refuses.
 */
export class ScriptedKubeApi {
  readonly requests: {
    readonly method: string;
    readonly path: string;
    readonly query: URLSearchParams;
    readonly headers: IncomingMessage['headers'];
    readonly body: string;
  }[] = [];
  /** Decides whether a request is answered out of order. */
  answer: (request: {
    readonly method: string;
    readonly path: string;
    readonly query: URLSearchParams;
    readonly body: string;
  }) => Canned | 'cut' | 'hang' | undefined = () => undefined;
  /** Objects per page of a list. */
  pageSize = Number.POSITIVE_INFINITY;
  /** Where an expired place is told: as an ERROR event (kube-apiserver) or as the status of the watch. */
  expiredAs: 'event' | 'http' = 'event';
  readonly #objects = new Map<string, ScriptedObject>();
  readonly #watches = new Set<{ readonly namespace: string | undefined; readonly response: ServerResponse }>();
  readonly #server: Server;
  #history: HistoryEntry[] = [];
  #forgottenTo = 0;
  #version = 100;
  #uids = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<ScriptedKubeApi> {
    const server = createServer({ keepAliveTimeout: 60_000 });
    const api = new ScriptedKubeApi(server);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      void api.#handle(request, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  get kubeConfig(): string {
    return JSON.stringify({
      clusters: [{ name: 'c', cluster: { server: this.url } }],
      users: [{ name: 'u', user: { token: 'secret' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    });
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  /** How often a list was begun, and how often a watch. */
  count(what: 'list' | 'watch'): number {
    return this.requests.filter(({ query }) => (query.get('watch') === 'true') === (what === 'watch') && !query.has('continue')).length;
  }

  /** `more` goes into the metadata. */
  put(name: string, data: Record<string, string> = {}, namespace = 'default', more: object = {}): ScriptedObject {
    const key = `${namespace}/${name}`;
    const before = this.#objects.get(key);
    const metadata = { ...more, namespace, name, uid: before?.metadata.uid ?? `uid-${String(++this.#uids)}`, resourceVersion: String(++this.#version) };
    const object = { metadata, data };
    this.#objects.set(key, object);
    this.#record({ type: before === undefined ? 'ADDED' : 'MODIFIED', object });
    return object;
  }

  remove(name: string, namespace = 'default'): void {
    const before = this.#objects.get(`${namespace}/${name}`);
    if (before === undefined) return;
    this.#objects.delete(`${namespace}/${name}`);
    this.#record({ type: 'DELETED', object: { ...before, metadata: { ...before.metadata, resourceVersion: String(++this.#version) } } });
  }

  /** Moves time on: the next object gets a version this much higher. */
  skipVersions(by: number): void {
    this.#version += by;
  }

  /** Forgets all events so far, so that a watch from before now is told 410. */
  compact(): void {
    this.#history = [];
    this.#forgottenTo = this.#version;
  }

  /** Writes text to every open watch as it is. */
  send(text: string): void {
    for (const { response } of this.#watches) response.write(text);
  }

  bookmark(): void {
    this.send(`${JSON.stringify({ type: 'BOOKMARK', object: { kind: 'ConfigMap', metadata: { resourceVersion: String(this.#version) } } })}\n`);
  }

  /** Ends every watch: politely, or by resetting the connection. */
  endWatches(how: 'end' | 'reset'): void {
    for (const { response } of this.#watches) {
      if (how === 'end') response.end();
      else response.socket?.resetAndDestroy();
    }
    this.#watches.clear();
  }

  /** Closes all idle and busy connections without stopping to listen. */
  cutAll(): void {
    this.#server.closeAllConnections();
    this.#watches.clear();
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.cutAll();
    if (this.#server.listening) await once(this.#server, 'close');
  }

  #record(entry: HistoryEntry): void {
    this.#history.push(entry);
    for (const { namespace, response } of this.#watches) {
      if (namespace === undefined || namespace === entry.object.metadata.namespace) response.write(`${JSON.stringify(entry)}\n`);
    }
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://api');
    let body = '';
    for await (const chunk of request as AsyncIterable<Buffer>) body += chunk.toString();
    const seen = { method: request.method ?? '', path: url.pathname, query: url.searchParams, headers: request.headers, body };
    this.requests.push(seen);
    const canned = this.answer(seen);
    if (canned === 'cut') response.socket?.resetAndDestroy();
    else if (canned === 'hang') return;
    else if (canned !== undefined) reply(response, canned);
    else if (url.searchParams.get('watch') === 'true') this.#watch(url, response);
    else this.#list(url, response);
  }

  #list(url: URL, response: ServerResponse): void {
    const namespace = namespaceOf(url);
    const all = [...this.#objects.values()].filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace);
    const start = Number(url.searchParams.get('continue') ?? 0);
    const size = url.searchParams.has('limit') ? this.pageSize : Number.POSITIVE_INFINITY;
    const next = start + size < all.length ? { continue: String(start + size) } : {};
    reply(response, {
      status: 200,
      body: { kind: 'ConfigMapList', metadata: { resourceVersion: String(this.#version), ...next }, items: all.slice(start, start + size) },
    });
  }

  #watch(url: URL, response: ServerResponse): void {
    const from = Number(url.searchParams.get('resourceVersion'));
    const namespace = namespaceOf(url);
    const gone = { kind: 'Status', status: 'Failure', code: 410, reason: 'Expired', message: `too old resource version: ${String(from)}` };
    if (from < this.#forgottenTo && this.expiredAs === 'http') {
      reply(response, { status: 410, body: gone });
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (from < this.#forgottenTo) {
      response.end(`${JSON.stringify({ type: 'ERROR', object: gone })}\n`);
      return;
    }
    for (const entry of this.#history) {
      const { metadata } = entry.object;
      if (Number(metadata.resourceVersion) > from && (namespace === undefined || metadata.namespace === namespace))
        response.write(`${JSON.stringify(entry)}\n`);
    }
    const watch = { namespace, response };
    this.#watches.add(watch);
    response.on('close', () => this.#watches.delete(watch));
  }
}

const namespaceOf = (url: URL): string | undefined => /\/namespaces\/([^/]+)\//.exec(url.pathname)?.[1];

const reply = (response: ServerResponse, { status, body, headers }: Canned): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body ?? {}));
};
