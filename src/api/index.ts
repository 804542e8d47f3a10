/**
 * The controller's read-only HTTP API (express): what each workload has and why, and the live page (`page/` its files, `live/` its data). It never changes anything.
 * Start with `app.ts`; what it can read is `workloads.ts` and `live/ports.ts`.
 */
export { createApi } from './app.ts';
export type { AccessVerdict, LiveEvent, LiveReader, LiveTick, LiveWorkload, PageAccess } from './live/ports.ts';
export type { ControllerSummary, WhyAnswer, WorkloadLoad, WorkloadPhase, WorkloadReader, WorkloadSummary } from './workloads.ts';
