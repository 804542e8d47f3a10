/**
 * Follows the workloads, decides what each should have and writes it to `/scale`; wakes, puts to sleep, onboards and hands back. It keeps no
 * count of requests and points no traffic: `metrics` and `routing` come in as ports. Start with `loop.ts`, then `applier.ts` (what is written)
 * and `scaler.ts` (how the parts hang together).
 */
export type { ColdStart, ScalerEvent } from './events.ts';
export { sayEvent } from './events.ts';
export type { JournalRecord } from './journal.ts';
export type { EventRecorder, PathManager, PathState, ResourceOf, WorkloadLoad, WorkloadMetrics } from './ports.ts';
export { WorkloadRegistry, type RegistrySources } from './registry.ts';
export { createScaler, type ScaledWorkload, type Scaler, type ScalerPorts } from './scaler.ts';
export type { WakeFailure } from './wake-diagnosis.ts';
export { WakeFailures } from './wake-failures.ts';
export type { RefusedWorkload, WorkloadRecord } from './workload-record.ts';
