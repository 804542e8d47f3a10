/** Of the chosen workloads. */
export const chosen = '{namespace=~"$namespace",workload=~"$workload"}';

/** Every controller shows all workloads; what is acted on is what the leader has. */
export const led = (expr: string): string => `(${expr}) and on (job, instance) rouse_leader == 1`;

/** `expr` of the leader, summed by these labels. */
export const ledBy = (labels: string, expr: string): string => `sum by (${labels}) (${led(expr)})`;

/** Per second, summed by these labels. */
export const rateBy = (labels: string, series: string): string => `sum by (${labels}) (rate(${series}[$__rate_interval]))`;

/** A quantile of a histogram, by these labels. */
export const quantile = (q: number, histogram: string, matchers: string, labels = ''): string =>
  `histogram_quantile(${q}, sum by (${[labels, 'le'].filter((label) => label !== '').join(', ')}) (rate(${histogram}_bucket${matchers}[$__rate_interval])))`;
