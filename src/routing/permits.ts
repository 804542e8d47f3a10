import type { Clock, GatewayId, GatewayInfo, Millis, PodRoute, WorkloadKey, WorkloadRoute } from '../core/index.ts';
import { Demand } from './permit-demand.ts';
import { PodLedger } from './permit-ledger.ts';
import { divide, type DividedPod } from './permit-plan.ts';

/** By gateway: how many requests it may have in the pod. A gateway that is not named keeps what it has. */
export type PodPermits = Readonly<Record<GatewayId, number>>;

export interface PermitsOptions {
  readonly clock: Clock;
  readonly isLeader: () => boolean;
  /** Whether there may be a gateway that has permits of an earlier leader and has not linked to us. */
  readonly someUnheard: (sinceLead: Millis) => boolean;
  /** The workload's pods that have an address, by uid, routed or not. */
  readonly podsOf: (key: WorkloadKey) => Iterable<string>;
  /** Whether a gateway without a link can be expected to serve on, as far as the cluster says. */
  readonly seemsAlive: (gateway: GatewayInfo) => boolean;
  /** A gateway that has lost its link, and does not seem alive, is taken for ended after this. */
  readonly lapse: Millis;
  /** The workload's permits have to be divided again. */
  readonly changed: (key: WorkloadKey) => void;
}

interface Workload {
  readonly pods: Map<string, PodLedger>;
  /** Pods that are there and are not routed: what is in them from before need not have ended. */
  past: Set<string>;
  readonly demand: Demand;
}

interface Session {
  readonly info: GatewayInfo;
  readonly lostAt: number | undefined;
}

/**
 * `container-concurrency` over all gateways: how many requests each may have in each pod, never more in all than the limit. A permit is lent: it goes to another gateway only
 * when the one that has it has acknowledged the routes that take it away and has said that no request of its uses it, or has ended. See docs/decisions for the
 * protocol, `permit-plan.ts` for who gets how many, `permit-ledger.ts` for what each may still have.
 */
export class Permits {
  readonly #options: PermitsOptions;
  readonly #workloads = new Map<WorkloadKey, Workload>();
  readonly #workloadOf = new Map<string, WorkloadKey>();
  /** By gateway: pods of which its acknowledgements say something new. */
  readonly #open = new Map<GatewayId, Set<string>>();
  readonly #sessions = new Map<GatewayId, Session>();
  /** Of which some pod may still have permits that we do not know of. */
  readonly #learning = new Set<WorkloadKey>();
  #ledAt: number;
  #allHeard = false;

  constructor(options: PermitsOptions) {
    this.#options = options;
    this.#ledAt = options.clock.monotonic();
  }

  /** We lead from now on. What we knew is old: the gateways will say what stands. */
  lead(): void {
    this.#workloads.clear();
    this.#workloadOf.clear();
    this.#open.clear();
    this.#learning.clear();
    this.#sessions.clear();
    this.#allHeard = false;
    this.#ledAt = this.#options.clock.monotonic();
  }

  /** What the routes of the workload are to say; changes nothing until it is `published`. */
  of(key: WorkloadKey, limit: number, pods: readonly PodRoute[]): ReadonlyMap<string, PodPermits> {
    const ids = this.#claimants();
    const workload = this.#workloads.get(key);
    const targets = workload === undefined || !this.#options.isLeader() ? undefined : this.#divide(workload, limit, pods);
    return new Map(
      pods.map(({ id }) => {
        const [ledger, target] = [workload?.pods.get(id), targets?.get(id)];
        return [id, target === undefined ? wordsOf(ledger, ids) : steps(ledger, target, limit)];
      }),
    );
  }

  published(upsert: readonly WorkloadRoute[], remove: readonly WorkloadKey[], revision: number): void {
    for (const key of remove) this.#forget(key);
    for (const { workload, containerConcurrency, pods } of upsert) {
      if (containerConcurrency === undefined) this.#forget(workload);
      else this.#said(workload, pods, revision);
    }
  }

  /** `sessions`: the gateways that are linked now, those that leave included. */
  update(sessions: readonly GatewayInfo[]): void {
    const now = this.#options.clock.monotonic();
    const linked = new Set(sessions.map(({ id }) => id));
    let membership = false;
    for (const info of sessions) {
      const before = this.#sessions.get(info.id);
      this.#sessions.set(info.id, { info, lostAt: undefined });
      if (info.permitsInUse !== undefined && info.permitsInUse !== before?.info.permitsInUse) this.#acknowledged(info.id, info.acknowledged, info.permitsInUse);
      membership ||= (before?.lostAt === undefined && before?.info.permitsInUse !== undefined) !== (info.permitsInUse !== undefined);
    }
    for (const [id, { info, lostAt }] of this.#sessions) {
      if (linked.has(id) || lostAt !== undefined) continue;
      this.#sessions.set(id, { info: { ...info, permitsInUse: undefined }, lostAt: now });
      membership = true;
    }
    this.#learn();
    if (membership) for (const key of this.#workloads.keys()) this.#options.changed(key);
  }

  /** The gateway's process has ended, and its requests with it. */
  ended(id: GatewayId): void {
    this.#sessions.delete(id);
    this.#open.delete(id);
    for (const [key, { pods }] of this.#workloads) {
      for (const ledger of pods.values()) ledger.free(id);
      this.#options.changed(key);
    }
  }

  /** Requests for the workload wait at the gateway. */
  held(id: GatewayId, key: WorkloadKey): void {
    if (this.#workloads.get(key)?.demand.held(id, this.#options.clock.monotonic()) === true) this.#options.changed(key);
  }

  /** Looks at what only time changes; once a second. */
  tick(): void {
    const { clock, lapse, seemsAlive, changed } = this.#options;
    const now = clock.monotonic();
    for (const [id, { info, lostAt }] of this.#sessions) if (lostAt !== undefined && now - lostAt >= lapse && !seemsAlive(info)) this.ended(id);
    this.#learn();
    for (const [key, { demand, pods }] of this.#workloads) if (demand.look(this.#totals(pods), now)) changed(key);
  }

  /** Gateways that know permits and have said what they have. */
  #claimants(): readonly GatewayId[] {
    return [...this.#sessions.values()].flatMap(({ info, lostAt }) => (lostAt === undefined && info.permitsInUse !== undefined ? [info.id] : []));
  }

  #divide({ pods: ledgers, past, demand }: Workload, limit: number, pods: readonly PodRoute[]): ReturnType<typeof divide> {
    const totals = this.#totals(ledgers);
    const divided = pods.flatMap(({ id, state }): readonly DividedPod[] => {
      const ledger = ledgers.get(id);
      // A pod that has come since is nobody's yet.
      const known = ledger?.known ?? !past.has(id);
      return known && state !== 'terminating' ? [{ id, now: new Map([...totals.keys()].map((holder) => [holder, ledger?.share(holder) ?? 0])) }] : [];
    });
    return divide(divided, demand.claimants(totals, this.#options.clock.monotonic()), limit);
  }

  #said(key: WorkloadKey, pods: readonly PodRoute[], revision: number): void {
    const before = this.#workloads.get(key);
    const workload = before ?? { pods: new Map<string, PodLedger>(), past: new Set<string>(), demand: new Demand() };
    this.#workloads.set(key, workload);
    if (before === undefined) this.#learning.add(key);
    for (const { id, permits = {}, state } of pods) {
      let ledger = workload.pods.get(id);
      if (ledger === undefined) {
        const isNew = before !== undefined && !workload.past.has(id) && !this.#workloadOf.has(id);
        ledger = new PodLedger(revision, isNew);
        if (!isNew) this.#learning.add(key);
        workload.pods.set(id, ledger);
        this.#workloadOf.set(id, key);
      }
      ledger.ending = state === 'terminating';
      ledger.said(revision, permits);
      for (const holder of this.#sessions.keys()) this.#keepOpen(holder, id, ledger);
    }
    const present = new Set(pods.map(({ id }) => id));
    for (const id of workload.pods.keys()) if (!present.has(id)) this.#drop(key, workload, id);
    const there = [...this.#options.podsOf(key)].filter((id) => !present.has(id));
    workload.past = new Set(before === undefined ? there : there.filter((id) => workload.past.has(id)));
  }

  #acknowledged(id: GatewayId, revision: number, uses: Readonly<Record<string, number>>): void {
    const concerned = new Set([...(this.#open.get(id) ?? []), ...Object.keys(uses)]);
    const freed = new Set<WorkloadKey>();
    for (const pod of concerned) {
      const key = this.#workloadOf.get(pod);
      const ledger = key === undefined ? undefined : this.#workloads.get(key)?.pods.get(pod);
      if (key === undefined || ledger === undefined) this.#open.get(id)?.delete(pod);
      else {
        if (ledger.acknowledged(id, revision, uses[pod] ?? 0)) freed.add(key);
        this.#keepOpen(id, pod, ledger);
      }
    }
    for (const key of freed) this.#options.changed(key);
  }

  #keepOpen(id: GatewayId, pod: string, ledger: PodLedger): void {
    const open = this.#open.get(id);
    if (!ledger.isOpen(id)) open?.delete(pod);
    else if (open === undefined) this.#open.set(id, new Set([pod]));
    else open.add(pod);
  }

  /** Once every gateway that there may be has said what it has of a pod, nothing of it is unknown, for good. One that is lost counts until it has ended: what it has not said, it may have. */
  #learn(): void {
    const { clock, someUnheard, changed } = this.#options;
    this.#allHeard ||= !someUnheard((clock.monotonic() - this.#ledAt) as Millis);
    if (!this.#allHeard) return;
    let heard = Infinity;
    for (const { info } of this.#sessions.values()) heard = Math.min(heard, info.acknowledged);
    for (const key of this.#learning) {
      let isKnown = true;
      for (const ledger of this.#workloads.get(key)?.pods.values() ?? []) {
        ledger.known ||= ledger.since <= heard;
        isKnown &&= ledger.known;
      }
      if (!isKnown) continue;
      this.#learning.delete(key);
      changed(key);
    }
  }

  #totals(pods: ReadonlyMap<string, PodLedger>): ReadonlyMap<GatewayId, number> {
    const totals = new Map<GatewayId, number>();
    for (const id of this.#claimants()) {
      let total = 0;
      for (const ledger of pods.values()) if (!ledger.ending) total += ledger.share(id);
      totals.set(id, total);
    }
    return totals;
  }

  #drop(key: WorkloadKey, workload: Workload, pod: string): void {
    workload.pods.delete(pod);
    workload.past.add(pod);
    if (this.#workloadOf.get(pod) === key) this.#workloadOf.delete(pod);
  }

  #forget(key: WorkloadKey): void {
    const workload = this.#workloads.get(key);
    for (const pod of workload?.pods.keys() ?? []) if (this.#workloadOf.get(pod) === key) this.#workloadOf.delete(pod);
    this.#workloads.delete(key);
    this.#learning.delete(key);
  }
}

/** So that equal permits are equal texts. */
const inOrder = (permits: readonly (readonly [GatewayId, number])[]): PodPermits => Object.fromEntries([...permits].sort(([a], [b]) => (a < b ? -1 : 1)));

/** What was last said to those who are here. */
const wordsOf = (ledger: PodLedger | undefined, ids: readonly GatewayId[]): PodPermits =>
  inOrder(
    ids.flatMap((id) => {
      const word = ledger?.word(id);
      return word === undefined ? [] : [[id, word] as const];
    }),
  );

/** As far towards `target` as may be gone now: who is to have less is told so, who is to have more gets what is free. */
const steps = (ledger: PodLedger | undefined, target: ReadonlyMap<GatewayId, number>, limit: number): PodPermits => {
  let room = limit - (ledger?.total ?? 0);
  const permits: [GatewayId, number][] = [];
  for (const [id, wanted] of target) {
    const word = ledger?.word(id);
    const standing = ledger?.standing(id) ?? 0;
    const share = ledger?.isDeaf(id) === true && word !== undefined ? word : Math.min(wanted, standing + Math.max(0, room));
    room -= Math.max(0, share - standing);
    permits.push([id, share]);
  }
  return inOrder(permits);
};
