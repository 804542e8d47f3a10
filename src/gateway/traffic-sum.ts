import { nextTurn, type GatewayCode } from '../core/index.ts';
import { holdSecondsBounds, type EjectionReason, type Traffic, type WorkloadCounters } from './counters.ts';
import { addEach, addHistogram, RevisionSum } from './revision-sum.ts';

/** What all workloads together have had, those that are gone too: it only rises, as counters have to. */
export class TrafficSum implements Traffic {
  readonly #ofRevisions = new RevisionSum();
  readonly revisions: readonly RevisionSum[] = [this.#ofRevisions];
  readonly refused = new Map<GatewayCode, number>();
  readonly aborted = { client: { none: 0, begun: 0 }, pod: { none: 0, begun: 0 }, gateway: { none: 0, begun: 0 } };
  readonly holdSeconds = { bounds: holdSecondsBounds, counts: Array.from({ length: holdSecondsBounds.length + 1 }, () => 0), sum: 0, count: 0 };
  readonly ejections = new Map<EjectionReason, number>();
  readonly podConnections = { open: 0, idle: 0, opened: 0 };
  ignored = 0;
  pokes = 0;
  connectFailures = 0;
  retries = 0;
  retriesOverBudget = 0;
  inFlight = 0;
  held = 0;
  heldBytes = 0;
  ejectedPods = 0;

  /** What it has counted, and what it has now. */
  add(counters: WorkloadCounters): void {
    this.addCounts(counters);
    for (const name of ['inFlight', 'held', 'heldBytes', 'ejectedPods'] as const) this[name] += counters[name];
    this.podConnections.open += counters.podConnections.open;
    this.podConnections.idle += counters.podConnections.idle;
  }

  /** What it had counted when it went. */
  addCounts(counters: WorkloadCounters): void {
    this.addSum(counters);
    // Afterwards: asked for, revisions may go.
    const { dropped } = counters.revisions;
    if (dropped !== undefined) this.#ofRevisions.add(dropped);
  }

  addSum(counters: Traffic): void {
    for (const figures of counters.revisions) this.#ofRevisions.add(figures);
    addEach(this.refused, counters.refused);
    addEach(this.ejections, counters.ejections);
    for (const by of ['client', 'pod', 'gateway'] as const)
      for (const answer of ['none', 'begun'] as const) this.aborted[by][answer] += counters.aborted[by][answer];
    addHistogram(this.holdSeconds, counters.holdSeconds);
    for (const name of ['ignored', 'pokes', 'connectFailures', 'retries', 'retriesOverBudget'] as const) this[name] += counters[name];
    this.podConnections.opened += counters.podConnections.opened;
  }
}

/** Well under a millisecond. */
const inATurn = 256;

/** Of all workloads: those that are there, and `gone`, as it is at the call. Requests have their turn meanwhile. */
export const trafficOf = async (there: readonly WorkloadCounters[], gone: TrafficSum): Promise<TrafficSum> => {
  const sum = new TrafficSum();
  sum.addSum(gone);
  for (const [index, counters] of there.entries()) {
    sum.add(counters);
    if (index % inATurn === inATurn - 1) await nextTurn();
  }
  return sum;
};
