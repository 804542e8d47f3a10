import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import { seededRandom } from '../../core/index.ts';
import { arrivals } from './arrivals.ts';
import { startTimes } from './distributions.ts';
import { EventHeap } from './event-heap.ts';
import { Fifo } from './fifo.ts';
import { VirtualGateway } from './virtual-gateway.ts';
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
      t.deepEqual(
        taken,
        expected.map(({ index }) => index),
      );
      t.is(heap.take(), undefined);
    }),
  );
});

test('what waits goes in the order in which it came', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 0, max: 900 })), { maxLength: 12 }), (steps) => {
      const fifo = new Fifo<{ readonly number: number }>();
      const model: { readonly number: number }[] = [];
      let made = 0;
      for (const [come, go] of steps) {
        for (let count = 0; count < come; count += 1) {
          const item = { number: (made += 1) };
          fifo.push(item);
          model.push(item);
        }
        const gone = Array.from({ length: go }, () => fifo.shift());
        t.true(
          isDeepStrictEqual(
            gone,
            Array.from({ length: go }, () => model.shift()),
          ),
        );
        t.true(isDeepStrictEqual([...fifo], model));
        t.is(fifo.length, model.length);
        t.is(fifo.first, model[0]);
      }
    }),
    { numRuns: 30 },
  );
});

test('half a million requests that wait in one pod, or are held, take a moment each way', (t) => {
  const requests = 500_000;
  for (const isLimited of [false, true]) {
    const burst = Array.from({ length: requests }, (_, index) => ({ at: index / requests, serviceMs: 1 }));
    const gateway = new VirtualGateway({
      arrivals: burst.values(),
      slots: 1,
      isLimited,
      holdQueueDepth: requests,
      holdTimeoutMs: Infinity,
      startMs: 0,
      drained: () => undefined,
    });
    gateway.podReady('one');
    const before = process.cpuUsage();
    while (gateway.advance(10 * requests).at < 10 * requests);
    const { user, system } = process.cpuUsage(before);
    t.deepEqual(gateway.fates, { arrived: requests, answered: requests, refused: 0, inPods: 0, held: 0 });
    t.true(user + system < 10e6, `${(user + system) / 1e6} s`);
  }
});
