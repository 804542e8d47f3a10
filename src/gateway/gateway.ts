import {
  defaultPerWorkloadMetrics,
  millis,
  silentLogger,
  type Clock,
  type GatewayId,
  type GatewaySettings,
  type Logger,
  type Millis,
  type Random,
  type RouteSnapshot,
} from '../core/index.ts';
import type { LinkClient, RouteProblem } from '../link/index.ts';
import { AccessLog } from './access-log/access-log.ts';
import { LineSink, type LineOutput } from './access-log/line-sink.ts';
import type { PrintLine } from './access-log/template.ts';
import type { Refusal } from './call.ts';
import { countUp, type GatewayCounters } from './counters.ts';
import { Deadlines } from './deadlines.ts';
import { HoldBudget, slotBytes } from './hold-budget.ts';
import { Gates } from './gates.ts';
import { buildHostTable, type HostTable } from './hosts.ts';
import { createUpstreams, type Upstreams } from './http1/upstreams.ts';
import { Http2OnDemand } from './http2/on-demand.ts';
import { Listeners } from './listeners.ts';
import { ownSockets, type ListeningSockets } from './open-listener.ts';
import { PushOut } from './push-out.ts';
import { EdgePorts, type EdgePortsOptions } from './edge-ports.ts';
import type { Tracer } from './tracing.ts';
import { warmUp } from './warm-up.ts';

/** Where figures go: a link to the controllers, or nowhere (stand-alone). */
export type GatewayUplink = Pick<LinkClient, 'report' | 'poke' | 'firstByte'> & Partial<Pick<LinkClient, 'permitsFreed'>>;

export interface GatewayOptions extends EdgePortsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly uplink?: GatewayUplink;
  /** By which controllers know it; left out: none does. */
  readonly id?: GatewayId;
  /** Pods of the same zone are preferred; left out: none is. */
  readonly zone?: string;
  /** Address of the shared ports, and of every port whose route names none; undefined: every one of this host. */
  readonly host?: string;
  /** Sends a request through a spare gateway after `open`, so that the first real one does not wait for compilation (default true). */
  readonly warmUp?: boolean;
  /** Opt-in: how a line looks, and where it goes. `asSet`: while the operator has it on, by the settings that come with routes. */
  readonly accessLog?: { readonly print: PrintLine; readonly out: LineOutput; readonly asSet?: boolean };
  /** Opt-in. */
  readonly tracer?: Tracer;
  /** Left out: its own. */
  readonly sockets?: ListeningSockets;
  /** How much may be held in all (see `hold-budget.ts`); less than its default for one of several workers, and for tests. */
  readonly holdSlots?: number;
}

export interface DrainOptions {
  /** How long new connections are still taken, while clients and whoever points here find out (0: not at all). */
  readonly settle: Millis;
  /** How long what is in flight or held may take after that. */
  readonly limit: Millis;
}

export interface Gateway {
  /** Takes over routes. Resolves when every listener that can be opened is open, with all that cannot be served of the present routes. */
  apply(snapshot: RouteSnapshot): Promise<readonly RouteProblem[]>;
  /** How many requests it has in pods whose places are divided among gateways, by pod id, where that is more than its routes give it. */
  permitsInUse(): Readonly<Record<string, number>>;
  readonly counters: GatewayCounters;
  /** The shared port in use; undefined before `open`, or if there is none. */
  readonly sharedPort: number | undefined;
  /** The same for the one over TLS. */
  readonly tlsPort: number | undefined;
  /** Opens the shared ports, and begins to warm up. */
  open(): Promise<void>;
  /** Reports every second until `signal` aborts. Does not stop traffic: `drain` does. */
  run(signal: AbortSignal): Promise<void>;
  /** Pokes again for everything that waits; for a link that is up anew. */
  pokeAll(): void;
  /** Marks the newest routes as taken or as refused (`rouse_gateway_routes_valid`). */
  routesValid(valid: boolean): void;
  /** Ends in order: no new work, what is here to its end, then nothing. Resolves with how many calls had to be cut. */
  drain(options: DrainOptions): Promise<number>;
}

const reportEveryMs = 1000;
/** Of a controller that says nothing of them, and of a routes file. */
const defaultSettings: GatewaySettings = { trustedProxies: [], accessLog: 'off', perWorkloadMetrics: defaultPerWorkloadMetrics };
const warmUpAfterMs = 50;
/** What is freed within this time is told at once. */
const tellFreedAfterMs = 5;

/**
 * accept (http1/listener, tcp) → identify (listener or hosts) → ignore → meter → hold or admit → pick (workload-gate) → forward (http1/exchange,
 * http2/exchange, tcp).
 * This file puts the parts together, and knows the life of the whole: routes in, reports out, drain.
 */
class GatewayProcess implements Gateway {
  readonly counters: GatewayCounters;
  readonly #options: GatewayOptions;
  readonly #deadlines: Deadlines;
  readonly #gates: Gates;
  readonly #upstreams: Upstreams;
  readonly #http2: Http2OnDemand;
  readonly #listeners: Listeners;
  readonly #lines: LineSink | undefined;
  readonly #accessLog: AccessLog | undefined;
  readonly #shared: EdgePorts;
  #hosts: HostTable = { find: () => undefined, problems: [] };
  #applying: Promise<unknown> = Promise.resolve();
  #reportedAt: number;
  #draining = false;
  #tellingFreed = false;

  constructor(options: GatewayOptions) {
    const { clock, random, logger, uplink, host } = options;
    const holdBudget = new HoldBudget(options.holdSlots);
    this.#options = options;
    const connections = (change: 1 | -1): void => void (this.counters.connections += change);
    const sockets = options.sockets ?? ownSockets((error) => logger.warn('a connection could not be taken', { error }));
    this.#upstreams = createUpstreams(clock);
    const lines = options.accessLog === undefined ? undefined : new LineSink(clock, options.accessLog.out);
    const accessLog =
      options.accessLog === undefined || lines === undefined
        ? undefined
        : new AccessLog(clock, options.accessLog.print, lines, options.accessLog.asSet !== true);
    this.#lines = lines;
    this.#accessLog = accessLog;
    this.#http2 = new Http2OnDemand(clock);
    this.#deadlines = new Deadlines(clock);
    this.#gates = new Gates({
      gateway: { id: options.id ?? '', zone: options.zone },
      clock,
      random,
      logger,
      deadlines: this.#deadlines,
      holdBudget,
      pushOut: new PushOut(),
      accessLog,
      tracer: options.tracer,
      poke: (poke) => uplink?.poke(poke),
      firstByte: (firstByte) => uplink?.firstByte(firstByte),
      podLeaves: (pod) => this.#http2.turnAway(pod),
      podGone: (pod) => {
        this.#upstreams.forget(pod);
        this.#http2.forget(pod);
      },
      permitFreed: () => this.#tellFreed(),
    });
    this.counters = {
      workloads: this.#gates.counters,
      all: () => this.#gates.traffic(),
      perWorkloadMetrics: defaultPerWorkloadMetrics,
      unrouted: new Map(),
      rejectedConnections: new Map(),
      certificates: options.tls?.certificates.files ?? new Map(),
      routesValid: 1,
      holdBudget: {
        bytes: holdBudget.slots * slotBytes,
        get usedBytes() {
          return holdBudget.used * slotBytes;
        },
      },
      connections: 0,
      accessLog: {
        get written() {
          return lines?.written ?? 0;
        },
        get dropped() {
          return lines?.dropped ?? 0;
        },
      },
    };
    this.#reportedAt = clock.monotonic();
    const unrouted = ({ code }: Refusal): void => countUp(this.counters.unrouted, code);
    const around = {
      clock,
      logger,
      host,
      upstreams: this.#upstreams,
      accessLog,
      http2: this.#http2,
      unrouted,
      connections,
      sockets,
    };
    this.#listeners = new Listeners(around);
    const entry = {
      edge: true,
      http2Only: false,
      find: ({ host }: { readonly host: string }) => this.#hosts.find(host),
      unrouted,
    };
    this.#shared = new EdgePorts(options, entry, around, (reason) => countUp(this.counters.rejectedConnections, reason));
  }

  get sharedPort(): number | undefined {
    return this.#shared.port;
  }

  get tlsPort(): number | undefined {
    return this.#shared.tlsPort;
  }

  async open(): Promise<void> {
    const { clock, random, logger, host, warmUp: wanted } = this.#options;
    await this.#shared.open(host);
    if (wanted === false) return;
    const spare = new GatewayProcess({ clock, random, logger: silentLogger, sharedPort: 0, host: '127.0.0.1', warmUp: false });
    // Not before whoever started us has been told that we serve.
    clock.after(millis(warmUpAfterMs), () => {
      warmUp(spare).catch((error: unknown) => logger.debug('the gateway could not warm up', { error }));
    });
  }

  apply(snapshot: RouteSnapshot): Promise<readonly RouteProblem[]> {
    const applied = this.#applying.then(() => this.#applyOne(snapshot));
    this.#applying = applied.catch(() => undefined);
    return applied;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const startedAt = clock.monotonic();
    while (!signal.aborted) {
      // On the beat of the start: late timers must not add up to a second that no report covers.
      const rest = reportEveryMs - ((clock.monotonic() - startedAt) % reportEveryMs);
      await clock.sleep(millis(rest < reportEveryMs / 10 ? rest + reportEveryMs : rest), signal).catch(() => undefined);
      this.#report();
    }
  }

  permitsInUse(): Readonly<Record<string, number>> {
    return this.#gates.permitsInUse();
  }

  pokeAll(): void {
    for (const gate of this.#gates.routed.values()) gate.pokeAgain();
  }

  routesValid(valid: boolean): void {
    this.counters.routesValid = valid ? 1 : 0;
  }

  async drain({ settle, limit }: DrainOptions): Promise<number> {
    const { clock, logger } = this.#options;
    this.#draining = true;
    // 1. Everyone who is answered is told to come again elsewhere; connections that nobody has heard of this are still taken.
    this.#listeners.sayGoodbye();
    this.#shared.sayGoodbye();
    if (settle > 0) await clock.sleep(settle, new AbortController().signal);
    // 2. Nothing new. In flight and held go on; idle connections end.
    const ended = Promise.all([this.#listeners.closeAll(), this.#shared.close()]).then(() => true);
    const timeUp = new AbortController();
    const limited = clock.sleep(limit, timeUp.signal).then(
      () => false,
      () => false,
    );
    const inTime = await Promise.race([ended, limited]);
    timeUp.abort();
    // 3. Whoever still waits is told; what still runs is cut.
    const left = this.#gates.every().reduce((sum, gate) => sum + gate.calls, 0);
    if (!inTime) {
      logger.warn('the drain took too long; what is left is cut', { calls: left });
      for (const gate of this.#gates.every()) gate.refuseAll();
      this.#deadlines.cutAll();
      await Promise.race([ended, clock.sleep(millis(200), new AbortController().signal)]);
      this.#listeners.destroyAll();
      this.#shared.destroy();
    }
    // 4. The last figures, then nothing is left open.
    this.#report();
    for (const gate of this.#gates.every()) gate.close();
    this.#upstreams.close();
    this.#http2.close();
    this.#lines?.flush();
    return inTime ? 0 : left;
  }

  async #applyOne(snapshot: RouteSnapshot): Promise<readonly RouteProblem[]> {
    if (snapshot.full || snapshot.settings !== undefined) this.#set(snapshot.settings ?? defaultSettings);
    const { changed, gone, sameHosts } = this.#gates.update(snapshot);
    if (!sameHosts) this.#hosts = buildHostTable(this.#gates.routed, this.#options.logger);
    // While draining, what waits still needs its pods, but no port opens again.
    if (!this.#draining) await this.#listeners.reconcile(changed, gone);
    return [...this.#listeners.problems, ...this.#hosts.problems];
  }

  #set({ trustedProxies, accessLog, perWorkloadMetrics = defaultPerWorkloadMetrics }: GatewaySettings): void {
    this.counters.perWorkloadMetrics = perWorkloadMetrics;
    this.#shared.trust(trustedProxies);
    if (this.#accessLog !== undefined && this.#options.accessLog?.asSet === true) this.#accessLog.on = accessLog === 'json';
  }

  #tellFreed(): void {
    if (this.#tellingFreed) return;
    this.#tellingFreed = true;
    this.#options.clock.after(millis(tellFreedAfterMs), () => {
      this.#tellingFreed = false;
      this.#options.uplink?.permitsFreed?.();
    });
  }

  #report(): void {
    const now = this.#options.clock.monotonic();
    this.#deadlines.countBytes();
    const workloads = this.#gates.report(this.#reportedAt, now);
    this.#options.uplink?.report(workloads, Math.round(now - this.#reportedAt));
    this.#reportedAt = now;
    this.#gates.buryRetired();
  }
}

/** The data plane of one process. It opens ports, forwards, meters and reports; all that it knows of the cluster comes in through `apply`. */
export const createGateway = (options: GatewayOptions): Gateway => new GatewayProcess(options);
