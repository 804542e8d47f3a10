import type { MetricName, ScaleSpec } from '../../core/index.ts';

/** Metrics that come from the reports of gateways. */
export const gatewayMetrics = ['concurrency', 'rps', 'held'] as const;
export type GatewayMetric = (typeof gatewayMetrics)[number];
export const isGatewayMetric = (metric: MetricName): metric is GatewayMetric => gatewayMetrics.some((name) => name === metric);

/** Which windows a spec asks for. Workloads whose specs ask for the same share one. */
export interface WindowPlan {
  readonly stableSeconds: number;
  readonly panicSeconds: number;
  readonly metrics: readonly GatewayMetric[];
  /** Windows stay without load, so that their zeros count against a first burst: pods run all the time. */
  readonly keeps: boolean;
}

/** For a workload whose spec is not known yet (history may be replayed before the watch has brought it): long enough for most. */
export const unknownPlan: WindowPlan = { stableSeconds: 600, panicSeconds: 60, metrics: gatewayMetrics, keeps: false };

/** Rounded to the second, at least one (pkg/reconciler/autoscaling/resources/metric.go). */
const panicSeconds = (stableWindowMs: number, share: number): number => Math.max(1, Math.round((stableWindowMs / 1000) * share));

/** Which of `gatewayMetrics` are asked for, as bits. */
const askedBits = ({ metrics, formula }: ScaleSpec['scaling']): number => {
  if (formula !== undefined) return (1 << gatewayMetrics.length) - 1;
  let bits = 0;
  for (const { metric } of metrics) if (isGatewayMetric(metric)) bits |= 1 << gatewayMetrics.indexOf(metric);
  return bits;
};

/** Distinct plans kept; there are as many as ways in which users set windows and metrics. */
const mostPlans = 1000;

export class WindowPlans {
  readonly #plans = new Map<string, WindowPlan>();

  /** The plan of a spec; `known` itself where that still is it. */
  of({ scaling }: ScaleSpec, known: WindowPlan | undefined): WindowPlan {
    const stable = scaling.stableWindow / 1000;
    const panic = panicSeconds(scaling.stableWindow, scaling.panicWindowShare);
    const keeps = scaling.min > 0;
    const asked = askedBits(scaling);
    if (known !== undefined && known.stableSeconds === stable && known.panicSeconds === panic && known.keeps === keeps && known.metrics === metricsOf[asked])
      return known;
    return this.#shared({ stableSeconds: stable, panicSeconds: panic, metrics: metricsOf[asked] ?? gatewayMetrics, keeps });
  }

  #shared(plan: WindowPlan): WindowPlan {
    const text = JSON.stringify(plan);
    const known = this.#plans.get(text);
    if (known !== undefined) return known;
    if (this.#plans.size >= mostPlans) this.#plans.clear();
    this.#plans.set(text, plan);
    return plan;
  }
}

/** Every set of metrics, by its bits. */
const metricsOf: readonly (readonly GatewayMetric[])[] = Array.from({ length: 1 << gatewayMetrics.length }, (_, bits) =>
  gatewayMetrics.filter((_name, index) => (bits & (1 << index)) !== 0),
);
