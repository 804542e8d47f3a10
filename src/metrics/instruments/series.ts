import { nextTurn, parseWorkloadKey, type WorkloadKey } from '../../core/index.ts';
import type { Labels } from './histogram.ts';

/** What one scrape gets. */
export interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

/** Numbers by labels, read at scrape. */
export type Samples = Iterable<{ readonly labels: Labels; readonly value: number }>;

export interface PlainMetric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly labels: readonly string[];
  readonly samples: () => Samples;
}

/** Workloads that get series of their own; more would make the scrape, and the server that stores it, too large. */
export const mostWorkloads = 5000;

/** `namespace` and `workload`: a Deployment by its name, every other kind as `resource.group/name`. */
export const workloadLabels = (key: WorkloadKey): Labels => {
  const ref = parseWorkloadKey(key);
  const [namespace = '', ...rest] = key.split('/');
  return { namespace: ref?.namespace ?? namespace, workload: rest.join('/') };
};

/**
 * Plain numbers as Prometheus text. prom-client is loaded at the first scrape (0.1 s, 20 MB), so that a process that nobody scrapes never
 * loads it. `more` are texts in the same format to put after it. Each metric is read in a turn of the event loop of its own: a gateway of thousands of workloads serves meanwhile.
 */
export const expositionOf = (metrics: readonly PlainMetric[], ...more: readonly (() => string)[]): (() => Promise<Exposition>) => {
  let scrape: (() => Promise<Exposition>) | undefined;
  return async () => {
    scrape ??= await registryOf(metrics, more);
    return scrape();
  };
};

const registryOf = async (metrics: readonly PlainMetric[], more: readonly (() => string)[]): Promise<() => Promise<Exposition>> => {
  const { Counter, Gauge, Registry } = await import('prom-client');
  const registry = new Registry();
  // prom-client asks all metrics at once; each waits for the one before.
  let last = Promise.resolve();
  const inTurn = (read: () => void): Promise<void> => (last = last.then(nextTurn).then(read));
  for (const { name, help, type, labels, samples } of metrics) {
    const configuration = { name, help, labelNames: [...labels], registers: [registry] };
    if (type === 'gauge') {
      new Gauge({
        ...configuration,
        collect() {
          return inTurn(() => {
            this.reset();
            for (const sample of samples()) this.set(sample.labels, sample.value);
          });
        },
      });
    } else {
      new Counter({
        ...configuration,
        collect() {
          return inTurn(() => {
            this.reset();
            for (const sample of samples()) this.inc(sample.labels, sample.value);
          });
        },
      });
    }
  }
  return async () => {
    const texts = [`${await registry.metrics()}\n`];
    for (const text of more) {
      await nextTurn();
      texts.push(text());
    }
    return { contentType: registry.contentType, body: texts.join('') };
  };
};

/** At most `mostWorkloads` of the items, in the order that they come in. */
export function* limited<Item>(items: Iterable<Item>, most: number): Generator<Item> {
  let taken = 0;
  for (const item of items) {
    if (taken >= most) return;
    taken += 1;
    yield item;
  }
}
