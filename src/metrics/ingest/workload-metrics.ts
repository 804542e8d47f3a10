import {
  isResourceMetric,
  millis,
  seconds,
  type Clock,
  type GatewayId,
  type GatewayMetric,
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
import { isSoundFigures, isSoundReport } from './clean.ts';
import { GatewayFigures } from './gateway-figures.ts';
import { IdleWorkloads } from './idle-workloads.ts';
import { isMeteredFor, meteredSince, type Metering } from './metering.ts';
import type { Drops, ResourceReadings, WorkloadLoad, WorkloadMetrics, WorkloadMetricsOptions } from './ports.ts';
import { latencyReading } from './latency-reading.ts';
import { LoadNow } from './load-now.ts';
import { join, type Span } from './span.ts';
import { SteadyTime } from './steady-time.ts';
import { isGatewayMetric, WindowPlans, type WindowPlan } from './window-plan.ts';
import { withStanding, WorkloadSeries } from './workload-series.ts';

/** What was there within this time of our start was there before it. */
const startMs = 30_000;
const sweepEveryMs = 60_000;
/** A series that nobody has asked for over so many sweeps goes. */
const unaskedSweeps = 5;
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
  readonly #keyOf: (key: WorkloadKey) => WorkloadKey | undefined;
  readonly #resources: ResourceReadings | undefined;
  readonly #time = new SteadyTime();
  readonly #gateways = new Map<GatewayId, GatewayFigures>();
  readonly #plans = new WindowPlans();
  /** Every workload that is asked for or reported is in one of the two. */
  readonly #loaded = new Map<WorkloadKey, WorkloadSeries>();
  readonly #idle = new IdleWorkloads();
  readonly #freeSlots: number[] = [];
  readonly #drops = { late: 0, doubled: 0, invalid: 0, unknownGateway: 0, overLimit: 0 };
  /** Seconds of which it is known what the gateways did. */
  #covered: Span | undefined;
  /** End of the newest interval that any gateway reported; stays when all of them are gone. */
  #endedAt: number | undefined;
  /** Undefined once any gateway has said anything since. */
  #gatewaysNow: GatewaysAt | undefined;
  #sweptAt: number;
  #sweeps = 0;
  /** When figures were last left out for want of room: their workloads must not be taken for idle. */
  #leftOutAt = Number.NEGATIVE_INFINITY;

  constructor({
    clock,
    absentAfter = seconds(3),
    standFor = seconds(600),
    settleFor = seconds(5),
    metering,
    keyOf = () => undefined,
    resources,
    mostWorkloads = 100_000,
  }: WorkloadMetricsOptions) {
    this.#clock = clock;
    this.#absentAfter = absentAfter;
    this.#standFor = standFor;
    this.#mostWorkloads = mostWorkloads;
    this.#metering = metering;
    this.#keyOf = keyOf;
    this.#resources = resources;
    this.#sweptAt = this.#time.at(clock.now());
    this.#settledAt = this.#sweptAt + settleFor;
    this.#startedUntil = this.#sweptAt + startMs;
  }

  get drops(): Drops {
    return { ...this.#drops };
  }

  gatewayJoined(id: GatewayId): void {
    this.#gatewaysNow = undefined;
    const known = this.#gateways.get(id);
    if (known === undefined) this.#gateways.set(id, new GatewayFigures(this.#now()));
    else known.connected();
  }

  gatewayLeft(id: GatewayId, graceful: boolean): void {
    this.#gatewaysNow = undefined;
    if (graceful) this.#gateways.delete(id);
    else this.#gateways.get(id)?.lost(this.#now());
  }

  ingest(id: GatewayId, report: Report, receivedAt: Instant): void {
    const now = this.#time.at(receivedAt);
    this.#gatewaysNow = undefined;
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
    this.#drop(key);
    this.#idle.delete(key);
    for (const gateway of this.#gateways.values()) gateway.forget(key);
    this.#resources?.forget(key);
  }

  observe(key: WorkloadKey, spec: ScaleSpec, wall: Instant): WorkloadLoad {
    const now = this.#time.at(wall);
    const { absent, isKnown } = this.#gatewaysAt(now);
    const metering = meteringOf(spec) ?? this.#metering?.(key) ?? 'full';
    const { plan, series, since } = this.#follow(key, spec, metering, now);
    const windows = metering === 'none' ? 'none' : series;
    const metrics = new Array<MetricReading>(plan.asked.length);
    let index = 0;
    for (const metric of plan.asked) metrics[index++] = this.#reading(metric, key, isKnown, windows, spec, now);
    const { stableWindow } = spec.scaling;
    const isMetered = metering === 'none' || isMeteredFor(since, stableWindow, now);
    const warm = isMetered && this.#isWarm(stableWindow, now) && plan.resources.every((metric) => this.#resources?.isWarm(metric, key, spec) !== false);
    return new LoadNow(metrics, warm, absent, key, series?.slot, this.#gateways);
  }

  isQuiet(key: WorkloadKey): boolean {
    if (this.#idle.get(key) === undefined) return false;
    let isTold = false;
    for (const gateway of this.#gateways.values()) {
      if (gateway.held(key, undefined) > 0) return false;
      // What a lost one said ends to count by itself.
      isTold ||= gateway.newest !== undefined && gateway.lostAt === undefined;
    }
    return isTold;
  }

  /** Brings what is kept of the workload up to `now`: a series while it has load, next to nothing without. */
  #follow(key: WorkloadKey, spec: ScaleSpec, metering: Metering, now: number): Followed {
    const newest = this.#covered?.to;
    const known = this.#loaded.get(key);
    const plan = this.#plans.of(spec, known?.plan ?? this.#idle.get(key)?.plan);
    const afterStart = now < this.#startedUntil;
    if (known === undefined && !plan.keeps)
      return { plan, series: undefined, since: this.#idle.look(key, plan, 'unseen', metering, now, afterStart).meteredSince };
    const series = known ?? this.#begin(key);
    series.askedIn = this.#sweeps;
    series.meteredSince = meteredSince(series.meteredSince, metering, now, afterStart);
    series.follow(plan, spec.policy === 'kpa' ? now / 1000 : (newest ?? now / 1000));
    if (newest !== undefined) series.silence(newest);
    if (newest === undefined || plan.keeps || series.isLoaded(newest) || this.#stands(series)) return { plan, series, since: series.meteredSince };
    this.#drop(key);
    return { plan, series: undefined, since: this.#idle.look(key, plan, series.meteredSince, metering, now, afterStart).meteredSince };
  }

  #now(): number {
    return this.#time.at(this.#clock.now());
  }

  #take(gateway: GatewayFigures, report: Report, now: number): void {
    const span = gateway.take(report, now);
    if (span === undefined) this.#drops.doubled += 1;
    for (const figures of report.workloads) {
      if (isSoundFigures(figures)) this.#record(gateway, figures, span, now);
      else this.#drops.invalid += 1;
    }
    if (gateway.covered !== undefined) this.#covered = join(this.#covered, gateway.covered, this.#absentAfter / 1000);
    this.#endedAt = Math.max(this.#endedAt ?? 0, gateway.endedAt ?? 0);
  }

  #record(gateway: GatewayFigures, figures: WorkloadReport, span: Span | undefined, now: number): void {
    const key = figures.workload;
    const series = this.#loaded.get(key) ?? (this.#hasRoomFor(key) ? this.#begin(key) : undefined);
    if (series === undefined) {
      this.#drops.overLimit += 1;
      this.#leftOutAt = now;
      return;
    }
    gateway.standing.set(series.slot, figures);
    const fate = span === undefined ? 'kept' : series.record(figures, span);
    if (fate !== 'kept') this.#drops[fate] += 1;
  }

  #hasRoomFor(key: WorkloadKey): boolean {
    return this.#loaded.size < this.#mostWorkloads || this.#idle.get(key) !== undefined;
  }

  #begin(key: WorkloadKey): WorkloadSeries {
    const series = new WorkloadSeries(this.#freeSlots.pop() ?? this.#loaded.size, this.#sweeps);
    this.#loaded.set(this.#keyOf(key) ?? key, series);
    const idle = this.#idle.get(key);
    if (idle === undefined) return series;
    series.follow(idle.plan, 0);
    series.meteredSince = idle.meteredSince;
    this.#idle.delete(key);
    return series;
  }

  #drop(key: WorkloadKey): void {
    const slot = this.#loaded.get(key)?.slot;
    if (slot === undefined) return;
    this.#loaded.delete(key);
    this.#freeSlots.push(slot);
    for (const { standing } of this.#gateways.values()) standing.clear(slot);
  }

  /** True while any gateway has something to say of it. */
  #stands({ slot }: WorkloadSeries): boolean {
    for (const { standing } of this.#gateways.values()) if (standing.has(slot)) return true;
    return false;
  }

  #reading(metric: MetricName, key: WorkloadKey, isKnown: boolean, series: WorkloadSeries | 'none' | undefined, spec: ScaleSpec, now: number): MetricReading {
    const age = this.#endedAt === undefined ? undefined : millis(Math.max(0, now - this.#endedAt));
    if (isResourceMetric(metric)) return this.#resources?.reading(metric, key, spec) ?? { metric, kind: 'no-data', age: undefined };
    if (series === 'none' || age === undefined || !isKnown) return { metric, kind: 'no-data', age };
    if (!isGatewayMetric(metric)) return latencyReading(series, this.#covered?.to ?? 0, age);
    const { stable, panic } = series === undefined ? noLoad : this.#averages(metric, series, spec, now);
    return { metric, kind: 'value', stable, panic, age };
  }

  /** Under `rouse` as of the newest second that was reported, with the last figures of gateways that are behind; under `kpa` as Knative would. */
  #averages(metric: GatewayMetric, series: WorkloadSeries, spec: ScaleSpec, now: number): WindowAverages {
    const { aggregation } = spec.scaling;
    const newest = this.#covered?.to ?? 0;
    const window = series.window(metric);
    if (spec.policy === 'kpa') return window?.averages(now / 1000, aggregation) ?? noLoad;
    let averages = window?.averages(newest, aggregation) ?? noLoad;
    for (const gateway of this.#gateways.values()) {
      if (gateway.newest === undefined || gateway.newest >= newest || !gateway.standing.has(series.slot)) continue;
      const shares = sharesOf(series, metric, newest - gateway.newest, aggregation);
      averages = withStanding(averages, shares, gateway.standing.perSecond(metric, series.slot));
    }
    // Very short requests must not be rounded away: a window with load is not idle.
    return averages.stable < leastLoad && series.isLoaded(newest) ? { ...averages, stable: leastLoad } : averages;
  }

  /** What holds for every workload: how many gateways should report and do not, and whether any ever has. Worked out once for all looks of one moment. */
  #gatewaysAt(now: number): GatewaysAt {
    if (this.#gatewaysNow?.at === now) return this.#gatewaysNow;
    this.#expire(now);
    let [absent, isKnown] = [0, false];
    for (const gateway of this.#gateways.values()) {
      if (gateway.isAbsent(now, this.#absentAfter)) absent += 1;
      isKnown ||= gateway.newest !== undefined;
    }
    this.#gatewaysNow = { at: now, absent, isKnown };
    return this.#gatewaysNow;
  }

  #isWarm(stableWindow: Millis, now: number): boolean {
    const covered = this.#covered;
    if (now - this.#leftOutAt < stableWindow) return false;
    return now >= this.#settledAt && covered !== undefined && (covered.to - covered.from + 1) * 1000 >= stableWindow;
  }

  /** A gateway that has been lost for too long is taken for gone: it must not keep every workload from going down for ever. */
  #expire(now: number): void {
    for (const [id, { lostAt }] of this.#gateways) if (lostAt !== undefined && now - lostAt > this.#standFor) this.#gateways.delete(id);
  }

  #sweep(now: number): void {
    if (now - this.#sweptAt < sweepEveryMs) return;
    this.#sweptAt = now;
    this.#sweeps += 1;
    for (const [key, series] of this.#loaded) if (this.#sweeps - series.askedIn > unaskedSweeps) this.#drop(key);
  }
}

/** What is kept of a workload, and since when its traffic is metered in full. */
interface Followed {
  readonly plan: WindowPlan;
  readonly series: WorkloadSeries | undefined;
  readonly since: WorkloadSeries['meteredSince'];
}

const noLoad: WindowAverages = { stable: 0, panic: 0 };

interface GatewaysAt {
  readonly at: number;
  readonly absent: number;
  readonly isKnown: boolean;
}

/** Where the spec alone says that the gateways are not in the path of every request. */
const meteringOf = ({ path }: ScaleSpec): Metering | undefined => (path === 'none' || path === 'direct' ? 'none' : undefined);

/** Without a window the standing load is all there is. */
const sharesOf = (series: WorkloadSeries, metric: GatewayMetric, behind: number, aggregation: Aggregation): WindowAverages =>
  series.window(metric)?.shares(behind, aggregation) ?? { stable: 1, panic: 1 };

/** Collects the reports of all gateways and tells each workload's load. Give it the same wall clock that its callers use. */
export const createWorkloadMetrics = (options: WorkloadMetricsOptions): WorkloadMetrics => new Metrics(options);
