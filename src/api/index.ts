/**
 * The controller's read-only HTTP API (express): what each workload has and why. It never changes anything.
 * Start with `app.ts`; what it can read is `workloads.ts`.
 */
export { createApi } from './app.ts';
export type { ControllerSummary, WhyAnswer, WorkloadLoad, WorkloadPhase, WorkloadReader, WorkloadSummary } from './workloads.ts';
