import test from 'ava';
import fc from 'fast-check';
import { seededRandom } from '../../core/index.ts';
import { arrivals } from './arrivals.ts';
import { startTimes } from './distributions.ts';
import { EventHeap } from './event-heap.ts';
import { Waits } from './waits.ts';

test('requests come in order, as many as the rate of each second says', (t) => {
  const all = [...arrivals({ rates: [0, 5000, 0, 2000], leadInSeconds: 2, meanServiceMs: 100, seed: 3 })];
  const inSecond = (second: number): number => all.filter(({ at }) => at >= second * 1000 && at < (second + 1) * 1000).length;
  t.true(all.every(({ at }, index) => index === 0 || at >= (all[index - 1]?.at ?? 0)));
  t.deepEqual([inSecond(-1), inSecond(0), inSecond(2)], [0, 0, 0]);
  t.true(Math.abs(inSecond(1) - 5000) < 250 && Math.abs(inSecond(3) - 2000) < 160);
  const mean = all.reduce((sum, { serviceMs }) => sum + serviceMs, 0) / all.length;
  t.true(Math.abs(mean - 100) < 5);
});

test('of log-normal start times nine of ten lie between the two that were given', (t) => {
  const draw = startTimes({ fromMs: 2000, toMs: 8000 }, seededRandom(1));
  const within = Array.from({ length: 10_000 }, draw).filter((ms) => ms >= 2000 && ms <= 8000).length;
  t.true(Math.abs(within - 9000) < 150, String(within));
  t.is(startTimes({ fromMs: 5000, toMs: 5000 }, seededRandom(1))(), 5000);
});

test('a quantile of the waits is the true one to within a hundredth', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (values, share) => {
        const waits = new Waits();
        for (const value of values) waits.add(value);
        const exact = values.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(share * values.length)) - 1] ?? 0;
        const told = waits.quantile(share);
        t.true(exact < 1 ? told === 0 : Math.abs(told - exact) <= 0.011 * exact, `${told} for ${exact}`);
        t.is(waits.worst, Math.max(...values));
      },
    ),
  );
});

test('what happens next is the earliest, and the first of those at one time', (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 }), (times) => {
      const heap = new EventHeap<number>();
      for (const [index, at] of times.entries()) heap.add(at, index);
      const taken = times.map(() => heap.take());
      const expected = times.map((at, index) => ({ at, index })).sort((a, b) => a.at - b.at || a.index - b.index);
      t.deepEqual(taken, expected.map(({ index }) => index)); // prettier-ignore
      t.is(heap.take(), undefined);
    }),
  );
});
