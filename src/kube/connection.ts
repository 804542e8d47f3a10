import { Watch, type KubeConfig } from '@kubernetes/client-node';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions } from 'node:https';
import { Agent as Undici } from 'undici';
import { TappedConfig, type WatchTap } from './tapped-config.ts';

/** What a request needs to be let in. */
interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  /** Options of `tls.connect`; those that are set. */
  readonly tls: Readonly<Record<string, unknown>>;
  /** client-node's agent for a proxy, if the kubeconfig names one. */
  readonly proxy: HttpAgent | undefined;
}

export interface WatchHandlers {
  readonly tap: WatchTap;
  readonly inactivityMs: number;
  readonly event: (type: string, object: unknown) => void;
  readonly done: (error: unknown) => void;
}

/** Idle connections are given up before any API server does (kube-apiserver: 90 s), so that we do not write into a closing one. */
const idleSocketMs = 30_000;

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
  #agent: { readonly basis: string; readonly agent: HttpAgent } | undefined;

  constructor(config: KubeConfig, server: URL, namespace: string | undefined) {
    this.#config = config;
    this.server = server;
    this.namespace = namespace;
  }

  /** Headers and agent for one request. May start an exec plugin or read a token file; rejects with what those throw. */
  async authorize(): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly agent: HttpAgent }> {
    const credentials = await this.#credentials();
    return { headers: credentials.headers, agent: credentials.proxy ?? this.#agentFor(credentials) };
  }

  async #credentials(): Promise<Credentials> {
    const options: RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    const headers: Record<string, string> = {};
    if (options.auth) headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    // A token file may end in a line end, which no header can carry.
    for (const [name, value] of Object.entries(options.headers ?? {})) if (typeof value === 'string') headers[name.toLowerCase()] = value.trim();
    const { ca, cert, key, passphrase, pfx, rejectUnauthorized, servername, agent } = options;
    const tls = Object.entries({ ca, cert, key, passphrase, pfx, rejectUnauthorized, servername }).filter(([, value]) => value !== undefined);
    const isProxied = Boolean(this.#config.getCurrentCluster()?.proxyUrl);
    return { headers, tls: Object.fromEntries(tls), proxy: isProxied && agent instanceof HttpAgent ? agent : undefined };
  }

  /** client-node's agents are not kept alive and outlive their certificates: ours are, and are renewed when the credentials change. */
  #agentFor({ tls }: Credentials): HttpAgent {
    const basis = JSON.stringify(tls);
    if (this.#agent?.basis === basis) return this.#agent.agent;
    const keptAlive = { keepAlive: true, maxSockets: 64, maxFreeSockets: 16, timeout: idleSocketMs };
    const agent = this.server.protocol === 'http:' ? new HttpAgent(keptAlive) : new HttpsAgent({ ...keptAlive, ...tls });
    this.#agent = { basis, agent };
    return agent;
  }

  /**
   * Opens one watch through client-node's `Watch`. `handlers.done` is called once, at its end.
   * Returns the way to end it, which works while the connection is still being made too.
   */
  openWatch(path: string, query: Readonly<Record<string, string>>, handlers: WatchHandlers): () => void {
    const tapped = new TappedConfig(this.#config, handlers.tap, async () => {
      const { headers, tls, proxy } = await this.#credentials();
      // One connection per watch, and HTTP/1.1: a connection that breaks takes one watch along, and its end is seen as such.
      const dispatcher =
        proxy === undefined ? new Undici({ allowH2: false, connect: { ...tls, keepAlive: true, keepAliveInitialDelay: idleSocketMs } }) : undefined;
      return { headers, dispatcher };
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
    this.#agent?.agent.destroy();
    this.#agent = undefined;
  }
}
