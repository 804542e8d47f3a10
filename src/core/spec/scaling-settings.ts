import { decimal, duration, freeText, integer, map, oneOf, percentage, podCount } from './scalars.ts';
import { schedule } from './schedule.ts';
import { wholePods, zeroMeans, type Setting, type SettingRow } from './setting.ts';
import { metrics, target } from './targets.ts';

const hour = 3_600_000;
const scaling = <T>(row: SettingRow<T>): Setting<T> => ({ ...row, section: 'Scaling', knative: false });
/** Knative has it too. */
const shared = <T>(row: SettingRow<T>): Setting<T> => ({ ...row, section: 'Scaling', knative: true });

/** How the count follows the load. */
export const scalingSettings = {
  'min-scale': shared({ initial: '0', legal: `${wholePods}, at most max-scale`, example: '1', meaning: 'fewest pods', parse: podCount(0) }),
  'max-scale': shared({
    initial: '0',
    defaultMeans: '0 = no limit',
    legal: wholePods,
    example: '20',
    meaning: 'most pods',
    parse: map(podCount(0), zeroMeans('unlimited')),
  }),
  'initial-scale': shared({
    initial: undefined,
    defaultMeans: 'live replicas at onboarding',
    legal: wholePods,
    example: '2',
    meaning: 'count held until that many were ready once',
    parse: podCount(0),
  }),
  'activation-scale': shared({
    initial: '1',
    legal: 'a whole number from 1, at most max-scale',
    example: '2',
    meaning: 'a wake goes at least to the higher of min-scale and this',
    parse: podCount(1),
  }),
  metric: shared({
    initial: 'concurrency',
    legal: 'concurrency, rps, held, latency, cpu or memory, comma separated (the highest wins)',
    example: 'concurrency,rps',
    meaning: 'what drives the count',
    parse: metrics,
  }),
  target: shared({
    initial: undefined,
    defaultMeans: 'concurrency 100, rps 200',
    legal:
      'a number from 0.01 (latency: a duration, cpu: a percentage, memory: a quantity); with several metrics one for each, such as concurrency=50,rps=200,latency=250ms,cpu=80%,memory=512Mi',
    example: '50',
    meaning: 'per pod, before utilization; never above container-concurrency; latency is a p95, cpu a share of the request',
    parse: target,
  }),
  'target-utilization-percentage': shared({
    initial: '70',
    legal: 'a percentage from 1 to 100',
    example: '80',
    meaning: 'share of the target at which to scale; latency, cpu and memory scale at the whole target',
    parse: percentage(1, 100),
  }),
  'container-concurrency': scaling({
    initial: '0',
    defaultMeans: '0 = no limit',
    legal: 'a whole number from 0 to 1000',
    example: '10',
    meaning: 'hard limit of requests in flight per pod',
    parse: map(integer(0, 1000), zeroMeans('unlimited')),
  }),
  'target-burst-capacity': shared({
    initial: '211',
    legal: '-1 (always in the path) or a number from 0',
    example: '100',
    meaning: 'spare capacity below which the gateway stays in the path (path direct)',
    parse: map(
      decimal((value) => value >= 0 || value === -1),
      (value) => (value === -1 ? 'unlimited' : value),
    ),
  }),
  window: shared({
    initial: '60s',
    legal: 'a duration from 6s to 1h in whole seconds',
    example: '90s',
    meaning: 'the stable window: over how long the load is averaged',
    parse: duration(6000, hour, 1000),
  }),
  'panic-window-percentage': shared({
    initial: '10',
    legal: 'a percentage from 1 to 100',
    example: '10',
    meaning: 'share of the window that the panic window spans',
    parse: percentage(1, 100),
  }),
  'panic-threshold-percentage': shared({
    initial: '200',
    legal: 'a percentage from 110 to 1000',
    example: '150',
    meaning: 'panic starts where the panic window asks for this share of the ready pods',
    parse: percentage(110, 1000),
  }),
  'metric-aggregation-algorithm': shared({
    initial: 'linear',
    legal: 'linear or weighted-exponential',
    example: 'weighted-exponential',
    meaning: 'how seconds of a window are averaged',
    // `weightedExponential` is Knative's older spelling; manifests still carry it.
    parse: map(oneOf('linear', 'weighted-exponential', 'weightedExponential'), (word) => (word === 'linear' ? word : 'weighted-exponential')),
  }),
  'max-scale-up-rate': scaling({
    initial: '1000',
    legal: 'a number above 1',
    example: '10',
    meaning: 'most growth per decision, as a multiple',
    parse: decimal((value) => value > 1),
  }),
  'max-scale-down-rate': scaling({
    initial: '2',
    legal: 'a number above 1',
    example: '2',
    meaning: 'most shrinking per decision, as a divisor',
    parse: decimal((value) => value > 1),
  }),
  'scale-down-delay': shared({
    initial: '0s',
    legal: 'a duration from 0s to 1h',
    example: '5m',
    meaning: 'the highest count of this long applies before going down',
    parse: duration(0, hour),
  }),
  'scale-to-zero-grace-period': scaling({
    initial: '30s',
    legal: 'a duration above 0s, at most 1h',
    example: '30s',
    meaning: 'accepted for manifests made for Knative, no effect: the last pod always waits until requests would be held',
    parse: duration(1, hour),
  }),
  'scale-to-zero-pod-retention-period': shared({
    initial: '0s',
    legal: 'a duration from 0s to 1h',
    example: '10m',
    meaning: 'shortest life of the last pod after idleness',
    parse: duration(0, hour),
  }),
  schedule: scaling({
    initial: undefined,
    legal: 'a YAML list of {days, from, to, timezone, min?, max?}',
    example: '[{days: mon-fri, from: "08:00", to: "18:00", timezone: Europe/Vienna, min: 2}]',
    meaning: 'floor and ceiling by calendar, right over daylight-saving changes',
    parse: schedule,
  }),
  formula: scaling({
    initial: undefined,
    legal: 'an expression over metric names, ready and starting',
    example: 'max(concurrency / 50, rps / 200)',
    meaning: 'desired pods; replaces "the highest wins"',
    parse: freeText(1000),
  }),
  'fallback-scale': scaling({
    initial: undefined,
    legal: wholePods,
    example: '3',
    meaning: 'count when every metric has been missing for fallback-after',
    parse: podCount(0),
  }),
  'fallback-after': scaling({
    initial: '3m',
    legal: 'a duration from 10s to 24h',
    example: '5m',
    meaning: 'how long every metric has to be missing before fallback-scale applies',
    parse: duration(10_000, 24 * hour),
  }),
} as const;
