import { failed, ok, type Result } from '../../core/index.ts';

/** One reporter's figures of one second, as Knative's autoscaler receives them. */
export interface GoldenStat {
  readonly at: number;
  readonly averageConcurrency: number;
  readonly averageProxiedConcurrency: number;
  readonly requestCount: number;
  readonly proxiedRequestCount: number;
}

export interface GoldenSpec {
  readonly metric: 'concurrency' | 'rps';
  readonly aggregation: 'linear' | 'weighted-exponential';
  /** Per pod, after utilization. */
  readonly targetValue: number;
  /** Per pod, before utilization. */
  readonly totalValue: number;
  readonly stableWindowSeconds: number;
  readonly panicWindowSeconds: number;
  readonly panicThreshold: number;
  readonly maxScaleUpRate: number;
  readonly maxScaleDownRate: number;
  /** −1: without limit. */
  readonly targetBurstCapacity: number;
  readonly scaleDownDelaySeconds: number;
  readonly activationScale: number;
  readonly reachable: boolean;
}

export interface GoldenWant {
  readonly valid: boolean;
  readonly desiredPodCount: number;
  readonly excessBurstCapacity: number;
  readonly observedStable: number;
  readonly observedPanic: number;
}

/** One tick: record the stats, apply the update, then decide at `at`. */
export interface GoldenTick {
  readonly at: number;
  readonly stats: readonly GoldenStat[];
  readonly specUpdate: GoldenSpec | undefined;
  readonly readyPods: number;
  readonly want: GoldenWant;
}

/** A recorded run of Knative's algorithm. All times are seconds after a base that is a multiple of 60 s. */
export interface GoldenCase {
  readonly name: string;
  readonly spec: GoldenSpec;
  readonly initialReadyPods: number;
  readonly ticks: readonly GoldenTick[];
}

/** Thrown inside this file only: where in the document, and what is wrong there. */
class Misfit extends Error {}

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown, where: string): Fields => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Misfit(`${where} is not an object`);
  return value as Fields;
};
const numberAt = (fields: Fields, name: string, where: string): number => {
  const value = fields[name];
  if (typeof value !== 'number') throw new Misfit(`${where}.${name} is not a number`);
  return value;
};
const flagAt = (fields: Fields, name: string, where: string): boolean => {
  const value = fields[name];
  if (typeof value !== 'boolean') throw new Misfit(`${where}.${name} is not true or false`);
  return value;
};
const wordAt = <Word extends string>(fields: Fields, name: string, words: readonly Word[], where: string): Word => {
  const found = words.find((word) => word === fields[name]);
  if (found === undefined) throw new Misfit(`${where}.${name} is not one of ${words.join(', ')}`);
  return found;
};
const listAt = <Item>(fields: Fields, name: string, read: (item: unknown, where: string) => Item, where: string): readonly Item[] => {
  const value = fields[name];
  if (!Array.isArray(value)) throw new Misfit(`${where}.${name} is not a list`);
  return value.map((item, index) => read(item, `${where}.${name}[${String(index)}]`));
};

const readSpec = (value: unknown, where: string): GoldenSpec => {
  const fields = fieldsOf(value, where);
  const number = (name: string): number => numberAt(fields, name, where);
  return {
    metric: wordAt(fields, 'metric', ['concurrency', 'rps'], where),
    aggregation: wordAt(fields, 'aggregation', ['linear', 'weighted-exponential'], where),
    targetValue: number('targetValue'),
    totalValue: number('totalValue'),
    stableWindowSeconds: number('stableWindowSeconds'),
    panicWindowSeconds: number('panicWindowSeconds'),
    panicThreshold: number('panicThreshold'),
    maxScaleUpRate: number('maxScaleUpRate'),
    maxScaleDownRate: number('maxScaleDownRate'),
    targetBurstCapacity: number('targetBurstCapacity'),
    scaleDownDelaySeconds: number('scaleDownDelaySeconds'),
    activationScale: number('activationScale'),
    reachable: flagAt(fields, 'reachable', where),
  };
};

const readStat = (value: unknown, where: string): GoldenStat => {
  const fields = fieldsOf(value, where);
  const number = (name: string): number => numberAt(fields, name, where);
  return {
    at: number('at'),
    averageConcurrency: number('averageConcurrency'),
    averageProxiedConcurrency: number('averageProxiedConcurrency'),
    requestCount: number('requestCount'),
    proxiedRequestCount: number('proxiedRequestCount'),
  };
};

const readWant = (value: unknown, where: string): GoldenWant => {
  const fields = fieldsOf(value, where);
  const number = (name: string): number => numberAt(fields, name, where);
  return {
    valid: flagAt(fields, 'valid', where),
    desiredPodCount: number('desiredPodCount'),
    excessBurstCapacity: number('excessBurstCapacity'),
    observedStable: number('observedStable'),
    observedPanic: number('observedPanic'),
  };
};

const readTick = (value: unknown, where: string): GoldenTick => {
  const fields = fieldsOf(value, where);
  const update = fields['specUpdate'];
  return {
    at: numberAt(fields, 'at', where),
    stats: listAt(fields, 'stats', readStat, where),
    specUpdate: update === undefined || update === null ? undefined : readSpec(update, `${where}.specUpdate`),
    readyPods: numberAt(fields, 'readyPods', where),
    want: readWant(fields['want'], `${where}.want`),
  };
};

const readCase = (value: unknown): GoldenCase => {
  const fields = fieldsOf(value, 'the case');
  const name = fields['name'];
  if (typeof name !== 'string' || name === '') throw new Misfit('the case has no name');
  return {
    name,
    spec: readSpec(fields['spec'], 'spec'),
    initialReadyPods: numberAt(fields, 'initialReadyPods', 'the case'),
    ticks: listAt(fields, 'ticks', readTick, 'the case'),
  };
};

/** Reads one line of a trace file; the problem is a sentence about the place that is wrong. */
export const parseGoldenCase = (line: string): Result<GoldenCase, string> => {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return failed('is not JSON');
  }
  try {
    return ok(readCase(value));
  } catch (thrown) {
    if (thrown instanceof Misfit) return failed(thrown.message);
    throw thrown;
  }
};
