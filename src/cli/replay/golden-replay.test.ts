import test from 'ava';
import fc from 'fast-check';
import { goldenCases } from '../../../test/support/golden-cases.ts';
import type { DeciderState } from '../../decider/index.ts';
import { decisionsOf, replayCase, windowAfter, type Memory } from './golden-replay.ts';
import type { GoldenCase, GoldenSpec } from './golden-trace.ts';

const cases = goldenCases('kpa-golden.jsonl.gz');

/** When Knative's autoscaler was created in each trace, found as `rouse replay` finds it. */
const createdAt = new Map<GoldenCase, number>();
let likely = 0;
for (const trace of cases) {
  likely = replayCase(trace, likely).createdAt;
  createdAt.set(trace, likely);
}

const throughJson = (state: DeciderState): DeciderState => JSON.parse(JSON.stringify(state)) as DeciderState;
const mismatches = (trace: GoldenCase, carry: (memory: Memory, ticks: number) => Memory): number =>
  replayCase(trace, createdAt.get(trace) ?? 0, carry).mismatches.length;

test('a run that is never interrupted and one whose state is restored after every tick both give 0 mismatches', (t) => {
  for (const trace of cases) {
    t.is(
      mismatches(trace, (memory) => memory),
      0,
      trace.name,
    );
    t.is(
      mismatches(trace, ({ state, window }) => ({ state: throughJson(state), window })),
      0,
      trace.name,
    );
  }
});

test('a restart at any tick, from a snapshot of the state and a window made anew from what was recorded, gives 0 mismatches', (t) => {
  const restartAt =
    (trace: GoldenCase, at: number) =>
    (memory: Memory, ticks: number): Memory =>
      ticks === at ? { state: throughJson(memory.state), window: windowAfter(trace, ticks) } : memory;
  fc.assert(
    fc.property(fc.constantFrom(...cases), fc.nat(), (trace, tick) => {
      t.is(mismatches(trace, restartAt(trace, tick % trace.ticks.length)), 0, trace.name);
    }),
    { numRuns: 200 },
  );
  for (const trace of cases.filter(({ name }) => name.includes('-update-') || name.includes('-late-')).slice(0, 3))
    for (const at of trace.ticks.keys()) t.is(mismatches(trace, restartAt(trace, at)), 0, `${trace.name} at ${String(at)}`);
});

// What the traces cover is counted, so that a new file of traces cannot lose it unseen.
test('the traces have both aggregations of both metrics, and specs that change in flight', (t) => {
  const kinds = new Map<string, number>();
  const changed = new Map<string, number>();
  const count = (counts: Map<string, number>, key: string): unknown => counts.set(key, (counts.get(key) ?? 0) + 1);
  for (const trace of cases) {
    count(kinds, `${trace.spec.aggregation} ${trace.spec.metric}`);
    let before: GoldenSpec = trace.spec;
    for (const { specUpdate } of trace.ticks) {
      if (specUpdate === undefined) continue;
      for (const key of Object.keys(specUpdate) as (keyof GoldenSpec)[]) if (specUpdate[key] !== before[key]) count(changed, key);
      before = specUpdate;
    }
  }
  t.deepEqual(Object.fromEntries(kinds), { 'linear rps': 9, 'linear concurrency': 22, 'weighted-exponential concurrency': 6, 'weighted-exponential rps': 3 });
  t.deepEqual(Object.fromEntries(changed), { stableWindowSeconds: 12, panicWindowSeconds: 12, targetValue: 10 });
});

test('the traces reach every limit of the algorithm', (t) => {
  const seen = new Map<string, number>();
  const count = (mark: string): unknown => seen.set(mark, (seen.get(mark) ?? 0) + 1);
  for (const trace of cases)
    for (const [, { evidence, excessBurstCapacity }] of decisionsOf(trace, createdAt.get(trace) ?? 0)) {
      for (const { step } of evidence.steps) count(`${trace.spec.aggregation} ${step}`);
      if (evidence.wanted === undefined) count(`${trace.spec.aggregation} invalid`);
      if (!trace.spec.reachable) count('unreachable');
      if (excessBurstCapacity !== undefined && excessBurstCapacity < -1) count('no burst capacity');
    }
  // The exponential aggregation reaches neither `rate-up` nor `panic` here: golden-limits.test.ts.
  for (const limit of ['rate-up', 'rate-down', 'activation', 'panic', 'panic-peak', 'delay-window', 'invalid'])
    t.true((seen.get(`linear ${limit}`) ?? 0) >= 100, `linear ${limit}`);
  for (const limit of ['rate-down', 'activation', 'panic-peak', 'delay-window', 'invalid'])
    t.true((seen.get(`weighted-exponential ${limit}`) ?? 0) >= 30, `weighted-exponential ${limit}`);
  for (const mark of ['unreachable', 'no burst capacity']) t.true((seen.get(mark) ?? 0) >= 100, mark);
});
