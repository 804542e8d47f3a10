import test from 'ava';
import { goldenCases } from '../../../test/support/golden-cases.ts';
import type { DeciderState } from '../../decider/index.ts';
import { decisionsOf, replayCase, windowAfter, type Memory } from './golden-replay.ts';
import type { GoldenCase, GoldenSpec } from './golden-trace.ts';

const cases = goldenCases('kpa-golden-limits.jsonl.gz');

/** Knative's autoscaler was created at the base in each of these. */
const createdAt = 0;
const mismatches = (trace: GoldenCase, carry: (memory: Memory, ticks: number) => Memory): readonly unknown[] => replayCase(trace, createdAt, carry).mismatches;

test('at every limit, entering, holding and leaving panic, through every change of settings: 0 mismatches under both aggregations', (t) => {
  for (const trace of cases)
    t.deepEqual(
      mismatches(trace, (memory) => memory),
      [],
      trace.name,
    );
});

test('a restart after each tick, from a snapshot of the state and a window made anew from what was recorded: 0 mismatches', (t) => {
  for (const trace of cases)
    t.deepEqual(
      mismatches(trace, ({ state }, ticks) => ({ state: JSON.parse(JSON.stringify(state)) as DeciderState, window: windowAfter(trace, ticks) })),
      [],
      trace.name,
    );
});

// What the traces cover is counted, so that a new file of traces cannot lose it unseen.
test('each aggregation of each metric reaches every limit, panic begins and ends, and every setting changes in flight', (t) => {
  const seen = new Map<string, number>();
  for (const trace of cases) {
    const kind = `${trace.spec.aggregation} ${trace.spec.metric}`;
    const count = (mark: string): unknown => seen.set(`${kind} ${mark}`, (seen.get(`${kind} ${mark}`) ?? 0) + 1);
    let spec: GoldenSpec = trace.spec;
    let panicked = trace.initialReadyPods > 1;
    if (panicked) count('starts in panic');
    for (const [{ specUpdate }, { evidence }] of decisionsOf(trace, createdAt)) {
      for (const key of Object.keys(spec) as (keyof GoldenSpec)[]) if (specUpdate !== undefined && specUpdate[key] !== spec[key]) count(`changes ${key}`);
      spec = specUpdate ?? spec;
      for (const { step } of evidence.steps) count(step);
      if (evidence.panicking !== panicked) count(panicked ? 'leaves panic' : 'enters panic');
      panicked = evidence.panicking;
      if (evidence.wanted === undefined) count('no data');
    }
  }
  const least: Readonly<Record<string, number>> = {
    ...{ 'rate-up': 50, 'rate-down': 50, activation: 10, panic: 20, 'panic-peak': 50, 'delay-window': 20, 'no data': 2 },
    ...{ 'starts in panic': 2, 'enters panic': 8, 'leaves panic': 8 },
    ...{ 'changes stableWindowSeconds': 4, 'changes panicWindowSeconds': 4, 'changes targetValue': 1, 'changes totalValue': 1 },
    ...{ 'changes maxScaleUpRate': 2, 'changes maxScaleDownRate': 2, 'changes panicThreshold': 2, 'changes activationScale': 1 },
    ...{ 'changes targetBurstCapacity': 3, 'changes reachable': 4 },
  };
  for (const aggregation of ['linear', 'weighted-exponential'])
    for (const metric of ['concurrency', 'rps'])
      for (const [mark, times] of Object.entries(least)) {
        const found = seen.get(`${aggregation} ${metric} ${mark}`) ?? 0;
        t.true(found >= times, `${aggregation} ${metric} ${mark}: ${String(found)}`);
      }
});
