import { RouseError } from '../errors.ts';
import { pods, type Pods } from '../units.ts';
import type { SettingValues } from './setting-values.ts';
import type { MetricTarget, PlacementSpec, ScaleSpec, ScalingSpec, TrafficSpec } from './scale-spec.ts';
import type { SettingName, SettingValue } from './settings.ts';
import { resolveTargets } from './targets.ts';

/** The value of a setting that has a built-in default, and so always one. */
const sure = <Name extends SettingName>(values: SettingValues, name: Name): SettingValue<Name> => {
  const value = values.get(name);
  if (value === undefined) throw new RouseError('no-default', `the setting ${name} has no default`);
  return value;
};

const maxOf = (max: Pods | 'unlimited', limit: number | 'unlimited'): Pods | 'unlimited' => (max === 'unlimited' && limit !== 'unlimited' ? pods(limit) : max);

/** As in Knative: without a target of its own a workload with a limit per pod is measured against that limit, and no target is above it. */
const capped = (targets: readonly MetricTarget[], limit: number | 'unlimited', isWritten: boolean): readonly MetricTarget[] =>
  limit === 'unlimited'
    ? targets
    : targets.map(({ metric, target }) => (metric === 'concurrency' ? { metric, target: isWritten ? Math.min(target, limit) : limit } : { metric, target }));

const scalingOf = (values: SettingValues, limit: number | 'unlimited'): ScalingSpec => {
  const targets = resolveTargets(sure(values, 'metric'), values.get('target'));
  if (!targets.ok) throw new RouseError('unchecked-targets', `targets were not checked: ${targets.problem}`);
  const containerConcurrency = sure(values, 'container-concurrency');
  const fallback = values.get('fallback-scale');
  return {
    min: sure(values, 'min-scale'),
    max: maxOf(sure(values, 'max-scale'), limit),
    initial: values.get('initial-scale') ?? 'live',
    activation: sure(values, 'activation-scale'),
    metrics: capped(targets.value, containerConcurrency, values.get('target') !== undefined),
    targetUtilization: sure(values, 'target-utilization-percentage'),
    containerConcurrency,
    targetBurstCapacity: sure(values, 'target-burst-capacity'),
    stableWindow: sure(values, 'window'),
    panicWindowShare: sure(values, 'panic-window-percentage'),
    panicThreshold: sure(values, 'panic-threshold-percentage'),
    aggregation: sure(values, 'metric-aggregation-algorithm'),
    maxScaleUpRate: sure(values, 'max-scale-up-rate'),
    maxScaleDownRate: sure(values, 'max-scale-down-rate'),
    scaleDownDelay: sure(values, 'scale-down-delay'),
    scaleToZeroGracePeriod: sure(values, 'scale-to-zero-grace-period'),
    scaleToZeroPodRetention: sure(values, 'scale-to-zero-pod-retention-period'),
    schedule: values.get('schedule') ?? [],
    formula: values.get('formula'),
    fallback: fallback === undefined ? undefined : { replicas: fallback, after: sure(values, 'fallback-after') },
  };
};

const trafficOf = (values: SettingValues): TrafficSpec => ({
  protocol: values.get('protocol') ?? 'auto',
  holdQueueDepth: sure(values, 'hold-queue-depth'),
  holdTimeout: sure(values, 'hold-timeout'),
  waitingPage: sure(values, 'waiting-page'),
  requestTimeout: sure(values, 'request-timeout'),
  responseStartTimeout: sure(values, 'response-start-timeout'),
  idleTimeout: sure(values, 'idle-timeout'),
  ignoreRequests: sure(values, 'ignore-requests'),
});

const placementOf = (values: SettingValues): PlacementSpec => ({
  policy: sure(values, 'placement'),
  baseReplicas: values.get('base-replicas'),
  baseNodes: values.get('base-nodes'),
  burstNodes: values.get('burst-nodes'),
});

const pauses = { true: 'both', up: 'up', down: 'down' } as const;

/** The spec of values that passed every check. */
export const assemble = (values: SettingValues, maxScaleLimit: number | 'unlimited'): ScaleSpec => {
  const pause = values.get('pause');
  return {
    mode: sure(values, 'mode'),
    path: values.get('path') ?? 'auto',
    services: values.get('services') ?? 'all',
    pause: pause === undefined ? 'none' : pauses[pause],
    adoptHpa: values.get('adopt-hpa') ?? false,
    manualOverride: sure(values, 'manual-override'),
    policy: sure(values, 'policy'),
    scaling: scalingOf(values, maxScaleLimit),
    traffic: trafficOf(values),
    placement: placementOf(values),
  };
};
