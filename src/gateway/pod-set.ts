import { millis, shareOf, type Clock, type GatewayId, type Logger, type PodProbe, type PodRoute } from '../core/index.ts';
import type { ConnectFailure, EjectionReason, WorkloadCounters } from './counters.ts';
import { isFailing, leavesHalf, pauseOf } from './ejection.ts';
import { Pod } from './pod.ts';
import { SlowStart } from './slow-start.ts';
import { zonesOf, type Zones } from './zones.ts';
import { probeUntilReady, type ProbeAim } from './probe.ts';

/** What pods are chosen by of the gateway itself. */
export interface GatewaySelf {
  /** By which routes name it. */
  readonly id: GatewayId;
  readonly zone: string | undefined;
}

export interface PodSetEvents {
  /** A pod can be used that could not before. */
  usable(): void;
  /** A pod has begun to end: it is not used any more. */
  leaves(pod: Pod): void;
  /** A pod is no more; calls in it may still run to their end. */
  gone(pod: Pod): void;
  /** A pod that should serve is not used until a probe of ours succeeds. */
  ejected(reason: EjectionReason): void;
  /** So many of them are not used. */
  out(count: number): void;
}

const complainAgainMs = 60_000;
const complaints: Readonly<Record<ConnectFailure, string>> = {
  connect: 'a pod refuses connections; it is not used until it answers again',
  closed: 'a pod ends connections before it has said a word; it is not used for a while',
  protocol: 'a pod does not speak HTTP/2, as the protocol of its port (h2c or grpc) says; it is not used for a while',
};

type PodCounters = Pick<WorkloadCounters, 'revisions' | 'podConnections'>;

/**
 * The pods of one workload, and which of them can be used. A starting pod is probed from here and used as soon as it answers, not when the kubelet's next
 * probe and the EndpointSlice have said so; a pod that refuses a connection is out until a probe succeeds.
 */
export class PodSet {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #events: PodSetEvents;
  readonly #gateway: GatewaySelf;
  /** No longer routed, but with calls that run to their end: one that is routed again still has them. */
  readonly #departed = new Map<string, Pod>();
  readonly #counters: PodCounters;
  readonly #pods = new Map<string, Pod>();
  readonly #slowStart = new SlowStart();
  #usable: readonly Pod[] = [];
  #zones: Zones | undefined;

  constructor(clock: Clock, logger: Logger, gateway: GatewaySelf, counters: PodCounters, events: PodSetEvents) {
    this.#clock = clock;
    this.#logger = logger;
    this.#gateway = gateway;
    this.#events = events;
    this.#counters = counters;
  }

  get usable(): readonly Pod[] {
    return this.#usable;
  }

  get zones(): Zones | undefined {
    return this.#zones;
  }

  /** The time, while there are new pods beside older ones. */
  get slowStartNow(): number | undefined {
    return this.#slowStart.now(this.#clock);
  }

  get all(): Iterable<Pod> {
    return this.#pods.values();
  }

  /** True while a pod that should serve cannot be connected to. */
  get someUnreachable(): boolean {
    for (const pod of this.#pods.values()) if (pod.suspect && pod.route.state !== 'terminating') return true;
    return false;
  }

  update(routes: readonly PodRoute[]): void {
    const { revisions } = this.#counters;
    const named = new Set<string>();
    const [leave, gone]: [Pod[], Pod[]] = [[], []];
    for (const route of routes) {
      named.add(route.id);
      const known = this.#pods.get(route.id);
      if (known === undefined) this.#add(route);
      else {
        if (route.state === 'terminating' && known.route.state !== 'terminating') leave.push(known);
        this.#move(known, route);
      }
    }
    for (const [id, pod] of this.#departed) if (pod.inFlight === 0) this.#departed.delete(id);
    for (const [id, pod] of this.#pods) {
      if (named.has(id)) continue;
      this.#stopProbing(pod);
      this.#pods.delete(id);
      if (pod.inFlight > 0) this.#departed.set(id, pod);
      gone.push(pod);
    }
    revisions.see(routes);
    for (const pod of this.#pods.values()) this.#probeIfNeeded(pod);
    this.#recount();
    // Last, since calls that waited for them look for another one.
    for (const pod of leave) this.#events.leaves(pod);
    for (const pod of gone) this.#events.gone(pod);
  }

  /** A connection to `port` of `pod` failed: nothing was lost by it, so one is enough. */
  suspect(pod: Pod, port: number, problem: string, failure: ConnectFailure): void {
    if (pod.suspect) return;
    // One that comes through its probe fails again and again.
    const now = this.#clock.monotonic();
    if (failure === 'connect' || now - pod.complainedAt >= complainAgainMs) {
      if (failure !== 'connect') pod.complainedAt = now;
      this.#logger[failure === 'protocol' ? 'warn' : 'info'](complaints[failure], { pod: pod.route.name, address: pod.route.address, port, problem });
    }
    this.#eject(pod, port, failure);
  }

  /** An answer of `pod` broke off, or was none. */
  brokeOff(pod: Pod, port: number): void {
    if (!pod.usable || !isFailing(pod) || !leavesHalf(this.#pods.values(), pod)) return;
    this.#logger.info('the answers of a pod break off; it is not used for a while', { pod: pod.route.name, address: pod.route.address, port });
    this.#eject(pod, port, 'broke-off');
  }

  /** Stops every probe. */
  close(): void {
    for (const pod of this.#pods.values()) this.#stopProbing(pod);
  }

  #add(route: PodRoute): void {
    const pod = this.#departed.get(route.id) ?? new Pod(route, this.#counters.revisions.of(route.revision), this.#counters.podConnections);
    this.#departed.delete(route.id);
    Object.assign(pod, { route, share: shareOf(route, this.#gateway.id, undefined), confirmed: false, suspect: false });
    this.#pods.set(route.id, pod);
  }

  #eject(pod: Pod, port: number, reason: EjectionReason): void {
    const pauseMs = pauseOf(pod, reason, this.#clock.monotonic());
    pod.suspect = true;
    this.#stopProbing(pod);
    if (this.#pods.get(pod.route.id) === pod && pod.route.state !== 'terminating') {
      this.#events.ejected(reason);
      const aim = this.#aim(pod) ?? tcpAim(pod.route, port);
      // With too few left, none is let wait.
      if (pauseMs > 0 && leavesHalf(this.#pods.values(), pod)) this.#probeAfter(pod, aim, pauseMs);
      else this.#probe(pod, aim);
    }
    this.#recount();
  }

  #probeAfter(pod: Pod, aim: ProbeAim, pauseMs: number): void {
    const timer = this.#clock.after(millis(pauseMs), () => {
      pod.pausing = false;
      this.#probe(pod, aim);
    });
    pod.pausing = true;
    pod.stopProbing = () => timer.cancel();
  }

  #move(pod: Pod, route: PodRoute): void {
    // What was confirmed was that it could serve before it stopped being ready.
    if (pod.route.state === 'ready' && route.state === 'starting') pod.confirmed = false;
    if (pod.route.address !== route.address || !sameProbe(pod.route.probe, route.probe) || route.state === 'terminating') this.#stopProbing(pod);
    // Became Ready by the kubelet's own probing: what we saw before that does not count against it.
    if (pod.route.state === 'starting' && route.state === 'ready' && pod.suspect) {
      pod.suspect = false;
      this.#stopProbing(pod);
    }
    pod.share = shareOf(route, this.#gateway.id, pod.share);
    Object.assign(pod, { route });
  }

  #probeIfNeeded(pod: Pod): void {
    const wanted = !pod.usable && pod.route.state !== 'terminating';
    if (!wanted) this.#stopProbing(pod);
    if (!wanted || pod.stopProbing !== undefined) return;
    const [port] = Object.values(pod.route.ports);
    const aim = this.#aim(pod) ?? (pod.suspect && port !== undefined ? tcpAim(pod.route, port) : undefined);
    if (aim !== undefined) this.#probe(pod, aim);
  }

  #aim(pod: Pod): ProbeAim | undefined {
    const { probe, address } = pod.route;
    return probe.kind === 'await-ready' ? undefined : { address, probe };
  }

  #probe(pod: Pod, aim: ProbeAim): void {
    pod.stopProbing = probeUntilReady(this.#clock, this.#logger, aim, () => {
      pod.stopProbing = undefined;
      pod.suspect = false;
      pod.confirmed = true;
      this.#recount();
    });
  }

  #stopProbing(pod: Pod): void {
    pod.stopProbing?.();
    pod.stopProbing = undefined;
    pod.pausing = false;
  }

  /** No pod is left: whichever answers first will do. */
  #endPauses(): void {
    for (const pod of this.#pods.values()) {
      if (!pod.pausing) continue;
      this.#stopProbing(pod);
      this.#probeIfNeeded(pod);
    }
  }

  #recount(): void {
    const before = this.#usable;
    this.#usable = [...this.#pods.values()].filter((pod) => pod.usable);
    if (this.#usable.length === 0) this.#endPauses();
    let [out, more] = [0, false];
    for (const pod of this.#pods.values()) if (pod.suspect && pod.route.state !== 'terminating') out += 1;
    this.#events.out(out);
    for (const pod of this.#usable) {
      if (before.includes(pod)) continue;
      pod.usableSince = this.#clock.monotonic();
      more = true;
    }
    this.#zones = zonesOf(this.#usable, this.#gateway.zone);
    this.#slowStart.look(this.#usable);
    if (more) this.#events.usable();
  }
}

const tcpAim = (route: PodRoute, port: number): ProbeAim => ({ address: route.address, probe: { kind: 'tcp', port, timeoutMs: 1000 } });

const sameProbe = (one: PodProbe, other: PodProbe): boolean => JSON.stringify(one) === JSON.stringify(other);
