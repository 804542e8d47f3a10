import type { RouteSnapshot, WorkloadKey, WorkloadReport } from '../core/index.ts';
import type { Traffic, WorkloadCounters } from './counters.ts';
import { areSameHosts } from './hosts.ts';
import { trafficOf, TrafficSum } from './traffic-sum.ts';
import { WorkloadGate, type GateSurroundings } from './workload-gate.ts';

/** What a snapshot changed. */
export interface GateChanges {
  readonly changed: readonly WorkloadGate[];
  readonly gone: readonly WorkloadKey[];
  /** No workload has other host names than before. */
  readonly sameHosts: boolean;
}

/** The gates of all workloads: those that the newest routes name, and those that are no longer routed, until the last of their calls has run to its end. */
export class Gates {
  /** Of those that are routed. */
  readonly counters = new Map<WorkloadKey, WorkloadCounters>();
  readonly #around: GateSurroundings;
  readonly #routed = new Map<WorkloadKey, WorkloadGate>();
  readonly #retired = new Set<WorkloadGate>();
  readonly #gone = new TrafficSum();
  /** Those with something to report. */
  readonly #active = new Set<WorkloadGate>();

  constructor(around: Omit<GateSurroundings, 'active'>) {
    this.#around = { ...around, active: (gate) => this.#active.add(gate) };
  }

  get routed(): ReadonlyMap<WorkloadKey, WorkloadGate> {
    return this.#routed;
  }

  every(): readonly WorkloadGate[] {
    return [...this.#routed.values(), ...this.#retired];
  }

  /** Of all there ever were. */
  traffic(): Promise<Traffic> {
    return trafficOf(
      this.every().map(({ counters }) => counters),
      this.#gone,
    );
  }

  update({ full, upsert, remove }: RouteSnapshot): GateChanges {
    const named = new Set(upsert.map(({ workload }) => workload));
    const gone = full ? [...this.#routed.keys()].filter((known) => !named.has(known)) : remove;
    let sameHosts = gone.every((key) => (this.#routed.get(key)?.route.hosts.length ?? 0) === 0);
    for (const key of gone) this.#retire(key);
    const changed: WorkloadGate[] = [];
    for (const route of upsert) {
      const known = this.#routed.get(route.workload);
      const gate = known ?? new WorkloadGate(route, this.#around);
      if (known === undefined) {
        this.#routed.set(route.workload, gate);
        this.counters.set(route.workload, gate.counters);
      }
      sameHosts &&= areSameHosts(known?.route.hosts ?? [], route.hosts);
      gate.update(route);
      changed.push(gate);
    }
    return { changed, gone, sameHosts };
  }

  /** The figures of the interval that began at `since`, of those that have any. */
  report(since: number, now: number): readonly WorkloadReport[] {
    const workloads: WorkloadReport[] = [];
    for (const gate of this.#active) {
      const report = gate.report(since, now);
      if (report !== undefined) workloads.push(report);
      if (gate.idle) this.#active.delete(gate);
    }
    return workloads;
  }

  permitsInUse(): Readonly<Record<string, number>> {
    const uses: Record<string, number> = {};
    for (const gate of this.#routed.values()) gate.permitsInUse(uses);
    return uses;
  }

  /** Lets go of those that are no longer routed and have no call left. */
  buryRetired(): void {
    for (const gate of this.#retired) {
      if (!gate.idle) continue;
      gate.update({ ...gate.route, pods: [] });
      gate.close();
      this.#gone.addCounts(gate.counters);
      this.#retired.delete(gate);
    }
  }

  #retire(key: WorkloadKey): void {
    const gate = this.#routed.get(key);
    if (gate === undefined) return;
    this.#routed.delete(key);
    this.counters.delete(key);
    this.#retired.add(gate);
    gate.retire();
    this.buryRetired();
  }
}
