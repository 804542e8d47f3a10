import { pods, type Instant, type Observation } from '../core/index.ts';
import { handSetCount, liveCount, overrideOf, resumedCount } from './live-count.ts';
import type { PodCounts } from './pod-counts.ts';
import type { WorkloadLoad } from './ports.ts';
import type { WorkloadMemory } from './workload-memory.ts';
import type { WorkloadRecord } from './workload-record.ts';

export interface Observed {
  readonly observation: Observation;
  /** `spec.replicas` as it is, which may differ from the count that we keep. */
  readonly live: number;
}

/** The count that decisions start from: what we keep while we lead, what lives otherwise. */
const baseCount = ({ view, spec }: WorkloadRecord, memory: WorkloadMemory, live: number, leads: boolean, hasWork: boolean): number => {
  if (!leads || spec.mode === 'observe' || memory.override !== undefined) return live;
  // Pods that somebody brought back have work by now: they go the usual way.
  if (memory.target === 0 && live > 0 && hasWork) return live;
  return memory.target ?? (memory.written === undefined ? resumedCount(view) : live);
};

/** Puts together everything that a decision may depend on, and brings `memory` up to date with what the cluster shows. */
export const observe = (
  record: WorkloadRecord,
  memory: WorkloadMemory,
  counts: PodCounts,
  load: WorkloadLoad,
  holdReady: boolean,
  heldByPoke: number,
  ours: { readonly leads: boolean; readonly isWriting: boolean },
  now: Instant,
): Observed => {
  const { view, spec } = record;
  const live = liveCount(view, memory.written);
  memory.hand = handSetCount(view, memory.written, memory.hand, memory.isNew, now, {
    ...ours,
    target: memory.target,
    seen: memory.seen,
  });
  if (!ours.isWriting) memory.seen = live;
  memory.override = overrideOf(memory.hand, spec.manualOverride, now);
  memory.isNew = false;
  // What somebody set by hand is what we keep for as long as we honour it.
  if (memory.override !== undefined) memory.target = undefined;
  memory.wasReady ||= counts.ready > 0;
  const held = Math.max(load.held, heldByPoke);
  const observation: Observation = {
    metrics: load.metrics,
    replicas: pods(baseCount(record, memory, live, ours.leads, held > 0 || load.inFlight > 0)),
    ready: counts.ready,
    starting: counts.starting,
    terminating: counts.terminating,
    held,
    inFlight: load.inFlight,
    warm: load.warm,
    absentGateways: load.absentGateways,
    holdReady,
    wasReady: memory.wasReady,
    override: memory.override === undefined ? undefined : pods(memory.override.replicas),
  };
  return { observation, live };
};
