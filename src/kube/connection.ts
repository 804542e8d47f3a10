import { KubeConfig, Watch, type RequestContext } from '@kubernetes/client-node';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions } from 'node:https';
import { Agent as Undici, type Dispatcher } from 'undici';

/**
 * An API server and the right to talk to it. All use of client-node's credentials (certificates, tokens, token files, exec plugins,
 * proxies) goes through here. Connections are kept alive and shared by every client and watch made from it.
 */
export class KubeConnection {
  /** Base address; may have a path. */
  readonly server: URL;
  /** Namespace of the context. */
  readonly namespace: string | undefined;
  readonly #config: KubeConfig;
  #agent: { readonly basis: readonly unknown[]; readonly agent: HttpAgent } | undefined;

  constructor(config: KubeConfig, server: URL, namespace: string | undefined) {
    this.#config = config;
    this.server = server;
    this.namespace = namespace;
  }

  /** Headers and agent for one request. May start an exec plugin or read a token file; throws what those throw. */
  async authorize(): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly agent: HttpAgent }> {
    const options: RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    const headers: Record<string, string> = {};
    if (options.auth) headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    // A token file may end in a line end, which no header can carry.
    for (const [name, value] of Object.entries(options.headers ?? {})) if (typeof value === 'string') headers[name.toLowerCase()] = value.trim();
    return { headers, agent: this.#agentFor(options) };
  }

  /** client-node's agents are not kept alive and outlive their certificates, so all but proxies get one of ours, renewed when the credentials change. */
  #agentFor(options: RequestOptions): HttpAgent {
    if (this.#config.getCurrentCluster()?.proxyUrl && options.agent instanceof HttpAgent) return options.agent;
    const { ca, cert, key, passphrase, pfx, rejectUnauthorized, servername } = options;
    const basis = [ca, cert, key, passphrase, pfx, rejectUnauthorized, servername].map((part) => (Buffer.isBuffer(part) ? part.toString('base64') : part));
    if (this.#agent?.basis.every((part, index) => part === basis[index])) return this.#agent.agent;
    const keptAlive = { keepAlive: true, maxSockets: 64, maxFreeSockets: 16, timeout: idleSocketMs };
    const tls = Object.fromEntries(
      Object.entries({ ca, cert, key, passphrase, pfx, rejectUnauthorized, servername }).filter(([, value]) => value !== undefined),
    );
    const agent = this.server.protocol === 'http:' ? new HttpAgent(keptAlive) : new HttpsAgent({ ...keptAlive, ...tls });
    this.#agent = { basis, agent };
    return agent;
  }

  /**
   * Opens one watch through client-node's `Watch`. `handlers.done` is called once, at its end.
   * Returns the way to end it, which works while the connection is still being made too.
   */
  openWatch(path: string, query: Readonly<Record<string, string>>, handlers: WatchHandlers): () => void {
    const tapped = new TappedConfig(this.#config, handlers.tap);
    const watch = new Watch(tapped);
    // Its own inactivity limit of 30 s would cut every quiet watch: bookmarks come about once a minute. Ours is the one that counts.
    Object.assign(watch, { requestTimeoutMs: handlers.inactivityMs });
    let ended = false;
    const done = (error: unknown): void => {
      if (ended) return;
      ended = true;
      handlers.done(error);
      tapped.close();
    };
    watch.watch(path, { ...query }, handlers.event, done).catch(done);
    return () => {
      tapped.close();
      done(undefined);
    };
  }

  /** Ends idle connections. Calls and watches under way fail. */
  close(): void {
    this.#agent?.agent.destroy();
    this.#agent = undefined;
  }
}

/** Idle connections are given up before any API server does (kube-apiserver: 90 s), so that we do not write into a closing one. */
const idleSocketMs = 30_000;

/** Sees the raw response of a watch on its way to `Watch`. */
export interface WatchTap {
  /** Response headers are in. */
  onOpen(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void;
  onChunk(chunk: Buffer): void;
}

export interface WatchHandlers {
  readonly tap: WatchTap;
  readonly inactivityMs: number;
  readonly event: (type: string, object: unknown) => void;
  readonly done: (error: unknown) => void;
}

/** `Watch` asks its configuration for two things; the second is where the tap comes in, and where an end to its connection pool. */
class TappedConfig extends KubeConfig {
  readonly #base: KubeConfig;
  readonly #tap: WatchTap;
  #dispatcher: Dispatcher | undefined;
  #closed = false;

  constructor(base: KubeConfig, tap: WatchTap) {
    super();
    this.#base = base;
    this.#tap = tap;
  }

  override getCurrentCluster(): ReturnType<KubeConfig['getCurrentCluster']> {
    return this.#base.getCurrentCluster();
  }

  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    await this.#base.applySecurityAuthentication(context);
    // The tap counts lines, so they have to come as they are.
    context.setHeaderParam('accept-encoding', 'identity');
    const dispatcher = context.getDispatcher() ?? new Undici();
    this.#dispatcher = dispatcher;
    if (this.#closed) this.close();
    context.setDispatcher(dispatcher.compose((dispatch) => (options, handler) => dispatch(options, new TapHandler(handler, this.#tap))));
  }

  close(): void {
    this.#closed = true;
    this.#dispatcher?.destroy().catch(() => undefined);
  }
}

class TapHandler implements Dispatcher.DispatchHandler {
  readonly #inner: Dispatcher.DispatchHandler;
  readonly #tap: WatchTap;

  constructor(inner: Dispatcher.DispatchHandler, tap: WatchTap) {
    this.#inner = inner;
    this.#tap = tap;
  }

  onRequestStart(...all: Parameters<NonNullable<Dispatcher.DispatchHandler['onRequestStart']>>): void {
    this.#inner.onRequestStart?.(...all);
  }

  onResponseStarted(): void {
    this.#inner.onResponseStarted?.();
  }

  onResponseStart(...all: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>): void {
    this.#tap.onOpen(all[1], all[2]);
    this.#inner.onResponseStart?.(...all);
  }

  onResponseData(...all: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseData']>>): void {
    this.#tap.onChunk(all[1]);
    this.#inner.onResponseData?.(...all);
  }

  onResponseEnd(...all: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseEnd']>>): void {
    this.#inner.onResponseEnd?.(...all);
  }

  onResponseError(...all: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseError']>>): void {
    this.#inner.onResponseError?.(...all);
  }

  onBodySent(chunk: Buffer): void {
    this.#inner.onBodySent?.(chunk);
  }

  onRequestSent(): void {
    this.#inner.onRequestSent?.();
  }
}
