/**
 * The vocabulary: units, ports (clock, random, logger), results, errors, reasons, the identity and the spec of a workload,
 * and what crosses the link. Everything may import it; it does no I/O and imports no `node:` module.
 * Start with `spec/scale-spec.ts` (what a user can say), `observation.ts` and `decision.ts` (what is decided from what).
 */
export { annotation, fieldManager, knativePrefix, prefix, sliceManager, systemNamespace } from './annotations.ts';
export { ManualClock, systemClock, type Clock, type Timer } from './clock.ts';
export type { Decision, DecisionStep, Evidence, MetricDemand } from './decision.ts';
export { isAbort, messageOf, RouseError, type ErrorTraits } from './errors.ts';
export { jsonLogger, logLevels, silentLogger, type LogFields, type Logger, type LogLevel } from './logger.ts';
export type { MetricReading, Observation } from './observation.ts';
export { parseLocalPorts, printLocalPorts, resolvePodPort, type PodPorts } from './pod-port.ts';
export { seededRandom, systemRandom, type Random } from './random.ts';
export {
  coldStartPhases,
  decisionReasons,
  gatewayCodes,
  wakeFailures,
  type ColdStartPhase,
  type DecisionReason,
  type GatewayCode,
  type WakeFailureReason,
} from './reasons.ts';
export type { FirstByte, GatewayId, GatewayInfo, Poke, Report, WorkloadReport } from './report.ts';
export { failed, ok, type Result } from './result.ts';
export type { HostRoute, ListenerRoute, PodProbe, PodRoute, RouteSnapshot, WorkloadRoute } from './route-snapshot.ts';
export {
  metricNames,
  protocols,
  weekdays,
  type IgnoreRule,
  type MetricName,
  type MetricTarget,
  type PlacementSpec,
  type Protocol,
  type ScaleSpec,
  type ScalingSpec,
  type ScheduleWindow,
  type TrafficSpec,
  type Weekday,
} from './spec/scale-spec.ts';
export { after, between, concurrency, instant, millis, pods, seconds, type Concurrency, type Instant, type Millis, type Pods } from './units.ts';
export { parseWorkloadKey, workloadKey, type WorkloadKey, type WorkloadRef } from './workload.ts';
export { parseWorkloadState, printWorkloadState, type WorkloadState } from './workload-state.ts';
