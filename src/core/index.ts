/**
 * The vocabulary: units, ports (clock, random, logger), results, errors, reasons, the identity and the spec of a workload,
 * and what crosses the link. Everything may import it; it does no I/O and imports no `node:` module.
 * The parser of annotations is next door in `spec/index.ts`: it loads the YAML library, which the gateway must not pay for.
 * Start with `spec/scale-spec.ts` (what a user can say), `observation.ts` and `decision.ts` (what is decided from what).
 */
export { annotation, controllerApi, fieldManager, knativePrefix, leadsHeader, prefix, sliceManager, systemNamespace, zoneLabel } from './annotations.ts';
export { mostCidrs, parseCidrs } from './cidrs.ts';
export { afterThisTurn, ManualClock, nextTurn, systemClock, type Clock, type Timer } from './clock.ts';
export { decisionSteps, type Decision, type DecisionStep, type Evidence, type MetricDemand, type StepName } from './decision.ts';
export { isAbort, messageOf, RouseError, type ErrorTraits } from './errors.ts';
export { gatewayPortRange, parseGatewayPorts, printGatewayPorts, type GatewayPorts } from './gateway-ports.ts';
export { areLatencyCounts, latencyBucketOf, latencyBucketUpTo, LatencySketch, type LatencyCounts } from './latency-sketch.ts';
export { jsonLogger, logLevels, silentLogger, type LogFields, type Logger, type LogLevel } from './logger.ts';
export type { BudgetLoser, BudgetRoom, MetricReading, Observation } from './observation.ts';
export { parseLocalPorts, printLocalPorts, resolvePodPort, type PodPorts } from './pod-port.ts';
export { parseQuantity } from './quantity.ts';
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
export type { FirstByte, GatewayId, GatewayInfo, Poke, Report, RevisionReport, WorkloadReport } from './report.ts';
export { failed, ok, type Result } from './result.ts';
export { parseRfc3339 } from './rfc3339.ts';
export { permitsInUse, shareOf } from './pod-permits.ts';
export {
  defaultPerWorkloadMetrics,
  type GatewaySettings,
  type HostRoute,
  type ListenerRoute,
  type PodProbe,
  type PodRoute,
  type RouteSnapshot,
  type WorkloadRoute,
} from './route-snapshot.ts';
export { askedMetrics, gatewayMetrics, isResourceMetric, type GatewayMetric, type ResourceMetric } from './spec/asked-metrics.ts';
export { parseDuration, printDuration } from './spec/duration.ts';
export { isEnabled } from './spec/enabled.ts';
export { nearest } from './spec/nearest.ts';
export type { SpecProblem, SpecSource, SpecWarning } from './spec/problem.ts';
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
export { table, type TableLook } from './table.ts';
export {
  adoptAppliedSelector,
  handBack,
  isTakenOver,
  parseSavedSelector,
  printSavedSelector,
  release,
  savedAfterTakeover,
  selectorOf,
  takeOver,
  takenOverFor,
  type SavedSelector,
  type ServiceObject,
  type ServicePatch,
} from './taken-over-service.ts';
export { canTakeOver, isHeadless, takeoverRefusals, takeoverWarnings, type TakeoverCandidate, type TakeoverRefusal } from './takeover-refusal.ts';
export { selectorOwners, type SelectorOwner } from './selector-owners.ts';
export { after, between, concurrency, instant, millis, pods, seconds, type Concurrency, type Instant, type Millis, type Pods } from './units.ts';
export { parseWorkloadKey, workloadKey, type WorkloadKey, type WorkloadRef } from './workload.ts';
export { parseWorkloadState, printWorkloadState, type WorkloadState } from './workload-state.ts';
