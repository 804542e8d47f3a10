import { nextTurn, parseWorkloadKey, type WorkloadKey } from '../../core/index.ts';
import type { PlainHistogram } from './histogram.ts';

/** The answer to a scrape, in the text format of Prometheus. */
export interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

/** Labels as they stand between the braces: `namespace="shop",workload="web"`. */
export type LabelText = string;

export interface Sample<Value> {
  readonly labels: LabelText;
  readonly value: Value;
}

interface Told {
  readonly name: string;
  /** One sentence or more. */
  readonly help: string;
}

/** A metric, read at each scrape. */
export type Metric =
  | (Told & { readonly type: 'counter' | 'gauge'; readonly samples: () => Iterable<Sample<number>> })
  | (Told & { readonly type: 'histogram'; readonly samples: () => Iterable<Sample<PlainHistogram>> });

export const textFormat = 'text/plain; version=0.0.4; charset=utf-8';

/** Workloads that get series of their own; more would make the scrape, and the server that stores it, too large. */
export const mostWorkloads = 5000;

const special = /[\\"\n]/;
const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

/** One label, escaped where that is needed. */
export const label = (name: string, value: string): LabelText => `${name}="${special.test(value) ? escaped(value) : value}"`;

/** `namespace` and `workload`: a Deployment by its name, every other kind as `resource.group/name`. */
export const workloadLabels = (key: WorkloadKey): LabelText => {
  const ref = parseWorkloadKey(key);
  const [namespace = '', ...rest] = key.split('/');
  return `${label('namespace', ref?.namespace ?? namespace)},${label('workload', rest.join('/'))}`;
};

/** What belongs to no workload. */
export const noWorkload = 'namespace="",workload=""';

export const one = (value: number): readonly Sample<number>[] => [{ labels: '', value }];

const printed = (value: number): string => (value === Number.POSITIVE_INFINITY ? '+Inf' : value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value));

/** Joined from time to time, so that a scrape of half a million lines is not half a million strings at once. */
const linesInAChunk = 4096;

class Text {
  readonly #chunks: string[] = [];
  #lines: string[] = [];

  add(line: string): void {
    if (this.#lines.push(line) < linesInAChunk) return;
    this.#chunks.push(this.#lines.join('\n'));
    this.#lines = [];
  }

  toString(): string {
    return [...this.#chunks, ...this.#lines, ''].join('\n');
  }
}

const write = (text: Text, metric: Metric): void => {
  const { name } = metric;
  text.add(`# HELP ${name} ${metric.help}`);
  text.add(`# TYPE ${name} ${metric.type}`);
  if (metric.type === 'histogram') for (const { labels, value } of metric.samples()) writeHistogram(text, name, labels, value);
  else for (const { labels, value } of metric.samples()) text.add(labels === '' ? `${name} ${printed(value)}` : `${name}{${labels}} ${printed(value)}`);
};

const writeHistogram = (text: Text, name: string, labels: LabelText, { bounds, counts, sum, count }: PlainHistogram): void => {
  const bucket = `${name}_bucket{${labels}${labels === '' ? '' : ','}le="`;
  const of = labels === '' ? '' : `{${labels}}`;
  let below = 0;
  bounds.forEach((bound, index) => {
    below += counts[index] ?? 0;
    text.add(`${bucket}${bound}"} ${below}`);
  });
  text.add(`${bucket}+Inf"} ${count}`);
  text.add(`${name}_sum${of} ${sum}`);
  text.add(`${name}_count${of} ${count}`);
};

/**
 * The exposition (https://prometheus.io/docs/instrumenting/exposition_formats/). Each metric is read in a turn of the event loop of its own: a process of
 * thousands of workloads serves meanwhile. Written by hand, since a client library keeps every series as an object of its own (docs/decisions/0028-who-writes-the-exposition.md).
 */
export const exposeMetrics = async (metrics: readonly Metric[]): Promise<Exposition> => {
  const text = new Text();
  for (const metric of metrics) {
    await nextTurn();
    write(text, metric);
  }
  return { contentType: textFormat, body: text.toString() };
};

/** At most `most` of the items, in the order that they come in. */
export function* limited<Item>(items: Iterable<Item>, most: number): Generator<Item> {
  let taken = 0;
  for (const item of items) {
    if (taken >= most) return;
    taken += 1;
    yield item;
  }
}
