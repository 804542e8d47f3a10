import { messageOf, millis, type Clock, type FirstByte, type Logger, type Millis, type Poke, type Random, type WorkloadReport } from '../core/index.ts';
import { BelievedRoutes, type ApplyRoutes, type PermitsInUse } from './believed-routes.ts';
import type { ConnectionLimits } from './gateway-connection.ts';
import { ControllerConnection } from './controller-connection.ts';
import { ReportHistory } from './history.ts';
import { linkVersions, type DownMessage, type GatewayClaim, type UpMessage } from './messages.ts';
import { ReportStream } from './report-stream.ts';

/** Where one controller replica is. */
export interface ControllerAddress {
  /** `https://…` */
  readonly url: string;
  /** Name to check its certificate for; left out: the host of the URL. */
  readonly serverName?: string;
}

export interface LinkClientOptions {
  /** One per controller replica; as a function it is asked again every few seconds, so that replicas may come and go. */
  readonly controllers: readonly ControllerAddress[] | (() => Promise<readonly ControllerAddress[]>);
  /** Read anew for each connection: projected tokens rotate. */
  readonly token: () => Promise<string | undefined>;
  /** The controllers' CA, PEM, read anew for each connection too; undefined: the system's. */
  readonly ca?: () => Promise<string | undefined>;
  readonly claim: GatewayClaim;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly apply: ApplyRoutes;
  /** Asked for each acknowledgement; left out: no permits are in use. */
  readonly permitsInUse?: () => PermitsInUse;
  /** After each welcome: the moment to poke again for what is held. */
  readonly onUp?: () => void;
  /** How much history a controller that connects gets (600 s). */
  readonly historyFor?: Millis;
  readonly historyBytes?: number;
  readonly pingEvery?: Millis;
  /** How often a `controllers` that is a function is asked while a link is up (5 s); while none is, five times as often. */
  readonly discoverEvery?: Millis;
  readonly versions?: readonly number[];
}

export interface LinkClient {
  /** Keeps a link to every controller until `signal` aborts; then says goodbye and closes. */
  run(signal: AbortSignal): Promise<void>;
  report(workloads: readonly WorkloadReport[], intervalMs: number): void;
  poke(poke: Poke): void;
  firstByte(firstByte: FirstByte): void;
  /** Fewer permits are in use than the last acknowledgement said. */
  permitsFreed(): void;
  /** Links that are up. */
  connected(): number;
  /** Asks every connected controller to point nothing at us any more; resolves when all have, or after `limit`. */
  leave(limit: Millis): Promise<void>;
}

const discoverMs = 5000;
const firstBackoffMs = 50;
const longestBackoffMs = 5000;

/** The state of one controller's link across its reconnects. */
interface Uplink {
  readonly url: string;
  readonly serverName: string | undefined;
  readonly stop: AbortController;
  connection: ControllerConnection | undefined;
  /** Undefined until the welcome: while there is one, the link is up. */
  reports: ReportStream | undefined;
  released: boolean;
}

const isUp = ({ reports }: Uplink): boolean => reports !== undefined;

const isStopped = ({ stop }: Uplink): boolean => stop.signal.aborted;

class Uplinks implements LinkClient {
  readonly #options: LinkClientOptions;
  readonly #limits: ConnectionLimits;
  readonly #history: ReportHistory;
  readonly #uplinks = new Map<string, Uplink>();
  readonly #ended = new Set<Promise<void>>();
  readonly #routes: BelievedRoutes;
  #leaving: (() => void) | undefined;

  constructor(options: LinkClientOptions) {
    this.#options = options;
    const pingPeriodMs = options.pingEvery ?? millis(5000);
    this.#limits = { pingPeriodMs, silenceMs: 3 * pingPeriodMs };
    this.#history = new ReportHistory(options.clock, options.historyFor ?? millis(600_000), options.historyBytes ?? 64 * 1024 * 1024);
    this.#routes = new BelievedRoutes(options.apply, options.permitsInUse ?? (() => ({})), options.logger);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, controllers, logger, discoverEvery = discoverMs } = this.#options;
    while (!signal.aborted) {
      try {
        this.#reconcile(typeof controllers === 'function' ? await controllers() : controllers, signal);
      } catch (error) {
        logger.warn('the addresses of the controllers cannot be found; the known ones are kept', { error });
      }
      await clock.sleep(millis(this.connected() === 0 ? discoverEvery / 5 : discoverEvery), signal).catch(() => undefined);
    }
    for (const uplink of this.#uplinks.values()) this.#part(uplink);
    await Promise.all(this.#ended);
  }

  report(workloads: readonly WorkloadReport[], intervalMs: number): void {
    this.#history.add(workloads, intervalMs);
    for (const { reports } of this.#uplinks.values()) reports?.flow();
  }

  poke(poke: Poke): void {
    this.#sendAll({ type: 'poke', poke });
  }

  firstByte(firstByte: FirstByte): void {
    this.#sendAll({ type: 'firstByte', firstByte });
  }

  permitsFreed(): void {
    this.#routes.acknowledgeAgain();
  }

  connected(): number {
    let count = 0;
    for (const uplink of this.#uplinks.values()) if (isUp(uplink)) count += 1;
    return count;
  }

  leave(limit: Millis): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(limit, resolve);
      this.#leaving = () => {
        for (const uplink of this.#uplinks.values()) if (isUp(uplink) && !uplink.released) return;
        timer.cancel();
        resolve();
      };
      this.#sendAll({ type: 'leaving' });
      this.#leaving();
    });
  }

  #sendAll(message: UpMessage): void {
    const text = JSON.stringify(message);
    for (const uplink of this.#uplinks.values()) if (isUp(uplink)) uplink.connection?.sendText(text);
  }

  /** A link that is up stays, whether or not its address is still named: whoever names them may be mistaken for a moment, and a dead link ends by itself. */
  #reconcile(controllers: readonly ControllerAddress[], signal: AbortSignal): void {
    if (signal.aborted) return;
    const named = new Set(controllers.map(({ url }) => url));
    for (const [url, uplink] of this.#uplinks) if (!named.has(url) && !isUp(uplink)) this.#part(uplink);
    for (const { url, serverName } of controllers) {
      if (this.#uplinks.has(url)) continue;
      const uplink: Uplink = { url, serverName, stop: new AbortController(), connection: undefined, reports: undefined, released: false };
      this.#uplinks.set(url, uplink);
      const ended = this.#keep(uplink).finally(() => {
        this.#ended.delete(ended);
        if (this.#uplinks.get(url) === uplink) this.#uplinks.delete(url);
      });
      this.#ended.add(ended);
    }
  }

  #part(uplink: Uplink): void {
    uplink.connection?.send({ type: 'left' });
    uplink.stop.abort();
    uplink.connection?.close();
  }

  /** Connects again and again, with a backoff that starts anew after each welcome and is spread so that gateways do not come in step. */
  async #keep(uplink: Uplink): Promise<void> {
    const { clock, random, logger } = this.#options;
    let refusal: string | undefined;
    for (let backoff = firstBackoffMs; !uplink.stop.signal.aborted;) {
      const { problem, welcomed, refused } = await this.#connectOnce(uplink);
      if (isStopped(uplink)) return;
      backoff = welcomed ? firstBackoffMs : Math.min(longestBackoffMs, backoff * 2);
      if (refused === true && problem !== refusal) logger.warn('a controller refuses the link', { url: uplink.url, problem });
      else logger.debug('no link to a controller', { url: uplink.url, problem });
      refusal = welcomed ? undefined : refused === true ? problem : refusal;
      if (welcomed) logger.warn('the link to a controller ended; traffic goes on by the last routes', { url: uplink.url, problem });
      await clock.sleep(millis(backoff * (0.5 + random())), uplink.stop.signal).catch(() => undefined);
    }
  }

  async #connectOnce(uplink: Uplink): Promise<{ readonly problem: string; readonly welcomed: boolean; readonly refused?: boolean }> {
    const { claim, clock, logger, versions } = this.#options;
    let token: string | undefined;
    let ca: string | undefined;
    try {
      token = await this.#options.token();
      ca = await this.#options.ca?.();
    } catch (error) {
      return { problem: messageOf(error), welcomed: false };
    }
    if (isStopped(uplink)) return { problem: 'stopped', welcomed: false };
    return new Promise((resolve) => {
      const dialling = { url: uplink.url, serverName: uplink.serverName, token, ca, hello: { versions: versions ?? linkVersions, claim } };
      const connection = new ControllerConnection(
        dialling,
        clock,
        logger,
        this.#limits,
        (message) => this.#heard(uplink, connection, message),
        (problem) => {
          const welcomed = isUp(uplink);
          uplink.connection = undefined;
          uplink.reports = undefined;
          uplink.released = false;
          this.#leaving?.();
          resolve({ problem, welcomed, refused: connection.wasRefused });
        },
      );
      uplink.connection = connection;
    });
  }

  #heard(uplink: Uplink, connection: ControllerConnection, message: DownMessage): void {
    switch (message.type) {
      case 'welcome':
        return this.#welcomed(uplink, connection, message.lastSequence);
      case 'routes':
        return this.#routes.heard(uplink, connection, message.epoch, message.snapshot);
      case 'released':
        uplink.released = true;
        this.#leaving?.();
        return;
    }
  }

  #welcomed(uplink: Uplink, connection: ControllerConnection, lastSequence: number): void {
    const { clock, logger, onUp } = this.#options;
    uplink.reports = new ReportStream(this.#history, clock, connection, lastSequence);
    if (this.#leaving !== undefined) connection.send({ type: 'leaving' });
    logger.info('linked to a controller', { url: uplink.url, missed: this.#history.countAfter(lastSequence) });
    // Who waits now comes before what was counted then.
    onUp?.();
    uplink.reports.flow();
  }
}

/** The gateway's side of the link: to every controller at once. Never blocks and never throws at the request path. */
export const createLinkClient = (options: LinkClientOptions): LinkClient => new Uplinks(options);
