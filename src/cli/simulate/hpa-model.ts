/**
 * The HorizontalPodAutoscaler of Kubernetes 1.36 as a pure function, for one Pods metric with an AverageValue target. After pkg/controller/podautoscaler:
 * `calcPlainMetricReplicas` and `groupPods` (replica_calculator.go), `GetMetricUsageRatio` (metrics/utilization.go), `stabilizeRecommendationWithBehaviors`,
 * `convertDesiredReplicasWithBehaviorRate` and `storeScaleEvent` (horizontal.go). test/cluster/hpa-model.test.ts compares it with kube-controller-manager.
 */
export interface HpaRules {
  readonly stabilizationMs: number;
  readonly policies: readonly { readonly type: 'Pods' | 'Percent'; readonly value: number; readonly periodMs: number }[];
}

export interface HpaSpec {
  readonly min: number;
  readonly max: number;
  /** Per pod, in thousandths of the metric's unit: Kubernetes reckons in whole ones. */
  readonly targetMilli: number;
  readonly tolerance: number;
  readonly up: HpaRules;
  readonly down: HpaRules;
}

/** What `behavior: {}` stands for (pkg/apis/autoscaling/v2/defaults.go), and kube-controller-manager's tolerance. */
export const hpaDefaults: Pick<HpaSpec, 'tolerance' | 'up' | 'down'> = {
  tolerance: 0.1,
  up: {
    stabilizationMs: 0,
    policies: [
      { type: 'Pods', value: 4, periodMs: 15_000 },
      { type: 'Percent', value: 100, periodMs: 15_000 },
    ],
  },
  down: { stabilizationMs: 300_000, policies: [{ type: 'Percent', value: 100, periodMs: 15_000 }] },
};

/** kube-controller-manager's `--horizontal-pod-autoscaler-sync-period`. */
export const hpaSyncMs = 15_000;

export interface HpaPod {
  /** `ignored`: it is being deleted, or has failed. */
  readonly phase: 'pending' | 'running' | 'ignored';
  /** Undefined: the metrics API says nothing of it. */
  readonly milli: number | undefined;
}

interface Timed {
  readonly at: number;
  readonly count: number;
}

/** What the controller remembers between two syncs; bounded by its windows. */
export interface HpaState {
  readonly recommendations: readonly Timed[];
  readonly ups: readonly Timed[];
  readonly downs: readonly Timed[];
}

export const initialHpaState: HpaState = { recommendations: [], ups: [], downs: [] };

/** Metric values of the pods that count, and what is known to be wanting. */
const grouped = (pods: readonly HpaPod[]): { readonly values: readonly number[]; readonly unready: number; readonly missing: number } => ({
  values: pods.flatMap(({ phase, milli }) => (phase === 'running' && milli !== undefined ? [milli] : [])),
  unready: pods.filter(({ phase }) => phase === 'pending').length,
  missing: pods.filter(({ phase, milli }) => phase === 'running' && milli === undefined).length,
});

/** Integer division, as upstream's. */
const usageRatio = (values: readonly number[], targetMilli: number): number => {
  const total = values.reduce((sum, value) => sum + value, 0);
  return Math.trunc(total / values.length) / targetMilli;
};

/** The count that the metric asks for; undefined where it cannot be told. */
const metricReplicas = (current: number, pods: readonly HpaPod[], { targetMilli, tolerance }: HpaSpec): number | undefined => {
  const { values, unready, missing } = grouped(pods);
  if (values.length === 0) return undefined;
  const isWithin = (ratio: number): boolean => 1 - tolerance <= ratio && ratio <= 1 + tolerance;
  const ratio = usageRatio(values, targetMilli);
  const risesWithUnready = unready > 0 && ratio > 1;
  if (!risesWithUnready && missing === 0) return isWithin(ratio) ? current : Math.ceil(ratio * values.length);
  // Pods that nothing is known of use nothing when it goes up, and just their target when it goes down: neither direction is taken on their account.
  const assumed = ratio === 1 ? [] : Array.from({ length: missing }, () => (ratio < 1 ? targetMilli : 0));
  const all = [...values, ...assumed, ...Array.from({ length: risesWithUnready ? unready : 0 }, () => 0)];
  const careful = usageRatio(all, targetMilli);
  if (isWithin(careful) || (ratio < 1 && careful > 1) || (ratio > 1 && careful < 1)) return current;
  const count = Math.ceil(careful * all.length);
  return (careful < 1 && count > current) || (careful > 1 && count < current) ? current : count;
};

const changedWithin = (events: readonly Timed[], periodMs: number, now: number): number =>
  events.reduce((sum, { at, count }) => (at > now - periodMs ? sum + count : sum), 0);

/** The highest (or lowest) count that the policy with the largest change allows. */
const limitOf = (rules: HpaRules, current: number, { ups, downs }: HpaState, now: number, sign: 1 | -1): number => {
  const limits = rules.policies.map(({ type, value, periodMs }) => {
    const start = current - changedWithin(ups, periodMs, now) + changedWithin(downs, periodMs, now);
    if (type === 'Pods') return start + sign * value;
    return sign === 1 ? Math.ceil(start * (1 + value / 100)) : Math.trunc(start * (1 - value / 100));
  });
  return sign === 1 ? Math.max(current, ...limits) : Math.min(current, ...limits);
};

const stabilized = (wanted: number, current: number, { recommendations }: HpaState, { up, down }: HpaSpec, now: number): number => {
  let [lowest, highest] = [wanted, wanted];
  for (const { at, count } of recommendations) {
    if (at > now - up.stabilizationMs) lowest = Math.min(lowest, count);
    if (at > now - down.stabilizationMs) highest = Math.max(highest, count);
  }
  return Math.min(Math.max(current, lowest), highest);
};

const rated = (wanted: number, current: number, state: HpaState, spec: HpaSpec, now: number): number => {
  if (wanted > current) return Math.min(wanted, spec.max, limitOf(spec.up, current, state, now, 1));
  if (wanted < current) return Math.max(wanted, spec.min, limitOf(spec.down, current, state, now, -1));
  return wanted;
};

const recent = (events: readonly Timed[], forMs: number, now: number): readonly Timed[] => events.filter(({ at }) => at >= now - forMs);
const longest = ({ policies }: HpaRules): number => Math.max(0, ...policies.map(({ periodMs }) => periodMs));

/** What the controller remembers after it has written `next`. */
const remembered = (state: HpaState, current: number, next: number, spec: HpaSpec, now: number): HpaState => ({
  ...state,
  ups: recent(next > current ? [...state.ups, { at: now, count: next - current }] : state.ups, longest(spec.up), now),
  downs: recent(next < current ? [...state.downs, { at: now, count: current - next }] : state.downs, longest(spec.down), now),
});

/** One sync, where the workload has `current` replicas: what it gets, and what to remember. Times are in ms. */
export const hpaSync = (
  before: HpaState,
  current: number,
  pods: readonly HpaPod[],
  spec: HpaSpec,
  now: number,
): { readonly replicas: number; readonly state: HpaState } => {
  const state = before.recommendations.length > 0 ? before : { ...before, recommendations: [{ at: now, count: current }] };
  if (current === 0) return { replicas: 0, state };
  if (current > spec.max || current < spec.min) {
    const replicas = Math.max(spec.min, Math.min(spec.max, current));
    return { replicas, state: remembered(state, current, replicas, spec, now) };
  }
  const wanted = metricReplicas(current, pods, spec);
  if (wanted === undefined) return { replicas: current, state };
  const replicas = rated(stabilized(wanted, current, state, spec, now), current, state, spec, now);
  const kept = recent([...state.recommendations, { at: now, count: wanted }], Math.max(spec.up.stabilizationMs, spec.down.stabilizationMs), now);
  return { replicas, state: remembered({ ...state, recommendations: kept }, current, replicas, spec, now) };
};
