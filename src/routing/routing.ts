import { isTakenOver, millis, type GatewayId, type GatewayInfo, type Millis, type WorkloadKey } from '../core/index.ts';
import { GatewayPods } from './gateway-pods.ts';
import { PortBook, rangeAllotter } from './gateway-ports.ts';
import { addressesOf, GatewaySet } from './gateway-set.ts';
import { isOurs } from './gateway-slice.ts';
import { isHeld } from './hand-back.ts';
import { onlyNews } from './notices.ts';
import type { RouteChange } from './ports.ts';
import { usualTiming, type RoutingOptions, type RoutingTiming } from './options.ts';
import { Patience } from './patience.ts';
import { Permits } from './permits.ts';
import { serviceObject, type Path } from './paths.ts';
import { reconcileService } from './reconcile.ts';
import { keyOf, type ReconcileEnv } from './reconcile-env.ts';
import { Retiring } from './retiring.ts';
import { RouteBook } from './route-book.ts';
import { workloadRoute } from './route-snapshots.ts';
import { unheard } from './unheard.ts';
import { Changes, completed, within } from './waiting.ts';
import { WorkQueue } from './work-queue.ts';
import { World } from './world.ts';

/** Slice writes under way at once: a gateway that comes or goes changes one slice of every taken-over Service. */
const parallel = 16;

export interface Routing {
  /** Waits for the snapshots, then publishes routes and (as leader) points Services, until aborted. Resolves when its last write is answered. */
  run(signal: AbortSignal): Promise<void>;
  /** This replica leads from now on: says all routes again, and looks at every Service. Call it after the publisher knows. */
  lead(): void;
  /** Whether a request to the workload without pods would be held: every Service of it leads to a gateway and to nothing else, or no path is wanted. */
  holdReady(key: WorkloadKey): boolean;
  /** How traffic reaches the workload: `auto` resolved. */
  pathOf(key: WorkloadKey): Path;
  /** Path `direct`: the last pod is about to go (or no longer), so the gateways stand in. `holdReady` says when they do. */
  hold(key: WorkloadKey, wanted: boolean): void;
  /**
   * The pods, by uid, are about to be taken away: the gateways send nothing new to them. Resolves when every connected one has heard, or after a moment.
   * Taken back by an empty set, and by itself when another pod goes or none does.
   */
  retire(key: WorkloadKey, pods: ReadonlySet<string>, signal: AbortSignal): Promise<void>;
  /** Resolves when no Service of the workload points at a gateway any more; idempotent. Rejects if it cannot be done now. */
  handBack(key: WorkloadKey, signal: AbortSignal): Promise<void>;
  /** Looks at the workload and its Services again. */
  refresh(key: WorkloadKey): void;
  /** The gateway's process has ended, so that no request of its is in a pod any more. */
  gatewayEnded(id: GatewayId): void;
  /** Requests for the workload wait at the gateway. */
  requestsHeld(id: GatewayId, key: WorkloadKey): void;
  /** Resolves when no slice has the gateway any more (it is about to end), or when it is the last one: then nothing better could be written. */
  release(gateway: GatewayInfo): Promise<void>;
}

/** A gateway that does not answer sends a request to a pod that goes, as it would have without being told. */
const patienceWithRetirement = millis(1000);
const longestRetirement = millis(5000);
const patienceWithPods = millis(2000);
const lookAtPermits = millis(1000);
const patienceWithRelease = millis(20_000);
const patienceWithHandBack = millis(60_000);

class Router implements Routing {
  readonly #options: RoutingOptions;
  readonly #timing: RoutingTiming;
  readonly #world: World;
  readonly #book: RouteBook;
  readonly #gateways: GatewaySet;
  readonly #gatewayPods: GatewayPods;
  readonly #queue: WorkQueue;
  readonly #env: ReconcileEnv;
  readonly #retiring: Retiring;
  readonly #permits: Permits;
  readonly #holds = new Set<WorkloadKey>();
  readonly #returning = new Set<WorkloadKey>();
  /** Told after each change of a Service, a slice or a gateway. */
  readonly #changes: Changes;
  #open = false;

  constructor(options: RoutingOptions) {
    const { client, clock, logger, publisher, snapshots, workloads } = options;
    this.#options = options;
    this.#changes = new Changes(clock);
    this.#gatewayPods = options.gatewayPods ?? new GatewayPods(undefined);
    this.#timing = { ...usualTiming, ...options.timing };
    this.#world = new World(snapshots, workloads, { service: (key) => this.#onService(key), workload: (key) => this.#onWorkload(key) });
    this.#book = new RouteBook({ build: (key) => this.#route(key), publish: (change) => this.#publish(change), clock, linger: this.#timing.linger });
    this.#permits = new Permits({
      clock,
      isLeader: options.isLeader,
      someUnheard: (sinceLead) => this.#someUnheard(sinceLead),
      podsOf: (key) => [...this.#world.podsOf(key)].flatMap(({ uid, podIPs }) => (podIPs.length > 0 ? [uid] : [])),
      seemsAlive: ({ podUid }) => this.#gatewayPods.stateOf(podUid) === 'ready',
      lapse: this.#timing.lapse,
      changed: (key) => this.#book.touch(key),
    });
    this.#retiring = new Retiring({ clock, limit: longestRetirement, podsOf: (key) => this.#world.podsOf(key), changed: (key) => this.#book.touch(key) });
    this.#gateways = new GatewaySet({ publisher, pods: this.#gatewayPods, clock, absence: this.#timing.absence, firstAbsence: this.#timing.firstAbsence });
    this.#env = {
      client,
      world: this.#world,
      book: this.#book,
      gateways: this.#gateways,
      ports: new PortBook({
        allotter: options.allotter ?? rangeAllotter(),
        users: this.#world.ports,
        holds: (service, port) => this.#world.holdsPort(service, port),
        reserved: () => this.#book.lingeringPorts(),
        unusable: () => this.#gateways.unusablePorts(),
      }),
      patience: new Patience(clock),
      limits: this.#timing,
      clock,
      logger,
      holds: this.#holds,
      podsKnown: (namespace, signal) => this.#podsKnown(namespace, signal),
      unacknowledged: new Set(),
      notify: onlyNews(options.notify ?? (() => undefined)),
    };
    this.#queue = new WorkQueue({ work: (key, signal) => this.#reconcile(key, signal), parallel, clock, logger });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { snapshots, workloads, publisher, wakeFailures, wakeContexts, clock } = this.#options;
    const synced = Promise.all([snapshots.services.synced, snapshots.endpointSlices.synced, snapshots.pods.synced, workloads.synced]);
    if (!(await completed(synced, signal))) return;
    this.#world.open();
    this.#open = true;
    const stops = [
      publisher.onGateways(() => this.#onGateways()),
      this.#gatewayPods.onChange(() => this.#onGatewayPods()),
      wakeFailures.subscribe((key) => this.#book.touch(key)),
      wakeContexts?.subscribe((key) => this.#book.touch(key)) ?? (() => undefined),
    ];
    this.#book.publishAll(this.#world.workloads());
    this.#gateways.update();
    this.#permits.update(publisher.sessions());
    const permits = clock.every(lookAtPermits, () => this.#permits.tick());
    const resync = clock.every(this.#timing.resync, () => this.#touchAll());
    this.#touchAll();
    this.#changes.tell();
    await this.#queue.run(signal);
    resync.cancel();
    permits.cancel();
    for (const stop of stops) stop();
    this.#retiring.close();
    this.#world.close();
  }

  lead(): void {
    this.#gateways.restart();
    this.#permits.lead();
    if (!this.#open) return;
    this.#book.publishAll(this.#world.workloads());
    this.#gateways.update();
    this.#permits.update(this.#options.publisher.sessions());
    this.#touchAll();
  }

  gatewayEnded(id: GatewayId): void {
    this.#permits.ended(id);
  }

  requestsHeld(id: GatewayId, key: WorkloadKey): void {
    this.#permits.held(id, key);
  }

  holdReady(key: WorkloadKey): boolean {
    const path = this.#world.pathOf(key);
    if (path === 'none') return this.#world.workload(key) !== undefined;
    const services = this.#world.servicesOf(key);
    return services.length > 0 && this.#gateways.connected > 0 && services.every((service) => this.#leadsHere(service, key, path));
  }

  pathOf(key: WorkloadKey): Path {
    return this.#world.pathOf(key);
  }

  #leadsHere(service: string, key: WorkloadKey, path: 'gateway' | 'direct'): boolean {
    const view = this.#world.service(service);
    const claim = this.#world.claim(service);
    if (view === undefined || claim.kind !== 'owned' || claim.workload !== key) return false;
    const slices = this.#world.slicesOf(service);
    if (!slices.some((slice) => isOurs(slice) && slice.endpoints.length > 0)) return false;
    return path === 'direct' || (isTakenOver(serviceObject(view)) && slices.every(isOurs));
  }

  hold(key: WorkloadKey, wanted: boolean): void {
    if (this.#holds.has(key) === wanted) return;
    if (wanted) this.#holds.add(key);
    else this.#holds.delete(key);
    this.refresh(key);
  }

  async retire(key: WorkloadKey, pods: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    this.#retiring.set(key, pods);
    if (pods.size === 0) return;
    // What was said goes out at the end of this turn.
    await Promise.resolve();
    const revision = this.#book.saidAt(key);
    await this.#changes.until(() => this.#gateways.haveHeard(revision), patienceWithRetirement, signal);
  }

  refresh(key: WorkloadKey): void {
    this.#book.touch(key);
    for (const service of this.#world.servicesOf(key)) this.#queue.touch(service);
  }

  async handBack(key: WorkloadKey, signal: AbortSignal): Promise<void> {
    if (!this.#options.isLeader()) throw new Error(`cannot hand back the Services of ${key}: another replica leads`);
    this.#returning.add(key);
    this.refresh(key);
    const back = (): boolean =>
      this.#open &&
      this.#world.servicesOf(key).every((service) => {
        const view = this.#world.service(service);
        return view === undefined || !isHeld(this.#env, view);
      });
    const came = await this.#changes.until(back, patienceWithHandBack, signal);
    signal.throwIfAborted();
    if (!came) throw new Error(`the Services of ${key} could not be handed back within ${patienceWithHandBack / 1000} s`);
  }

  async release(gateway: GatewayInfo): Promise<void> {
    this.#gateways.leave(gateway);
    this.#onGateways();
    this.#touchAll();
    const addresses = addressesOf(gateway);
    const out = (): boolean => !this.#open || this.#gateways.connected === 0 || !addresses.some((address) => this.#world.pointsAt(address));
    const isOut = await this.#changes.until(out, patienceWithRelease, new AbortController().signal);
    if (!isOut) throw new Error(`gateway ${gateway.id} is still in slices after ${patienceWithRelease / 1000} s`);
  }

  /** A namespace becomes watched with its first workload, so that its pods come a moment after it. */
  async #podsKnown(namespace: string, signal: AbortSignal): Promise<boolean> {
    const { podsSynced } = this.#options.snapshots;
    if (podsSynced === undefined) return true;
    return within(this.#options.clock, patienceWithPods, signal, podsSynced(namespace));
  }

  #route(key: WorkloadKey): ReturnType<typeof workloadRoute> | undefined {
    const workload = this.#world.workload(key);
    if (workload === undefined || this.#world.pathOf(key) === 'none') return undefined;
    return workloadRoute({
      workload,
      services: this.#world.routedServices(key),
      pods: this.#world.podsOf(key),
      leaving: this.#retiring.of(key),
      permits: (limit, pods) => this.#permits.of(key, limit, pods),
      wakeFailure: this.#options.wakeFailures.get(key),
      wakeContext: this.#options.wakeContexts?.get(key),
      listenAddress: this.#options.listenAddress,
    });
  }

  #publish(change: RouteChange): number {
    const revision = this.#options.publisher.publish(change);
    this.#permits.published(change.upsert, change.remove, revision);
    return revision;
  }

  /** One that may only have been there is waited for a little. */
  #someUnheard(sinceLead: Millis): boolean {
    const found = unheard({ sessions: this.#options.publisher.sessions(), pods: this.#gatewayPods, addresses: this.#world.gatewayAddresses() });
    return found === 'certain' || (found === 'likely' && sinceLead < this.#timing.firstAbsence);
  }

  #onService(key: string): void {
    this.#queue.touch(key);
    this.#changes.tell();
  }

  #onWorkload(key: WorkloadKey): void {
    const phase = this.#world.workload(key)?.phase;
    if (phase !== 'off-boarding') this.#returning.delete(key);
    if (phase === undefined) this.#holds.delete(key);
    this.#retiring.look(key);
    this.#book.touch(key);
  }

  #onGateways(): void {
    const kind = this.#gateways.update();
    this.#permits.update(this.#options.publisher.sessions());
    if (kind === 'membership') this.#touchAll();
    else for (const service of this.#env.unacknowledged) this.#queue.touch(service);
    this.#changes.tell();
  }

  /** A gateway that has lost its link may turn out to be dead; a pod that changes while its gateway is linked means nothing. */
  #onGatewayPods(): void {
    for (const address of this.#world.gatewayAddresses()) if (!this.#gateways.isConnected(address)) return this.#touchAll();
  }

  #touchAll(): void {
    for (const service of this.#world.services()) this.#queue.touch(keyOf(service));
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<Millis | undefined> {
    const { isLeader, reconciled, clock } = this.#options;
    if (!isLeader()) return undefined;
    const begin = clock.monotonic();
    let outcome: 'done' | 'failed' = 'failed';
    try {
      const again = await reconcileService(this.#env, key, this.#returning, signal);
      outcome = 'done';
      return again;
    } finally {
      if (!signal.aborted) reconciled?.(clock.monotonic() - begin, outcome);
    }
  }
}

/** Points traffic: see `Routing`. */
export const createRouting = (options: RoutingOptions): Routing => new Router(options);
