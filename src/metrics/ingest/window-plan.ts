import { askedMetrics, gatewayMetrics, isResourceMetric, type GatewayMetric, type MetricName, type ResourceMetric, type ScaleSpec } from '../../core/index.ts';

export const isGatewayMetric = (metric: MetricName): metric is GatewayMetric => gatewayMetrics.some((name) => name === metric);

/** Which windows a spec asks for. Workloads whose specs ask for the same share one. */
export interface WindowPlan {
  readonly stableSeconds: number;
  readonly panicSeconds: number;
  /** Everything that is read. */
  readonly asked: readonly MetricName[];
  /** Those of them that have windows of sums. */
  readonly metrics: readonly GatewayMetric[];
  /** Those that are of what pods use. */
  readonly resources: readonly ResourceMetric[];
  /** Windows stay without load, so that their zeros count against a first burst: pods run all the time. */
  readonly keeps: boolean;
}

/** For a workload whose spec is not known yet (history may be replayed before the watch has brought it): long enough for most. */
export const unknownPlan: WindowPlan = { stableSeconds: 600, panicSeconds: 60, asked: gatewayMetrics, metrics: gatewayMetrics, resources: [], keeps: false };

/**
 * Rounded to the second, at least one (pkg/reconciler/autoscaling/resources/metric.go). Knative's window has the second in it that is under way, of which nothing is known yet. Under
 * `rouse` averages are as of the last whole second: with as many known seconds in the window a burst is seen as soon.
 */
const panicSeconds = ({ policy, scaling: { stableWindow, panicWindowShare } }: ScaleSpec): number =>
  Math.max(1, Math.round((stableWindow / 1000) * panicWindowShare) - (policy === 'rouse' ? 1 : 0));

/** Distinct plans kept; there are as many as ways in which users set windows and metrics. */
const mostPlans = 1000;

export class WindowPlans {
  readonly #shared = new Map<string, WindowPlan>();
  /** What more than one metric, or a formula, asks for takes long to find out. */
  readonly #found = new WeakMap<ScaleSpec, WindowPlan>();

  /** The plan of a spec; `known` itself where that still is it. */
  of(spec: ScaleSpec, known: WindowPlan | undefined): WindowPlan {
    const { metrics, formula, stableWindow, min } = spec.scaling;
    const [only] = metrics;
    if (formula !== undefined || metrics.length !== 1 || only === undefined || only.metric === 'latency') return this.#foundOnce(spec);
    if (known === undefined || known.asked.length !== 1 || known.asked[0] !== only.metric) return this.#plan(spec);
    const isSame = known.stableSeconds === stableWindow / 1000 && known.panicSeconds === panicSeconds(spec) && known.keeps === min > 0;
    return isSame ? known : this.#plan(spec);
  }

  #foundOnce(spec: ScaleSpec): WindowPlan {
    const known = this.#found.get(spec);
    if (known !== undefined) return known;
    const plan = this.#plan(spec);
    this.#found.set(spec, plan);
    return plan;
  }

  #plan(spec: ScaleSpec): WindowPlan {
    const asked = askedMetrics(spec);
    const plan: WindowPlan = {
      stableSeconds: spec.scaling.stableWindow / 1000,
      panicSeconds: panicSeconds(spec),
      asked,
      metrics: gatewayMetrics.filter((name) => asked.includes(name)),
      resources: asked.filter(isResourceMetric),
      keeps: spec.scaling.min > 0,
    };
    const text = JSON.stringify(plan);
    const known = this.#shared.get(text);
    if (known !== undefined) return known;
    if (this.#shared.size >= mostPlans) this.#shared.clear();
    this.#shared.set(text, plan);
    return plan;
  }
}
