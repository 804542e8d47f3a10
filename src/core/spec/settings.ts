import type { Millis } from '../units.ts';
import { ignoreRequests } from './ignore-requests.ts';
import { decimal, duration, flag, freeText, integer, map, names, oneOf, percentage, podCount, type Parse, type Parsed } from './scalars.ts';
import { protocols } from './scale-spec.ts';
import { schedule } from './schedule.ts';
import { selector } from './selector.ts';
import { metrics, target } from './targets.ts';

export const sections = ['Onboarding', 'Scaling', 'Traffic', 'Placement'] as const;
export type Section = (typeof sections)[number];

/** One setting as users see it, and how it is read. The parser, the check of `rouse-config` and the reference page all come from this table. */
export interface Setting<T> {
  readonly section: Section;
  /** What is read where nothing is written; undefined: the setting is then absent. */
  readonly initial: string | undefined;
  /** The default in words, where it is not `initial` itself. */
  readonly defaultMeans?: string;
  /** What may be written, as the end of "it takes …". */
  readonly legal: string;
  readonly example: string;
  readonly meaning: string;
  /** Also read as `autoscaling.knative.dev/<name>` and its camelCase alias: Knative has the setting. */
  readonly knative: boolean;
  readonly parse: Parse<T>;
}

type Told<T> = Omit<Setting<T>, 'section' | 'knative'>;
const onboarding = <T>(told: Told<T>): Setting<T> => ({ ...told, section: 'Onboarding', knative: false });
const scaling = <T>(told: Told<T>): Setting<T> => ({ ...told, section: 'Scaling', knative: false });
const shared = <T>(told: Told<T>): Setting<T> => ({ ...told, section: 'Scaling', knative: true });
const traffic = <T>(told: Told<T>): Setting<T> => ({ ...told, section: 'Traffic', knative: false });
const placement = <T>(told: Told<T>): Setting<T> => ({ ...told, section: 'Placement', knative: false });

const hour = 3_600_000;
const zeroMeans =
  <Word extends string>(word: Word) =>
  <T extends number>(value: T): T | Word =>
    value === 0 ? word : value;
const upToADay = (): Parse<Millis | 'off'> => map(duration(0, 24 * hour), zeroMeans('off'));
const wholePods = 'a whole number from 0';

export const settings = {
  mode: onboarding({
    initial: 'enforce',
    legal: 'enforce or observe',
    example: 'observe',
    meaning: 'observe: traffic is pointed and metered as path says, decisions are made and published, replicas are never written (dry run)',
    parse: oneOf('enforce', 'observe'),
  }),
  path: onboarding({
    initial: undefined,
    defaultMeans: 'gateway if a Service selects the pods, else none',
    legal: 'gateway, direct or none',
    example: 'gateway',
    meaning: 'how traffic reaches the pods',
    parse: oneOf('gateway', 'direct', 'none'),
  }),
  services: onboarding({
    initial: undefined,
    defaultMeans: 'every Service that selects the pods and is not headless',
    legal: 'names of Services in the same namespace, comma separated',
    example: 'web,web-admin',
    meaning: 'which Services belong to the workload',
    parse: names,
  }),
  pause: onboarding({
    initial: undefined,
    legal: 'true, up or down',
    example: 'true',
    meaning: 'freezes the count, or forbids one direction; a wake under true or up fails held requests early and says so',
    parse: oneOf('true', 'up', 'down'),
  }),
  'adopt-hpa': onboarding({
    initial: undefined,
    legal: 'true',
    example: 'true',
    meaning: 'takes over the HorizontalPodAutoscaler on this target: removes it, and gives it back on off-boarding',
    parse: map(oneOf('true'), () => true),
  }),
  'manual-override': onboarding({
    initial: '10m',
    legal: 'a duration from 0s to 24h',
    example: '30m',
    meaning: 'how long a count set by kubectl scale is honoured',
    parse: duration(0, 24 * hour),
  }),
  policy: onboarding({
    initial: 'rouse',
    legal: 'rouse or kpa',
    example: 'kpa',
    meaning: "kpa: Knative's algorithm to the number; rouse: the same with its known defects mended",
    parse: oneOf('rouse', 'kpa'),
  }),

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
    legal: 'a number from 0.01; with several metrics one for each, such as concurrency=50,rps=200,latency=250ms,cpu=80%,memory=512Mi',
    example: '50',
    meaning: 'per pod, before utilization; never above container-concurrency',
    parse: target,
  }),
  'target-utilization-percentage': shared({
    initial: '70',
    legal: 'a percentage from 1 to 100',
    example: '80',
    meaning: 'share of the target at which to scale',
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
    meaning: 'longest wait for the path to change before the last pod goes',
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

  protocol: traffic({
    initial: undefined,
    defaultMeans: "the Service's appProtocol, else its port name, else http1",
    legal: 'http1, h2c, grpc or tcp',
    example: 'h2c',
    meaning: 'what the pods speak',
    parse: oneOf(...protocols),
  }),
  'hold-queue-depth': traffic({
    initial: '1000',
    legal: 'a whole number from 0 to 100000',
    example: '500',
    meaning: 'most requests held per gateway; over it: 503 with Retry-After',
    parse: integer(0, 100_000),
  }),
  'hold-timeout': traffic({
    initial: '60s',
    legal: 'a duration from 0s (never hold) to 1h',
    example: '30s',
    meaning: 'longest hold',
    parse: map(duration(0, hour), zeroMeans('never-hold')),
  }),
  'waiting-page': traffic({
    initial: 'false',
    legal: 'true or false',
    example: 'true',
    meaning: 'browsers get a page that refreshes itself instead of being held',
    parse: flag,
  }),
  'request-timeout': traffic({
    initial: '0s',
    defaultMeans: '0s = off',
    legal: 'a duration from 0s (off) to 24h',
    example: '10m',
    meaning: 'longest time for a whole request',
    parse: upToADay(),
  }),
  'response-start-timeout': traffic({
    initial: '300s',
    legal: 'a duration from 0s (off) to 24h',
    example: '30s',
    meaning: 'longest time until the response begins',
    parse: upToADay(),
  }),
  'idle-timeout': traffic({
    initial: '0s',
    defaultMeans: '0s = off',
    legal: 'a duration from 0s (off) to 24h',
    example: '5m',
    meaning: 'longest silence within a response',
    parse: upToADay(),
  }),
  'ignore-requests': traffic({
    initial: '[{userAgent: kube-probe/}]',
    defaultMeans: "the kubelet's probes",
    legal: 'a YAML list of {path?, userAgent?, header?}',
    example: '[{path: /healthz}, {userAgent: Prometheus/}]',
    meaning: 'requests that are not counted and never wake; path and userAgent are beginnings, header is a name that is there',
    parse: ignoreRequests,
  }),

  placement: placement({
    initial: 'warm',
    legal: 'warm, spread, pack or off',
    example: 'spread',
    meaning: 'which score leads when a node is chosen',
    parse: oneOf('warm', 'spread', 'pack', 'off'),
  }),
  'base-replicas': placement({ initial: undefined, legal: wholePods, example: '2', meaning: 'the first pods, which go to base-nodes', parse: podCount(0) }),
  'base-nodes': placement({
    initial: undefined,
    legal: 'a label selector',
    example: 'capacity=on-demand',
    meaning: 'stable nodes, for the first pods',
    parse: selector,
  }),
  'burst-nodes': placement({ initial: undefined, legal: 'a label selector', example: 'capacity=spot', meaning: 'cheap nodes, for the rest', parse: selector }),
} as const satisfies Readonly<Record<string, Setting<unknown>>>;

export type SettingName = keyof typeof settings;
export type SettingValue<Name extends SettingName> = Parsed<(typeof settings)[Name]['parse']>;
export const settingNames: readonly SettingName[] = Object.keys(settings) as SettingName[];

/** Names that later versions will read: refused instead of ignored, so that nobody relies on what is not there. */
export const laterSettings: ReadonlyMap<string, string> = new Map([
  ['triggers', 'queues and other sources that drive the count'],
  ['traffic', 'shares of traffic by revision'],
  ['tags', 'names for revisions'],
  ['rollout-duration', 'gradual shift of traffic to a new revision'],
  ['revision-history-limit', 'how many revisions are kept'],
]);

/** True if the cluster (`rouse-config`) and a Namespace may set it as a default for their workloads. */
export const isInherited = (name: SettingName): boolean => settings[name].section === 'Scaling' || settings[name].section === 'Traffic';
