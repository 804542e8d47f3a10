import { parseWorkloadKey, type WorkloadKey } from '../../core/index.ts';
import type { PlainHistogram } from './histogram.ts';

/** Labels as they stand between the braces: `namespace="shop",workload="web"`. */
export type LabelText = string;

export interface Sample<Value> {
  readonly labels: LabelText;
  /** Further labels: by themselves, since it takes longer to put two texts together than to write both. */
  readonly more?: LabelText;
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

const special = /[\\"\n]/;
const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

/** One label, escaped where that is needed. */
export const label = (name: string, value: string): LabelText => `${name}="${special.test(value) ? escaped(value) : value}"`;

/** The same for values of a closed set: each text is made once. */
export const closedLabel = (name: string): ((value: string) => LabelText) => {
  const texts = new Map<string, LabelText>();
  return (value) => {
    let text = texts.get(value);
    if (text === undefined) texts.set(value, (text = label(name, value)));
    return text;
  };
};

/** `namespace` and `workload`: a Deployment by its name, every other kind as `resource.group/name`. */
export const workloadLabels = (key: WorkloadKey): LabelText => {
  const ref = parseWorkloadKey(key);
  const [namespace = '', ...rest] = key.split('/');
  return `${label('namespace', ref?.namespace ?? namespace)},${label('workload', rest.join('/'))}`;
};

/** What belongs to no workload. */
export const noWorkload = 'namespace="",workload=""';

export const one = (value: number): readonly Sample<number>[] => [{ labels: '', value }];
