/**
 * Follows the workloads, decides what each should have and writes it to `/scale`; wakes, puts to sleep, onboards and hands back. It keeps no
 * count of requests and points no traffic: `metrics` and `routing` come in as ports. Start with `loop.ts`, then `applier.ts` (what is written)
 * and `scaler.ts` (how the parts hang together).
 */
export { messageOfEvent, sayEvent, type ScalerEvent } from './events.ts';
export { leavingPods } from './deletion-cost.ts';
export { decideAgain, type Difference } from './explain/decide-again.ts';
export type { Explanation } from './explain/explanation.ts';
export { parseMoment } from './explain/moment.ts';
export { explainInWords } from './explain/words.ts';
export { TraceReader } from './explain/trace.ts';
export { handBackAll, type HandBackAllPorts } from './hand-back-all.ts';
export { Journal } from './journal.ts';
export type { PlacedPod } from './placement/placed-pods.ts';
export { createPlacement, type PlacementPorts, type WorkloadPlacement } from './placement/placement.ts';
export { parseStatus, printStatus, wantedCount } from './published-status.ts';
export { withoutUs } from './off-boarding.ts';
export { WorkloadRegistry } from './registry.ts';
export type { ScaledWorkload } from './scaled-workload.ts';
export type { Why } from './decided.ts';
export { createScaler, type Scaler } from './scaler.ts';
export type { TickRecord } from './tick-record.ts';
export { WakeFailures } from './wake-failures.ts';
export { builtInResource, WorkloadKinds, type WorkloadKind } from './workload-kinds.ts';
