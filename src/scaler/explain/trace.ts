import { failed, instant, ok, type Result, type ScaleSpec, type WorkloadKey } from '../../core/index.ts';
import type { TickRecord } from '../tick-record.ts';

const version = 1;

/**
 * A trace: JSON lines. The first says what it is; a line with `spec` holds for all ticks after it; every other line is a tick. `before` is left out where it is
 * `after` of the line above. Numbers that JSON has no words for are objects: `{"number":"NaN"}`.
 */
export interface TraceHeader {
  readonly trace: 'rouse';
  readonly v: typeof version;
  readonly workload: WorkloadKey;
}

const oddNumber = (value: number): boolean => !Number.isFinite(value) || Object.is(value, -0);

const writeNumber = (_key: string, value: unknown): unknown =>
  typeof value === 'number' && oddNumber(value) ? { number: Object.is(value, -0) ? '-0' : String(value) } : value;

const readNumber = (_key: string, value: unknown): unknown => {
  if (typeof value !== 'object' || value === null || !('number' in value) || typeof value.number !== 'string') return value;
  return Number(value.number);
};

const line = (value: unknown): string => `${JSON.stringify(value, writeNumber)}\n`;

/** What a trace can carry of a value: what is undefined is left out. */
export const asTraced = (value: unknown): unknown => JSON.parse(JSON.stringify(value, writeNumber), readNumber) as unknown;

export const printTrace = (workload: WorkloadKey, ticks: readonly TickRecord[]): string => {
  const header: TraceHeader = { trace: 'rouse', v: version, workload };
  let [text, spec, state] = [line(header), undefined as ScaleSpec | undefined, undefined as TickRecord['after'] | undefined];
  for (const { poked, before, observation, spec: own, decision, after, formulaMissing } of ticks) {
    if (own !== spec) text += line({ spec: own });
    const { at } = decision;
    text += line({
      at,
      ...(poked ? { poked } : {}),
      ...(formulaMissing ? { formulaMissing } : {}),
      ...(before === state ? {} : { before }),
      observation,
      decision,
      after,
    });
    [spec, state] = [own, after];
  }
  return text;
};

/** Reads a trace line by line. */
export class TraceReader {
  #spec: ScaleSpec | undefined;
  #state: TickRecord['after'] | undefined;

  /** The header that begins a trace, where `text` is one; a problem is the end of a sentence that begins with the line. */
  static headerOf(text: string): Result<TraceHeader, string> | undefined {
    if (!text.startsWith('{"trace":')) return undefined;
    const value = parse(text);
    if (!isObject(value) || value['trace'] !== 'rouse') return undefined;
    if (value['v'] !== version) return failed(`begins a trace of version ${JSON.stringify(value['v'])}; this Rouse reads version ${String(version)}`);
    return typeof value['workload'] === 'string' ? ok(value as unknown as TraceHeader) : failed('begins a trace without the name of its workload');
  }

  /** The tick in a line, undefined for a line that says something else; a problem is the end of a sentence that begins with the line. */
  read(text: string): Result<TickRecord | undefined, string> {
    const value = parse(text);
    if (!isObject(value)) return failed('is not JSON');
    if (isObject(value['spec'])) {
      if (!isObject(value['spec']['scaling'])) return failed('holds a spec without scaling');
      this.#spec = value['spec'] as unknown as ScaleSpec;
      return ok(undefined);
    }
    for (const field of ['observation', 'decision', 'after'] as const) if (!isObject(value[field])) return failed(`is no tick: it has no ${field}`);
    if (typeof value['at'] !== 'number') return failed('is no tick: at is no number');
    const { at, poked, formulaMissing, before, observation, decision, after } = value as unknown as Omit<TickRecord, 'spec'> & { readonly at: number };
    const known = isObject(before) ? before : this.#state;
    if (this.#spec === undefined) return failed('comes before any spec');
    if (known === undefined) return failed('is the first tick and has no before');
    this.#state = after;
    return ok({
      poked: poked,
      before: known,
      observation,
      spec: this.#spec,
      decision: { ...decision, at: instant(at) },
      after,
      formulaMissing: formulaMissing,
    });
  }
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text, readNumber) as unknown;
  } catch {
    return undefined;
  }
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);
