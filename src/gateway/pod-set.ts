import type { Clock, Logger, PodProbe, PodRoute } from '../core/index.ts';
import type { WorkloadCounters } from './counters.ts';
import { Pod } from './pod.ts';
import { probeUntilReady, type ProbeAim } from './probe.ts';

export interface PodSetEvents {
  /** A pod can be used that could not before. */
  usable(): void;
  /** A pod is no more; calls in it may still run to their end. */
  gone(pod: Pod): void;
}

type PodCounters = Pick<WorkloadCounters, 'revisions' | 'podConnections'>;

/**
 * The pods of one workload, and which of them can be used. A starting pod is probed from here and used as soon as it answers, not when the kubelet's next
 * probe and the EndpointSlice have said so; a pod that refuses a connection is out until a probe succeeds.
 */
export class PodSet {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #events: PodSetEvents;
  readonly #counters: PodCounters;
  readonly #pods = new Map<string, Pod>();
  #usable: readonly Pod[] = [];

  constructor(clock: Clock, logger: Logger, counters: PodCounters, events: PodSetEvents) {
    this.#clock = clock;
    this.#logger = logger;
    this.#events = events;
    this.#counters = counters;
  }

  get usable(): readonly Pod[] {
    return this.#usable;
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
    const { revisions, podConnections } = this.#counters;
    const named = new Set<string>();
    for (const route of routes) {
      named.add(route.id);
      const known = this.#pods.get(route.id);
      if (known === undefined) this.#pods.set(route.id, new Pod(route, revisions.of(route.revision), podConnections));
      else this.#move(known, route);
    }
    for (const [id, pod] of this.#pods) {
      if (named.has(id)) continue;
      this.#stopProbing(pod);
      this.#pods.delete(id);
      this.#events.gone(pod);
    }
    revisions.see(routes);
    for (const pod of this.#pods.values()) this.#probeIfNeeded(pod);
    this.#recount();
  }

  /** A connection to `port` of `pod` failed. */
  suspect(pod: Pod, port: number, problem: string): void {
    if (pod.suspect) return;
    pod.suspect = true;
    this.#logger.info('a pod refuses connections; it is not used until it answers again', { pod: pod.route.name, address: pod.route.address, port, problem });
    this.#stopProbing(pod);
    if (this.#pods.get(pod.route.id) === pod && pod.route.state !== 'terminating') this.#probe(pod, this.#aim(pod) ?? tcpAim(pod.route, port));
    this.#recount();
  }

  /** Stops every probe. */
  close(): void {
    for (const pod of this.#pods.values()) this.#stopProbing(pod);
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
  }

  #recount(): void {
    const before = this.#usable;
    this.#usable = [...this.#pods.values()].filter((pod) => pod.usable);
    let more = false;
    for (const pod of this.#usable) {
      if (before.includes(pod)) continue;
      pod.usableSince = this.#clock.monotonic();
      more = true;
    }
    if (more) this.#events.usable();
  }
}

const tcpAim = (route: PodRoute, port: number): ProbeAim => ({ address: route.address, probe: { kind: 'tcp', port, timeoutMs: 1000 } });

const sameProbe = (one: PodProbe, other: PodProbe): boolean => JSON.stringify(one) === JSON.stringify(other);
