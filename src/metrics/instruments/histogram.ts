/** A histogram as plain numbers: `counts[i]` is what fell at or below `bounds[i]` and above the bound before, the last one what lay above all. */
export interface PlainHistogram {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
  readonly count: number;
}

/** A histogram that can be added to; costs one small array per series. */
export class CountingHistogram implements PlainHistogram {
  readonly bounds: readonly number[];
  readonly counts: number[];
  #sum = 0;
  #count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  get sum(): number {
    return this.#sum;
  }

  get count(): number {
    return this.#count;
  }

  /** Values that are no number, or negative, are left out. */
  observe(value: number): void {
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) return;
    const found = this.bounds.findIndex((bound) => value <= bound);
    const slot = found === -1 ? this.bounds.length : found;
    this.counts[slot] = (this.counts[slot] ?? 0) + 1;
    this.#sum += value;
    this.#count += 1;
  }
}

export type Labels = Readonly<Record<string, string>>;

const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
const labelText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(',');

/**
 * The exposition of histograms that are kept as plain numbers: prom-client's own cannot be set from outside.
 * Format: https://prometheus.io/docs/instrumenting/exposition_formats/.
 */
export const exposeHistogram = (name: string, help: string, series: Iterable<{ readonly labels: Labels; readonly histogram: PlainHistogram }>): string => {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
  for (const { labels, histogram } of series) {
    // A gateway has a hundred thousand of these lines, and serves nobody while it writes them.
    const of = labelText(labels);
    const bucket = `${name}_bucket{${of}${of === '' ? '' : ','}le="`;
    let below = 0;
    histogram.bounds.forEach((bound, index) => {
      below += histogram.counts[index] ?? 0;
      lines.push(`${bucket}${bound}"} ${below}`);
    });
    lines.push(`${bucket}+Inf"} ${histogram.count}`, `${name}_sum{${of}} ${histogram.sum}`, `${name}_count{${of}} ${histogram.count}`);
  }
  return `${lines.join('\n')}\n`;
};
