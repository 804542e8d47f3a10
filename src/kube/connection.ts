import { HttpMethod, RequestContext, Watch, type KubeConfig } from '@kubernetes/client-node';
import type { RequestOptions } from 'node:https';
import { Agent, type Dispatcher } from 'undici';
import { TappedConfig, type WatchTap } from './tapped-config.ts';

/** What a request needs to be let in. */
interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  /** Options of `tls.connect`; those that are set. */
  readonly tls: Readonly<Record<string, unknown>>;
}

export interface WatchHandlers {
  readonly tap: WatchTap;
  readonly inactivityMs: number;
  readonly event: (type: string, object: unknown) => void;
  readonly done: (error: unknown) => void;
}

/** Idle connections are given up before any API server does (kube-apiserver: 90 s), so that we do not write into a closing one. */
const idleSocketMs = 30_000;
/** Others may be where a connection cannot be made: a lease has to be renewed within seconds. */
const connectTimeoutMs = 3000;
/** Where the server speaks HTTP/1.1 only; else all calls share one connection. */
const mostSockets = 64;
/** Streams at once on it; an API server allows fewer and says so (kube-apiserver: 100). */
const mostStreams = 250;

/**
 * An API server and the right to talk to it. All use of client-node's credentials (certificates, tokens, token files, exec plugins,
 * proxies) goes through here. Calls share connections, HTTP/2 where the server speaks it: a hundred writes at once need no hundred handshakes. A watch has its own.
 */
export class KubeConnection {
  /** Base address; may have a path. */
  readonly server: URL;
  /** Namespace of the context. */
  readonly namespace: string | undefined;
  readonly #config: KubeConfig;
  #shared: { readonly basis: string; readonly dispatcher: Promise<Dispatcher> } | undefined;

  constructor(config: KubeConfig, server: URL, namespace: string | undefined) {
    this.#config = config;
    this.server = server;
    this.namespace = namespace;
  }

  /** Headers for one request, and what to send it by. May start an exec plugin or read a token file; rejects with what those throw. */
  async authorize(): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly dispatcher: Dispatcher }> {
    const { headers, tls } = await this.#credentials();
    const basis = JSON.stringify(tls);
    if (this.#shared?.basis !== basis) {
      // What is under way on the connections of before, with credentials that are replaced, may end.
      void this.#shared?.dispatcher.then((before) => before.close()).catch(() => undefined);
      const shared = { basis, dispatcher: this.#isProxied() ? this.#throughProxy() : Promise.resolve(this.#direct(tls)) };
      this.#shared = shared;
      shared.dispatcher.catch(() => {
        if (this.#shared === shared) this.#shared = undefined;
      });
    }
    return { headers, dispatcher: await this.#shared.dispatcher };
  }

  /**
   * A call that was sent by it has had no answer: new ones go another way, and those that are under way may end. One HTTP/2 connection that has gone silent
   * would cost every call its time limit until the kernel gives it up, a quarter of an hour later (kubernetes issue 87615).
   */
  mistrust(dispatcher: Dispatcher): void {
    void this.#shared?.dispatcher
      .then((shared) => {
        if (shared !== dispatcher) return;
        this.#shared = undefined;
        return dispatcher.close();
      })
      .catch(() => undefined);
  }

  #direct(tls: Credentials['tls']): Dispatcher {
    return new Agent({
      connections: mostSockets,
      allowH2: true,
      h2Options: { maxConcurrentStreams: mostStreams },
      keepAliveTimeout: idleSocketMs,
      keepAliveMaxTimeout: idleSocketMs,
      connect: { ...tls, timeout: connectTimeoutMs, keepAlive: true, keepAliveInitialDelay: idleSocketMs },
    });
  }

  /** client-node's own. */
  async #throughProxy(): Promise<Dispatcher> {
    const context = new RequestContext(this.server.href, HttpMethod.GET);
    await this.#config.applySecurityAuthentication(context);
    const dispatcher = context.getDispatcher();
    if (dispatcher === undefined) throw new Error('the kubeconfig names a proxy that client-node has no way through');
    return dispatcher;
  }

  #isProxied(): boolean {
    return Boolean(this.#config.getCurrentCluster()?.proxyUrl);
  }

  async #credentials(): Promise<Credentials> {
    const options: RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    const headers: Record<string, string> = {};
    if (options.auth) headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    // A token file may end in a line end, which no header can carry.
    for (const [name, value] of Object.entries(options.headers ?? {})) if (typeof value === 'string') headers[name.toLowerCase()] = value.trim();
    const { ca, cert, key, passphrase, pfx, rejectUnauthorized, servername } = options;
    const tls = Object.entries({ ca, cert, key, passphrase, pfx, rejectUnauthorized, servername }).filter(([, value]) => value !== undefined);
    return { headers, tls: Object.fromEntries(tls) };
  }

  /**
   * Opens one watch through client-node's `Watch`. `handlers.done` is called once, at its end.
   * Returns the way to end it, which works while the connection is still being made too.
   */
  openWatch(path: string, query: Readonly<Record<string, string>>, handlers: WatchHandlers): () => void {
    const tapped = new TappedConfig(this.#config, handlers.tap, async () => {
      const { headers, tls } = await this.#credentials();
      // One connection per watch, and HTTP/1.1: a connection that breaks takes one watch along, and its end is seen as such.
      const own = { allowH2: false, connect: { ...tls, keepAlive: true, keepAliveInitialDelay: idleSocketMs } };
      return { headers, dispatcher: this.#isProxied() ? undefined : new Agent(own) };
    });
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
    void this.#shared?.dispatcher.then((dispatcher) => dispatcher.destroy()).catch(() => undefined);
    this.#shared = undefined;
  }
}
