/**
 * The closed lists of reasons. The same strings appear in decisions, Kubernetes Events, metric labels, logs, `explain` and the docs.
 * A reason says in one word what was decisive; the evidence beside it has the numbers.
 */
export const decisionReasons = {
  'metric-rise': 'the stable window asks for more pods',
  'metric-fall': 'the stable window asks for fewer pods',
  panic: 'the panic window asks for more pods than the stable one could wait for',
  steady: 'the load needs the pods that are there',
  'wake-request': 'a request is waiting',
  'held-requests': 'held requests need more pods than there are',
  idle: 'no request for the whole window',
  'idle-grace': 'idle, and waiting for the path to change before the last pod goes',
  'idle-retention': 'idle, and the last pod is kept for the retention period',
  'just-woken': 'idle, but not yet ready for a whole window, so the last pod stays',
  'work-in-flight': 'requests are in flight or held, so the last pod stays',
  'no-data': 'no metric has a value, so nothing changes',
  'warming-up': 'the controller has not yet seen a whole window, so nothing goes down',
  'reports-missing': 'a gateway does not report, so nothing goes down',
  'rate-limited': 'the change is limited by max-scale-up-rate or max-scale-down-rate',
  'scale-down-delay': 'the delay window still holds a higher count',
  'recent-load': 'the stable window asks for fewer pods, the newest seconds still need them',
  hysteresis: 'the load is still within a tenth of needing the pods that are there',
  'min-scale': 'raised to the floor',
  'max-scale': 'lowered to the ceiling',
  'initial-scale': 'the initial count is held until ready once',
  schedule: 'a schedule sets the floor or the ceiling',
  budget: 'the budget of pods in rouse-config leaves no more',
  formula: 'the formula gives the count',
  'formula-failed': 'the formula gives no finite count, so nothing changes',
  fallback: 'every metric has been missing for fallback-after',
  paused: 'paused by rouse.dev/pause',
  'manual-override': 'a count set by hand is honoured for now',
  observe: 'mode observe: decided and published, not written',
  'off-boarding': 'the workload is being handed back',
} as const;
export type DecisionReason = keyof typeof decisionReasons;

/** Why a wake cannot succeed: held requests fail early with one of these. */
export const wakeFailures = {
  'image-pull': 'a container image cannot be pulled',
  'start-failed': 'a container cannot be started',
  'crash-loop': 'the container exits again and again',
  'not-ready': 'the pod does not get ready within its progress deadline',
  unschedulable: 'no node takes the pod',
  quota: 'a quota or limit refuses the pod',
  paused: 'scaling up is paused by rouse.dev/pause',
  'max-scale': 'max-scale is 0 pods at this time',
} as const;
export type WakeFailureReason = keyof typeof wakeFailures;

/** Codes in the body of an answer that the gateway itself gives (RFC 9457 member `code`). */
export const gatewayCodes = {
  'hold-queue-full': 503,
  'hold-timeout': 504,
  'wake-failed': 503,
  'connect-failed': 503,
  'upstream-reset': 502,
  'response-timeout': 504,
  'unknown-host': 404,
  'malformed-request': 400,
  'http-version-not-supported': 505,
  'shutting-down': 503,
} as const;
export type GatewayCode = keyof typeof gatewayCodes;

/** Phases of a cold start, in order; these names everywhere. */
export const coldStartPhases = ['decide', 'schedule', 'start', 'ready', 'forward'] as const;
export type ColdStartPhase = (typeof coldStartPhases)[number];
