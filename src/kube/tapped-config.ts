import { KubeConfig, type RequestContext } from '@kubernetes/client-node';
import type { Dispatcher } from 'undici';

/** Sees the raw response of a watch on its way to `Watch`. */
export interface WatchTap {
  /** Response headers are in. */
  onOpen(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void;
  onChunk(chunk: Buffer): void;
}

/** Headers for the request, and what to send it by; undefined: client-node's own choice (it knows the proxies). */
type Prepare = () => Promise<{ readonly headers: Readonly<Record<string, string>>; readonly dispatcher: Dispatcher | undefined }>;

/**
 * What `Watch` sees as its configuration. It asks for two things: the cluster, and the credentials of the request, which is where the
 * tap comes in, and a dispatcher of the watch's own, so that it can be ended at any time.
 */
export class TappedConfig extends KubeConfig {
  readonly #base: KubeConfig;
  readonly #tap: WatchTap;
  readonly #prepare: Prepare;
  #dispatcher: Dispatcher | undefined;
  #closed = false;

  constructor(base: KubeConfig, tap: WatchTap, prepare: Prepare) {
    super();
    this.#base = base;
    this.#tap = tap;
    this.#prepare = prepare;
  }

  override getCurrentCluster(): ReturnType<KubeConfig['getCurrentCluster']> {
    return this.#base.getCurrentCluster();
  }

  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    const { headers, dispatcher: own } = await this.#prepare();
    if (own === undefined) await this.#base.applySecurityAuthentication(context);
    for (const [name, value] of Object.entries(headers)) context.setHeaderParam(name, value);
    // The tap counts lines, so they have to come as they are.
    context.setHeaderParam('accept-encoding', 'identity');
    const dispatcher = own ?? context.getDispatcher();
    if (dispatcher === undefined) return;
    this.#dispatcher = dispatcher;
    if (this.#closed) this.close();
    context.setDispatcher(dispatcher.compose((dispatch) => (options, handler) => dispatch(options, new TapHandler(handler, this.#tap))));
  }

  /** Ends the connection, or keeps it from being made. */
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
