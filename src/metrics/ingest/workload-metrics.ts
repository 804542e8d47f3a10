import {
  askedMetrics,
  isResourceMetric,
  millis,
  seconds,
  type Clock,
  type GatewayId,
  type Instant,
  type MetricName,
  type MetricReading,
  type Millis,
  type Poke,
  type Report,
  type ScaleSpec,
  type WorkloadKey,
  type WorkloadReport,
} from '../../core/index.ts';
import type { Aggregation, WindowAverages } from '../window/load-window.ts';
import { latencyReading } from './latency-reading.ts';
import { isSoundFigures, isSoundReport } from './clean.ts';
import { GatewayFigures } from './gateway-figures.ts';
import type { Drops, ResourceReadings, WorkloadLoad, WorkloadMetrics, WorkloadMetricsOptions } from './ports.ts';
import { join, type Span } from './span.ts';
import { SteadyTime } from './steady-time.ts';
import { isGatewayMetric, perSecond, withStanding, WorkloadSeries, type GatewayMetric, type Metering } from './workload-series.ts';

/** What was there within this time of our start was there before it. */
const startMs = 30_000;
const unaskedAfterMs = 300_000;
const sweepEveryMs = 60_000;
/** The smallest mean that is told: the windows round to six decimals. */
const leastLoad = 1e-6;

class Metrics implements WorkloadMetrics {
  readonly #clock: Clock;
  readonly #absentAfter: number;
  readonly #standFor: number;
  readonly #settledAt: number;
  readonly #startedUntil: number;
  readonly #mostWorkloads: number;
  readonly #metering: ((key: WorkloadKey) => Metering) | undefined;
  readonly #resources: ResourceReadings | undefined;
  readonly #time = new SteadyTime();
  readonly #gateways = new Map<GatewayId, GatewayFigures>();
  readonly #workloads = new Map<WorkloadKey, WorkloadSeries>();
  readonly #drops = { late: 0, doubled: 0, invalid: 0, unknownGateway: 0, overLimit: 0 };
  /** Seconds of which it is known what the gateways did. */
  #covered: Span | undefined;
  /** End of the newest interval that any gateway reported; stays when all of them are gone. */
  #endedAt: number | undefined;
  #sweptAt: number;

  constructor({
    clock,
    absentAfter = seconds(3),
    standFor = seconds(600),
    settleFor = seconds(5),
    metering,
    resources,
    mostWorkloads = 100_000,
  }: WorkloadMetricsOptions) {
    this.#clock = clock;
    this.#absentAfter = absentAfter;
    this.#standFor = standFor;
    this.#mostWorkloads = mostWorkloads;
    this.#metering = metering;
    this.#resources = resources;
    this.#sweptAt = this.#time.at(clock.now());
    this.#settledAt = this.#sweptAt + settleFor;
    this.#startedUntil = this.#sweptAt + startMs;
  }

  get drops(): Drops {
    return { ...this.#drops };
  }

  gatewayJoined(id: GatewayId): void {
    const known = this.#gateways.get(id);
    if (known === undefined) this.#gateways.set(id, new GatewayFigures(this.#now()));
    else known.connected();
  }

  gatewayLeft(id: GatewayId, graceful: boolean): void {
    if (graceful) this.#gateways.delete(id);
    else this.#gateways.get(id)?.lost(this.#now());
  }

  ingest(id: GatewayId, report: Report, receivedAt: Instant): void {
    const now = this.#time.at(receivedAt);
    const gateway = this.#gateways.get(id);
    if (gateway === undefined) this.#drops.unknownGateway += 1;
    else if (!isSoundReport(report)) this.#drops.invalid += 1;
    else if (gateway.isKnown(report)) this.#drops.doubled += 1;
    else this.#take(gateway, report, now);
    this.#sweep(now);
  }

  poke(id: GatewayId, poke: Poke): void {
    this.#gateways.get(id)?.poke(poke);
  }

  forget(key: WorkloadKey): void {
    this.#workloads.delete(key);
    for (const gateway of this.#gateways.values()) gateway.forget(key);
    this.#resources?.forget(key);
  }

  observe(key: WorkloadKey, spec: ScaleSpec, wall: Instant): WorkloadLoad {
    const now = this.#time.at(wall);
    this.#expire(now);
    const series = this.#series(key, now);
    const newest = this.#covered?.to;
    series?.follow(spec, now, spec.policy === 'kpa' ? now / 1000 : (newest ?? now / 1000));
    if (newest !== undefined) series?.silence(newest);
    const metering = meteringOf(spec) ?? this.#metering?.(key) ?? 'full';
    series?.meter(metering, now, now < this.#startedUntil);
    return {
      metrics: askedMetrics(spec).map((metric) => this.#reading(metric, key, metering === 'none' ? undefined : series, spec, now)),
      ...this.#present(key),
      warm:
        this.#resources?.isWarm(key, spec) !== false &&
        this.#isWarm(spec.scaling.stableWindow, now) &&
        (metering === 'none' || series?.isMeteredFor(spec.scaling.stableWindow, now) === true),
      absentGateways: [...this.#gateways.values()].filter((gateway) => gateway.isAbsent(now, this.#absentAfter)).length,
    };
  }

  #now(): number {
    return this.#time.at(this.#clock.now());
  }

  #take(gateway: GatewayFigures, report: Report, now: number): void {
    const sound = report.workloads.filter(isSoundFigures);
    this.#drops.invalid += report.workloads.length - sound.length;
    const span = gateway.take(report, now, sound);
    if (span === undefined) this.#drops.doubled += 1;
    else for (const figures of sound) this.#record(figures, span, now);
    if (gateway.covered !== undefined) this.#covered = join(this.#covered, gateway.covered, this.#absentAfter / 1000);
    this.#endedAt = Math.max(this.#endedAt ?? 0, gateway.endedAt ?? 0);
  }

  #record(figures: WorkloadReport, span: Span, now: number): void {
    const series = this.#series(figures.workload, now);
    if (series === undefined) return;
    const fate = series.record(figures, span);
    if (fate !== 'kept') this.#drops[fate] += 1;
  }

  #series(key: WorkloadKey, now: number): WorkloadSeries | undefined {
    const known = this.#workloads.get(key);
    if (known !== undefined) return known;
    if (this.#workloads.size >= this.#mostWorkloads) {
      this.#drops.overLimit += 1;
      return undefined;
    }
    const series = new WorkloadSeries(now);
    this.#workloads.set(key, series);
    return series;
  }

  #reading(metric: MetricName, key: WorkloadKey, series: WorkloadSeries | undefined, spec: ScaleSpec, now: number): MetricReading {
    const age = this.#endedAt === undefined ? undefined : millis(Math.max(0, now - this.#endedAt));
    const known = [...this.#gateways.values()].some((gateway) => gateway.newest !== undefined);
    if (isResourceMetric(metric)) return this.#resources?.reading(metric, key, spec) ?? { metric, kind: 'no-data', age: undefined };
    if (!known || series === undefined || age === undefined) return { metric, kind: 'no-data', age };
    if (!isGatewayMetric(metric)) return latencyReading(series, this.#covered?.to ?? 0, age);
    return { metric, kind: 'value', ...this.#averages(metric, key, series, spec, now), age };
  }

  /** Under `rouse` as of the newest second that was reported, with the last figures of gateways that are behind; under `kpa` as Knative would. */
  #averages(metric: GatewayMetric, key: WorkloadKey, series: WorkloadSeries, spec: ScaleSpec, now: number): WindowAverages {
    const { aggregation } = spec.scaling;
    const newest = this.#covered?.to ?? 0;
    const window = series.window(metric);
    if (spec.policy === 'kpa') return window?.averages(now / 1000, aggregation) ?? { stable: 0, panic: 0 };
    let averages = window?.averages(newest, aggregation) ?? { stable: 0, panic: 0 };
    for (const gateway of this.#gateways.values()) {
      const figures = gateway.figures(key);
      if (figures === undefined || gateway.newest === undefined || gateway.newest >= newest) continue;
      averages = withStanding(averages, sharesOf(series, metric, newest - gateway.newest, aggregation), perSecond(metric, figures, 1));
    }
    // Very short requests must not be rounded away: a window with load is not idle.
    return series.isLoaded(newest) ? { ...averages, stable: Math.max(averages.stable, leastLoad) } : averages;
  }

  #present(key: WorkloadKey): Pick<WorkloadLoad, 'held' | 'inFlight' | 'inFlightByPod'> {
    let [held, inFlight] = [0, 0];
    const inFlightByPod = new Map<string, number>();
    for (const gateway of this.#gateways.values()) {
      held += gateway.held(key);
      const figures = gateway.figures(key);
      if (figures === undefined) continue;
      inFlight += figures.inFlight;
      for (const [pod, count] of Object.entries(figures.inFlightByPod)) inFlightByPod.set(pod, (inFlightByPod.get(pod) ?? 0) + count);
    }
    return { held, inFlight, inFlightByPod };
  }

  #isWarm(stableWindow: Millis, now: number): boolean {
    const covered = this.#covered;
    return now >= this.#settledAt && covered !== undefined && (covered.to - covered.from + 1) * 1000 >= stableWindow;
  }

  /** A gateway that has been lost for too long is taken for gone: it must not keep every workload from going down for ever. */
  #expire(now: number): void {
    for (const [id, { lostAt }] of this.#gateways) if (lostAt !== undefined && now - lostAt > this.#standFor) this.#gateways.delete(id);
  }

  #sweep(now: number): void {
    if (now - this.#sweptAt < sweepEveryMs) return;
    this.#sweptAt = now;
    for (const [key, series] of this.#workloads) if (now - series.askedAt > unaskedAfterMs) this.#workloads.delete(key);
  }
}

/** Where the spec alone says that the gateways are not in the path of every request. */
const meteringOf = ({ path }: ScaleSpec): Metering | undefined => (path === 'none' || path === 'direct' ? 'none' : undefined);

/** Without a window the standing load is all there is. */
const sharesOf = (series: WorkloadSeries, metric: GatewayMetric, behind: number, aggregation: Aggregation): WindowAverages =>
  series.window(metric)?.shares(behind, aggregation) ?? { stable: 1, panic: 1 };

/** Collects the reports of all gateways and tells each workload's load. Give it the same wall clock that its callers use. */
export const createWorkloadMetrics = (options: WorkloadMetricsOptions): WorkloadMetrics => new Metrics(options);
