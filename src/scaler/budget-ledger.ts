import { pods, type BudgetLoser, type BudgetRoom, type Decision, type WorkloadKey } from '../core/index.ts';
import type { Budget } from '../core/spec/index.ts';
import { shareBudget, type BudgetCeilings, type BudgetClaim } from '../decider/index.ts';
import { liveCount } from './live-count.ts';
import type { WakeFailure } from './wake-diagnosis.ts';
import type { WorkloadMemory } from './workload-memory.ts';
import type { WorkloadRecord } from './workload-record.ts';

/** A ceiling with what is under it. */
interface Pool {
  readonly ceiling: number;
  /** Pods that are there or have been promised. */
  used: number;
  /** The same, and what is still to come of the shares. */
  reserved: number;
}

/** All workloads of one priority. */
interface Rank {
  readonly priority: number;
  used: number;
  standing: number;
}

interface Entry {
  readonly namespace: string;
  readonly rank: Rank;
  readonly pool: Pool;
  used: number;
  /** At the last look, budget aside. */
  wanted: number;
  /** What of that went into the shares. */
  claimed: number;
  standing: number;
  share: number;
  /** The share is less than what runs and is wanted: pods go. */
  isCut: boolean;
  /** The last wake found no room. */
  wakeRefused: boolean;
}

/** What is shown of a ceiling; namespace '' is the whole cluster. */
export interface BudgetFigures {
  readonly namespace: string;
  readonly limit: number;
  readonly used: number;
  readonly wanted: number;
}

interface Plan {
  readonly cluster: Pool;
  readonly ceilings: BudgetCeilings;
  readonly namespaces: ReadonlyMap<string, Pool>;
  readonly ranks: Map<number, Rank>;
  readonly entries: Map<WorkloadKey, Entry>;
  losers: readonly BudgetLoser[];
}

const mostLosers = 5;
const unlimited = Number.POSITIVE_INFINITY;
const limitOf = (limit: number | 'unlimited'): number => (limit === 'unlimited' ? unlimited : limit);

/** Of those that it has, the pods that Rouse does not take away, and what it asks for besides: what stands by its user's word stays out of the sharing. */
const claimOf = (
  { phase, spec }: WorkloadRecord,
  memory: WorkloadMemory | undefined,
  running: number,
  wanted: number,
): { wanted: number; standing: number } => {
  const isFixed = phase === 'off-boarding' || spec.mode === 'observe' || spec.pause === 'both' || memory?.override !== undefined;
  if (isFixed) return { wanted: running, standing: running };
  if (spec.pause === 'down') return { wanted: Math.max(wanted, running), standing: running };
  return { wanted: spec.pause === 'up' ? Math.min(wanted, running) : wanted, standing: 0 };
};

/**
 * Keeps the count of what of the budget is used. Once in a round the shares are worked out anew (`shareBudget`) from what every workload has and wanted at
 * its last look; between two rounds each look takes from the room that is there. A rise is granted out of free room alone, so where somebody has to give
 * way that comes first, and the counts that are written never pass a ceiling. Nothing is remembered that is not in the cluster: a standby, and whoever
 * leads next, comes to the same. Without a budget there is nothing here.
 */
export class BudgetLedger {
  readonly #budget: () => Budget | undefined;
  #plan: Plan | undefined;

  constructor(budget: () => Budget | undefined) {
    this.#budget = budget;
  }

  /** Shares out anew. */
  share(records: Iterable<WorkloadRecord>, memoryOf: (key: WorkloadKey) => WorkloadMemory | undefined): void {
    const budget = this.#budget();
    const before = this.#plan;
    if (budget === undefined) {
      this.#plan = undefined;
      return;
    }
    const ceilings = ceilingsOf(budget);
    const pool = (ceiling: number): Pool => ({ ceiling, used: 0, reserved: 0 });
    const namespaces = new Map([...ceilings.namespaces].map(([name, { pods: ceiling }]) => [name, pool(ceiling)]));
    const plan: Plan = { cluster: pool(ceilings.pods), ceilings, namespaces, ranks: new Map(), entries: new Map(), losers: [] };
    const claims: (BudgetClaim & { readonly key: WorkloadKey })[] = [];
    for (const record of records) {
      const { key, ref } = record;
      const memory = memoryOf(key);
      const used = runningOf(record, memory);
      const known = before?.entries.get(key);
      const claim = claimOf(record, memory, used, known?.wanted ?? used);
      claims.push({ key, namespace: ref.namespace, running: used, ...claim });
      plan.entries.set(key, { ...newEntry(plan, ref.namespace), ...claim, claimed: claim.wanted, used, wakeRefused: known?.wakeRefused ?? false });
    }
    const losers: BudgetLoser[] = [];
    shareBudget(ceilings, claims).forEach((share, index) => {
      const claim = claims[index];
      const entry = claim === undefined ? undefined : plan.entries.get(claim.key);
      if (claim === undefined || entry === undefined) return;
      entry.share = share;
      entry.isCut = share < Math.min(claim.running, claim.wanted);
      entry.rank.used += entry.used;
      entry.rank.standing += entry.standing;
      for (const each of [plan.cluster, entry.pool]) [each.used, each.reserved] = [each.used + entry.used, each.reserved + reservedBy(entry)];
      if (share < claim.wanted) losers.push({ workload: claim.key, wanted: pods(claim.wanted), share: pods(share) });
    });
    losers.sort((a, b) => b.wanted - b.share - (a.wanted - a.share) || (a.workload < b.workload ? -1 : 1));
    plan.losers = losers.slice(0, mostLosers);
    this.#plan = plan;
  }

  /** What the workload may have at this look; undefined where no ceiling is over it. */
  roomFor(record: WorkloadRecord, memory: WorkloadMemory): BudgetRoom | undefined {
    if (this.#plan === undefined) return undefined;
    const plan = this.#plan;
    const entry = entryOf(plan, record);
    this.#set(entry, { used: runningOf(record, memory) });
    const { cluster, losers } = plan;
    const { pool, share, used } = entry;
    if (!Number.isFinite(cluster.ceiling) && !Number.isFinite(pool.ceiling)) return undefined;
    const free = Math.min(cluster.ceiling - cluster.used, pool.ceiling - pool.used);
    const unreserved = Math.max(0, Math.min(cluster.ceiling - cluster.reserved, pool.ceiling - pool.reserved));
    const limit = entry.isCut ? Math.min(share, used) : used + Math.max(0, Math.min(share + unreserved - used, free));
    const isOwn = pool.ceiling - pool.used <= cluster.ceiling - cluster.used && Number.isFinite(pool.ceiling);
    const nearest = isOwn ? pool : cluster;
    return {
      limit: atMost(limit),
      share: pods(share),
      scope: isOwn ? 'namespace' : 'cluster',
      ceiling: atMost(nearest.ceiling),
      used: pods(nearest.used),
      losers,
    };
  }

  /** Takes what was decided off the room. */
  take(record: WorkloadRecord, { to, evidence: { budget } }: Decision, poked: boolean): void {
    if (this.#plan === undefined || budget === undefined) return;
    const entry = entryOf(this.#plan, record);
    entry.wanted = poked ? Math.max(entry.wanted, budget.wanted) : budget.wanted;
    entry.wakeRefused = record.spec.mode === 'enforce' && entry.used === 0 && to === 0 && (budget.wanted > 0 || (!poked && entry.wakeRefused));
    this.#set(entry, { used: Math.max(entry.used, to) });
  }

  /** Why a wake that was refused would be refused again: equals and betters have it all. Where a lower priority has to make room, requests wait for that. */
  wakeFailure({ key }: WorkloadRecord): WakeFailure | undefined {
    const plan = this.#plan;
    const entry = plan?.entries.get(key);
    if (plan === undefined || entry?.wakeRefused !== true) return undefined;
    const { namespace, pool, rank } = entry;
    if (pool.used >= pool.ceiling) return failure(`the budget of namespace ${namespace}`, pool.used, pool.ceiling, '');
    let taken = 0;
    for (const other of plan.ranks.values()) taken += other.priority >= rank.priority ? other.used : other.standing;
    if (taken >= plan.cluster.ceiling) return failure('the budget of the cluster', taken, plan.cluster.ceiling, ', none by workloads of a lower priority');
    entry.wakeRefused = false;
    return undefined;
  }

  figures(): readonly BudgetFigures[] {
    if (this.#plan === undefined) return [];
    const { cluster, namespaces, entries } = this.#plan;
    const wanted = new Map<string, number>();
    let all = 0;
    for (const entry of entries.values()) {
      wanted.set(entry.namespace, (wanted.get(entry.namespace) ?? 0) + entry.claimed);
      all += entry.claimed;
    }
    const figures: BudgetFigures[] = [];
    if (Number.isFinite(cluster.ceiling)) figures.push({ namespace: '', limit: cluster.ceiling, used: cluster.used, wanted: all });
    for (const [namespace, { ceiling, used }] of namespaces)
      if (Number.isFinite(ceiling)) figures.push({ namespace, limit: ceiling, used, wanted: wanted.get(namespace) ?? 0 });
    return figures;
  }

  /** The workload is gone. */
  forget(key: WorkloadKey): void {
    const entry = this.#plan?.entries.get(key);
    if (entry === undefined) return;
    entry.share = 0;
    this.#set(entry, { used: 0 });
    this.#plan?.entries.delete(key);
  }

  #set(entry: Entry, { used }: { readonly used: number }): void {
    if (this.#plan === undefined) return;
    const [usedBefore, reservedBefore] = [entry.used, reservedBy(entry)];
    entry.used = used;
    entry.rank.used += used - usedBefore;
    const reserved = reservedBy(entry);
    for (const pool of [this.#plan.cluster, entry.pool]) {
      pool.used += used - usedBefore;
      pool.reserved += reserved - reservedBefore;
    }
  }
}

const mostPods = 2 ** 31 - 1;
const atMost = (count: number): BudgetRoom['limit'] => pods(Math.min(count, mostPods));

const reservedBy = ({ used, share, isCut }: Entry): number => (isCut ? share : Math.max(used, share));

const ceilingsOf = ({ pods: all, namespaces }: Budget): BudgetCeilings => ({
  pods: limitOf(all),
  namespaces: new Map(Object.entries(namespaces).map(([name, own]) => [name, { pods: limitOf(own.pods), priority: own.priority }])),
});

const newEntry = ({ namespaces, ranks, ceilings }: Plan, namespace: string): Entry => {
  const priority = ceilings.namespaces.get(namespace)?.priority ?? 0;
  const rank = ranks.get(priority) ?? { priority, used: 0, standing: 0 };
  ranks.set(priority, rank);
  const pool = namespaces.get(namespace) ?? { ceiling: unlimited, used: 0, reserved: 0 };
  return { namespace, rank, pool, used: 0, wanted: 0, claimed: 0, standing: 0, share: 0, isCut: false, wakeRefused: false };
};

/** One that came since the last round gets what is free. */
const entryOf = (plan: Plan, { key, ref }: WorkloadRecord): Entry => {
  const found = plan.entries.get(key);
  if (found !== undefined) return found;
  const made = newEntry(plan, ref.namespace);
  plan.entries.set(key, made);
  return made;
};

/** Pods that are there or on their way. What mode observe, or a hand-back, would keep is not. */
const runningOf = ({ view, spec, phase }: WorkloadRecord, memory: WorkloadMemory | undefined): number => {
  const live = liveCount(view, memory?.written);
  return spec.mode === 'observe' || phase === 'off-boarding' ? live : Math.max(live, memory?.target ?? 0);
};

const failure = (whose: string, used: number, ceiling: number, rest: string): WakeFailure => ({
  reason: 'quota',
  message: `${whose} (ConfigMap rouse-config) is exhausted: ${String(used)} of ${String(ceiling)} pods are taken${rest}`,
});
