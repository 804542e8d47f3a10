import { messageOf, RouseError } from '../core/index.ts';
import type { RejectedConnection } from './counters.ts';
import { Entrance } from './entrance.ts';
import type { HttpEntry } from './http-entry.ts';
import { HttpListener, type HttpSurroundings } from './http1/listener.ts';
import type { OpenListener } from './open-listener.ts';
import type { Certificates } from './tls/certificates.ts';
import { TrustedProxies } from './trusted-proxies.ts';
import { tlsTermination } from './tls/on-demand.ts';
import type { BeginTls } from './tls/termination.ts';

export interface EdgePortsOptions {
  /** In clear text; 0 for any free one, undefined for none. */
  readonly sharedPort?: number;
  readonly tls?: EdgeTls;
  /** Whoever connects to them begins with a header of the PROXY protocol. */
  readonly proxyProtocol?: boolean;
  /** CIDRs of peers that are believed about where a request comes from, whatever the operator sets. */
  readonly trustedProxies?: readonly string[];
}

/** The same over TLS. */
export interface EdgeTls {
  readonly port: number;
  readonly certificates: Certificates;
}

/** The ports on which workloads are told apart by host name, where the gateway is the edge: the one in clear text, and its sibling over TLS. */
export class EdgePorts implements Omit<OpenListener, 'port'> {
  readonly #options: EdgePortsOptions;
  readonly #entry: HttpEntry & { trusted: TrustedProxies | undefined };
  readonly #around: HttpSurroundings;
  readonly #rejected: (reason: RejectedConnection) => void;
  readonly #plain: HttpListener | undefined;
  #secure: HttpListener | undefined;
  #trusted = '';

  constructor(options: EdgePortsOptions, entry: HttpEntry, around: HttpSurroundings, rejected: (reason: RejectedConnection) => void) {
    this.#options = options;
    this.#entry = { ...entry, trusted: undefined };
    this.#around = around;
    this.#rejected = rejected;
    const entrance = options.proxyProtocol === true ? this.#entrance(undefined) : undefined;
    this.#plain = options.sharedPort === undefined ? undefined : new HttpListener(this.#entry, around, entrance);
    this.trust([]);
  }

  /** Who is believed about where a request comes from, where this gateway has no list of its own: from the next request on, on open connections too. */
  trust(cidrs: readonly string[]): void {
    const counted = this.#options.trustedProxies ?? cidrs;
    const text = counted.join();
    if (text === this.#trusted) return;
    this.#trusted = text;
    this.#entry.trusted = counted.length === 0 ? undefined : new TrustedProxies(counted);
  }

  get port(): number | undefined {
    return this.#plain?.port;
  }

  get tlsPort(): number | undefined {
    return this.#secure?.port;
  }

  /** Opens both, or none; throws a `RouseError` with code `tls-port` where it is the one for TLS that cannot be had. */
  async open(host: string | undefined): Promise<void> {
    const { sharedPort, tls } = this.#options;
    await this.#plain?.open(host, sharedPort ?? 0);
    if (tls === undefined) return;
    try {
      await this.#openTls(host, tls);
    } catch (error) {
      void this.close();
      throw new RouseError('tls-port', `the port for TLS cannot be opened: ${messageOf(error)}`, { cause: error });
    }
  }

  async #openTls(host: string | undefined, tls: EdgeTls): Promise<void> {
    const entrance = this.#entrance(await tlsTermination(tls.certificates, this.#around.clock));
    this.#secure = new HttpListener(this.#entry, this.#around, entrance);
    // Most clients that can choose choose HTTP/2.
    await this.#secure.prepareHttp2();
    await this.#secure.open(host, tls.port);
  }

  sayGoodbye(): void {
    this.#plain?.sayGoodbye();
    this.#secure?.sayGoodbye();
  }

  async close(): Promise<void> {
    await Promise.all([this.#plain?.close(), this.#secure?.close()]);
  }

  destroy(): void {
    this.#plain?.destroy();
    this.#secure?.destroy();
  }

  #entrance(tls: BeginTls | undefined): Entrance {
    return new Entrance({ clock: this.#around.clock, proxyProtocol: this.#options.proxyProtocol === true, tls, rejected: this.#rejected });
  }
}
