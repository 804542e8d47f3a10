/** A counter or gauge whose series do not grow with the number of workloads, read at each scrape. */
export interface FewSeries {
  readonly name: string;
  /** One sentence or more. */
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly labels: readonly string[];
  readonly samples: () => Iterable<{ readonly labels: Readonly<Record<string, string>>; readonly value: number }>;
}

export const alone = (value: number): ReturnType<FewSeries['samples']> => [{ labels: {}, value }];

/** By the values of one label. */
export const byLabel = (label: string, values: Iterable<readonly [string, number]>): ReturnType<FewSeries['samples']> =>
  Array.from(values, ([text, value]) => ({ labels: { [label]: text }, value }));

/** As prom-client writes them. It is loaded at the first scrape (0.1 s, 20 MB): a process that nobody scrapes does without it. */
export const fewSeriesText = async (metrics: readonly FewSeries[]): Promise<string> => {
  const { Counter, Gauge, Registry } = await import('prom-client');
  const registry = new Registry();
  for (const { name, help, type, labels, samples } of metrics) {
    const configuration = { name, help, labelNames: [...labels], registers: [registry] };
    if (type === 'gauge') {
      const gauge = new Gauge(configuration);
      for (const sample of samples()) gauge.set(sample.labels, sample.value);
    } else {
      const counter = new Counter(configuration);
      for (const sample of samples()) counter.inc(sample.labels, sample.value);
    }
  }
  return `${await registry.metrics()}\n`;
};
