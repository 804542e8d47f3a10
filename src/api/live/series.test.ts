import test from 'ava';
import * as fc from 'fast-check';
import type { LiveTick } from './ports.ts';
import { Recent } from './recent.ts';
import { seriesOf, sparkBucketMs, sparkBuckets, sparkOf } from './series.ts';

const now = Date.UTC(2026, 0, 5, 12);
const tick = (ago: number, figures: Partial<LiveTick> = {}): LiveTick => ({ at: now - ago, desired: 0, ready: 0, held: 0, loads: [], ...figures });
const awake = { desired: 2, ready: 2, loads: [{ metric: 'concurrency', value: 3, capacity: 10, pods: 0.6 }] };

test('of a workload that sleeps no tick is missing: it was at zero all the time', (t) => {
  const series = seriesOf([tick(60_000), tick(10_000, { held: 1, desired: 1 }), tick(8000, awake), tick(0, awake)], now);
  t.deepEqual(
    series.at.map((at) => now - at),
    [60_000, 10_001, 10_000, 8000, 6000, 0],
  );
  t.deepEqual(series.desired, [0, 0, 1, 2, null, 2], 'of the eight seconds without a tick while it was awake nothing is known');
  t.deepEqual(series.held, [0, 0, 1, 0, null, 0]);
});

test('it sleeps up to now', (t) => {
  const series = seriesOf([tick(60_000)], now);
  t.deepEqual(
    series.at.map((at) => now - at),
    [60_000, 1],
  );
  t.deepEqual(series.desired, [0, 0]);
});

test('the metric that asks for the most pods is shown, and where it has no data nothing is', (t) => {
  const loads = (rps: number | undefined): LiveTick['loads'] => [
    { metric: 'concurrency', value: 3, capacity: 10, pods: 0.3 },
    { metric: 'rps', value: rps, capacity: 100, pods: rps === undefined ? undefined : rps / 100 },
  ];
  const series = seriesOf([tick(4000, { ...awake, loads: loads(undefined) }), tick(2000, { ...awake, loads: loads(123.456) })], now);
  t.is(series.metric, 'rps');
  t.deepEqual(series.load, [null, 123.5]);
  t.deepEqual(series.capacity, [100, 100]);
});

test('nothing known gives nothing', (t) => {
  t.deepEqual(seriesOf([], now), { metric: undefined, at: [], load: [], capacity: [], held: [], desired: [], ready: [] });
  t.true(sparkOf([], now).desired.every((value) => value === null));
});

const anyTick = fc.record({
  ago: fc.integer({ min: 0, max: 900_000 }),
  desired: fc.integer({ min: 0, max: 20 }),
  ready: fc.integer({ min: 0, max: 20 }),
  held: fc.integer({ min: 0, max: 3 }),
  pods: fc.option(fc.double({ min: 0, max: 50, noNaN: true }), { nil: undefined }),
});

test('law: columns are of one length, times go up, a sparkline has 30 values, and its highest is one of the ticks’', (t) => {
  fc.assert(
    fc.property(fc.array(anyTick, { maxLength: 60 }), (given) => {
      const ticks = given
        .sort((a, b) => b.ago - a.ago)
        .map(({ ago, pods, ...figures }) => tick(ago, { ...figures, loads: [{ metric: 'concurrency', value: pods, capacity: 1, pods }] }));
      const { metric: _, at, ...columns } = seriesOf(ticks, now);
      for (const column of Object.values(columns)) t.is(column.length, at.length);
      t.true(at.every((each, index) => each >= (at[index - 1] ?? 0)));
      const { load, desired } = sparkOf(ticks, now);
      t.is(load.length, sparkBuckets);
      t.is(desired.length, sparkBuckets);
      const inSight = ticks.filter((one) => one.at >= now - (sparkBuckets - 1) * sparkBucketMs);
      const most = Math.max(0, ...desired.map((value) => value ?? 0));
      t.is(
        most,
        Math.max(0, ...ticks.filter((one) => Math.floor(one.at / sparkBucketMs) > Math.floor(now / sparkBucketMs) - sparkBuckets).map((one) => one.desired)),
      );
      t.true(inSight.length === 0 || desired.some((value) => value !== null));
    }),
    { numRuns: 200 },
  );
});

test('what is kept of what happened has an end: 200 transitions, and five cold starts of each of 1,000 workloads', (t) => {
  const recent = new Recent();
  const phases = { decide: 1, schedule: 1, start: 1, ready: 1, forward: 1 };
  for (let index = 0; index < 20_000; index++) {
    const coldStart = { at: index, totalMs: 5, phases };
    recent.add({ at: index, namespace: 'default', name: `app-${String(index % 1500)}`, kind: 'first-byte', text: 'first byte', coldStart });
  }
  t.is(recent.events().length, 200);
  t.is(recent.events().at(-1)?.at, 19_999);
  const kept = Array.from({ length: 1500 }, (_, index) => recent.coldStarts({ namespace: 'default', name: `app-${String(index)}` }).length);
  t.is(kept.filter((count) => count > 0).length, 1000);
  t.true(Math.max(...kept) <= 5);
  const last = { namespace: 'default', name: `app-${String(19_999 % 1500)}` };
  t.is(recent.coldStarts(last).at(-1)?.at, 19_999);
  recent.add({ at: 20_000, ...last, kind: 'off-boarded', text: 'handed back' });
  t.deepEqual(recent.coldStarts(last), [], 'a workload that is handed back takes its own with it');
});
