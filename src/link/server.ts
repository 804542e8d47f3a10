import type { IncomingMessage, Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { Duplex } from 'node:stream';
import {
  messageOf,
  millis,
  type Clock,
  type FirstByte,
  type GatewayId,
  type GatewayInfo,
  type GatewaySettings,
  type Logger,
  type Millis,
  type Poke,
  type Report,
  type RouteSnapshot,
} from '../core/index.ts';
import { WebSocketServer } from 'ws';
import { GatewayConnection, type ConnectionLimits } from './gateway-connection.ts';
import { Doorkeeper, linkPath, refuse, type Accepted, type Authenticate } from './handshake.ts';
import { linkVersions, type GatewayClaim, type UpMessage } from './messages.ts';
import { PublishedRoutes, type RouteChange } from './published-routes.ts';

/** What the controller hears from gateways. Calls come in the order of the link; a replayed report that was already heard is not passed on. */
export interface LinkListener {
  report(gateway: GatewayInfo, report: Report): void;
  poke(gateway: GatewayInfo, poke: Poke): void;
  firstByte(gateway: GatewayInfo, firstByte: FirstByte): void;
  joined(gateway: GatewayInfo): void;
  /** `left`: it said so, and nothing of it is open any more. `lost`: its last figures must stand. */
  gone(gateway: GatewayInfo, how: 'left' | 'lost'): void;
}

export interface LinkServerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly authenticate: Authenticate;
  readonly listener: LinkListener;
  /** Takes a gateway that wants to go out of everything that points at it; it is told `released` afterwards. */
  readonly release?: (gateway: GatewayInfo) => Promise<void>;
  /** Between pings (5 s); three times that without a word means lost. */
  readonly pingEvery?: Millis;
  readonly versions?: readonly number[];
}

export interface LinkServer {
  /** Serves the link at `/link` of a running or coming node server. */
  attach(server: Server | SecureServer): void;
  /** This controller decides from now on, as leader number `epoch` (rising from leader to leader); the first `publish` after it must say everything. */
  lead(epoch: number): void;
  /** Sends a change to every gateway. Which ones have applied it: `acknowledged` in `gateways()`, told by `onGateways`. */
  publish(change: RouteChange): void;
  /** Sends what every gateway is to go by, now and to those that come. */
  set(settings: GatewaySettings): void;
  /** Of the newest published change of this epoch; 0 before the first. */
  readonly revision: number;
  /** Connected gateways that have not said that they leave. */
  gateways(): readonly GatewayInfo[];
  /** Every connected gateway, those that leave included. */
  sessions(): readonly GatewayInfo[];
  /** Called with `gateways()` whenever that changes, an acknowledged revision included. Returns the way to stop. */
  onGateways(listener: (gateways: readonly GatewayInfo[]) => void): () => void;
  /** Closes every link (the gateways will reconnect elsewhere) and takes no new ones. */
  close(): void;
}

/** Ids of gateways whose newest report is remembered after they went. */
const mostRemembered = 4096;
const mostReportBytes = 8 * 1024 * 1024;

const workerOf = ({ worker }: GatewayClaim): Pick<GatewayInfo, 'worker'> => (worker === undefined ? {} : { worker });

class Links implements LinkServer {
  readonly #options: LinkServerOptions;
  readonly #limits: ConnectionLimits;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: mostReportBytes, perMessageDeflate: false });
  readonly #connections = new Map<GatewayId, GatewayConnection>();
  readonly #newest = new Map<GatewayId, number>();
  readonly #routes = new PublishedRoutes();
  readonly #doorkeeper: Doorkeeper;
  readonly #watchers = new Set<(gateways: readonly GatewayInfo[]) => void>();
  #closed = false;

  constructor(options: LinkServerOptions) {
    this.#options = options;
    const pingPeriodMs = options.pingEvery ?? millis(5000);
    this.#limits = { pingPeriodMs, silenceMs: 3 * pingPeriodMs };
    this.#doorkeeper = new Doorkeeper(options.authenticate, options.versions ?? linkVersions);
  }

  attach(server: Server | SecureServer): void {
    server.on('upgrade', (request, socket, head) => {
      // Node leaves a socket that is upgraded to us: nobody else hears of its errors.
      socket.on('error', () => undefined);
      if (request.url?.split('?', 1)[0] === linkPath) void this.#upgrade(request, socket, head);
      else if (server.listenerCount('upgrade') === 1) refuse(socket, { status: 404, detail: `only ${linkPath} can be upgraded here` });
    });
  }

  lead(epoch: number): void {
    this.#routes.begin(epoch);
    for (const connection of this.#connections.values()) connection.info = { ...connection.info, acknowledged: 0, permitsInUse: undefined };
    this.#changed();
  }

  publish(change: RouteChange): void {
    this.#send(this.#routes.publish(change));
  }

  set(settings: GatewaySettings): void {
    const snapshot = this.#routes.set(settings);
    if (snapshot !== undefined) this.#send(snapshot);
  }

  #send(snapshot: RouteSnapshot): void {
    const text = JSON.stringify({ type: 'routes', epoch: this.#routes.epoch, snapshot });
    for (const connection of this.#connections.values()) connection.sendText(text);
  }

  get revision(): number {
    return this.#routes.revision;
  }

  gateways(): readonly GatewayInfo[] {
    return [...this.#connections.values()].filter((connection) => !connection.leaving).map((connection) => connection.info);
  }

  sessions(): readonly GatewayInfo[] {
    return [...this.#connections.values()].map((connection) => connection.info);
  }

  onGateways(listener: (gateways: readonly GatewayInfo[]) => void): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#connections.values()) connection.close(1001, 'the controller closes down', true);
    this.#connections.clear();
    this.#sockets.close();
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { logger } = this.#options;
    try {
      const judged = await this.#doorkeeper.judge(request);
      if (this.#closed) refuse(socket, { status: 503, detail: 'the controller closes down' });
      else if (!judged.ok) {
        // One that is told to come again says so itself; here it may be a crowd.
        logger[judged.problem.status === 503 ? 'debug' : 'warn']('a gateway was refused', { status: judged.problem.status, detail: judged.problem.detail });
        refuse(socket, judged.problem);
      } else if (this.#isTaken(judged.value)) refuse(socket, { status: 409, detail: `the gateway id ${judged.value.claim.id} belongs to another pod` });
      else this.#connect(request, socket, head, judged.value);
    } catch (error) {
      logger.warn('a gateway could not be authenticated', { error });
      refuse(socket, { status: 503, detail: `authentication is not possible now: ${messageOf(error)}` });
    }
  }

  /** An id may be taken again by the same pod (a reconnect that overtakes the end of the old connection), never by another one. */
  #isTaken({ claim, identity }: Accepted): boolean {
    const known = this.#connections.get(claim.id);
    return known !== undefined && known.info.podUid !== identity.podUid;
  }

  #connect(request: IncomingMessage, socket: Duplex, head: Buffer, { claim, identity, version }: Accepted): void {
    const { clock, logger, listener } = this.#options;
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      this.#connections.get(claim.id)?.close(4000, 'replaced by a newer connection of the same gateway', true);
      const connection = new GatewayConnection(webSocket, { id: claim.id, ...identity, ...workerOf(claim), acknowledged: 0 }, clock, logger, this.#limits, {
        message: (message) => this.#heard(connection, message),
        closed: (how) => this.#gone(connection, how),
      });
      this.#connections.set(claim.id, connection);
      connection.send({ type: 'welcome', version, lastSequence: this.#newest.get(claim.id) ?? 0 });
      const snapshot = this.#routes.everything();
      if (snapshot !== undefined) connection.send({ type: 'routes', epoch: this.#routes.epoch, snapshot });
      logger.info('a gateway joined', { gateway: claim.id, address: identity.address, worker: claim.worker?.index });
      listener.joined(connection.info);
      this.#changed();
    });
  }

  #heard(connection: GatewayConnection, message: UpMessage): void {
    const { listener } = this.#options;
    switch (message.type) {
      case 'report':
        if (this.#isNew(connection.info.id, message.report.sequence)) listener.report(connection.info, message.report);
        return;
      case 'poke':
        return listener.poke(connection.info, message.poke);
      case 'firstByte':
        return listener.firstByte(connection.info, message.firstByte);
      case 'ack':
        if (message.epoch === this.#routes.epoch) this.#acknowledged(connection, message);
        return;
      case 'leaving':
        void this.#release(connection);
        return;
      case 'left':
        return;
    }
  }

  #isNew(gateway: GatewayId, sequence: number): boolean {
    if (sequence <= (this.#newest.get(gateway) ?? 0)) return false;
    this.#newest.delete(gateway);
    this.#newest.set(gateway, sequence);
    const [oldest] = this.#newest.keys();
    if (this.#newest.size > mostRemembered && oldest !== undefined) this.#newest.delete(oldest);
    return true;
  }

  #acknowledged(connection: GatewayConnection, { revision, problems, permitsInUse }: Extract<UpMessage, { readonly type: 'ack' }>): void {
    const { id, acknowledged } = connection.info;
    // What is acknowledged again, for its permits, has been told.
    if (revision > acknowledged) for (const problem of problems) this.#options.logger.warn('a gateway cannot serve a route', { gateway: id, ...problem });
    const failedPorts = problems.flatMap(({ port }) => (port === undefined ? [] : [port]));
    connection.info = { ...connection.info, acknowledged: Math.max(acknowledged, revision), failedPorts, permitsInUse };
    this.#changed();
  }

  async #release(connection: GatewayConnection): Promise<void> {
    connection.leaving = true;
    this.#changed();
    try {
      await this.#options.release?.(connection.info);
    } catch (error) {
      this.#options.logger.warn('a gateway that leaves may still be pointed at', { gateway: connection.info.id, error });
    }
    connection.send({ type: 'released' });
  }

  #gone(connection: GatewayConnection, how: 'left' | 'lost'): void {
    const { id } = connection.info;
    if (this.#connections.get(id) !== connection) return;
    this.#connections.delete(id);
    this.#options.logger.info(how === 'left' ? 'a gateway left' : 'a gateway is lost', { gateway: id });
    this.#options.listener.gone(connection.info, how);
    this.#changed();
  }

  #changed(): void {
    const gateways = this.gateways();
    for (const watcher of this.#watchers) watcher(gateways);
  }
}

/** The controller's side of the link. Holds what was published, so that a gateway that connects gets one full snapshot and changes after it. */
export const createLinkServer = (options: LinkServerOptions): LinkServer => new Links(options);
