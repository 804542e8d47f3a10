import test from 'ava';
import fc from 'fast-check';
import { largestSample, LoadWindow } from './load-window.ts';

/** A multiple of 60 s, far from zero. */
const base = 1_700_000_040;

const linear = (window: LoadWindow, at: number): number | undefined => window.averages(base + at, 'linear')?.stable;
const filled = (size: number, values: readonly number[]): LoadWindow => {
  const window = new LoadWindow(size, 1);
  values.forEach((value, index) => window.record(base + index, value));
  return window;
};

// The vectors of Knative's pkg/autoscaler/aggregation/bucketing_test.go, with a window of five seconds.
test('a window that is not full yet averages over the seconds it has seen', (t) => {
  t.is(linear(filled(5, [1]), 0), 1);
  t.is(linear(filled(5, [1, 2, 3, 4, 5]), 4), 3);
});

test('a clock behind the newest sample reads the window at that sample', (t) => {
  t.is(linear(filled(5, [1, 2, 3, 4, 5]), 3.6), 3);
});

test('seconds after the newest sample are unknown, not zero', (t) => {
  t.is(linear(filled(5, [1, 2, 3, 4, 5]), 6), 4);
});

test('seconds between two samples are zero', (t) => {
  const window = filled(5, [1, 2, 3, 4, 5]);
  window.record(base + 6, 91);
  t.is(linear(window, 6), 20.6);
});

test('after a silence of a whole window the average starts afresh', (t) => {
  const window = filled(5, [1, 2, 3, 4, 5]);
  window.record(base + 900, 1984);
  t.is(linear(window, 900), 1984);
});

test('a late sample inside the window counts, an older one is told to be late', (t) => {
  const window = new LoadWindow(5, 1);
  window.record(base + 20, 1984);
  t.is(window.record(base + 17, 4), 'kept');
  t.is(linear(window, 20), (4 + 1984) / 4);
  window.record(base + 21, 5);
  t.is(window.record(base + 18, 10), 'kept');
  t.is(linear(window, 21), (4 + 10 + 1984 + 5) / 5);
  t.is(window.record(base + 16, 10), 'late');
  t.is(linear(window, 21), (4 + 10 + 1984 + 5) / 5);
  window.record(base + 26, 10);
  t.is(linear(window, 26), 10);
});

test('samples that come in descending order are all counted', (t) => {
  const window = new LoadWindow(5, 1);
  for (let at = 8; at >= 0; at -= 1) window.record(base + at, 5);
  t.is(linear(window, 5), 5);
});

test('the exponential average weighs the newest second most and lets silence decay', (t) => {
  const weighted = (window: LoadWindow, at: number): number => window.averages(base + at, 'weighted-exponential')?.stable ?? Number.NaN;
  t.is(weighted(filled(5, [1, 2, 3, 4, 5, 6]), 5).toFixed(3), '5.812');
  for (const [size, smoothing] of [
    [6, 0.78456],
    [40, 0.20567],
    [60, 0.2],
    [100, 0.2],
  ] as const) {
    const window = filled(size, [2]);
    t.is(weighted(window, 0).toFixed(4), (2 * smoothing).toFixed(4));
    t.is(weighted(window, 1).toFixed(4), (2 * smoothing * (1 - smoothing)).toFixed(4));
  }
});

test('there is no average without a sample in the stable window', (t) => {
  const window = filled(5, [7]);
  t.deepEqual(window.averages(base + 5, 'linear'), { stable: 0, panic: 0 });
  t.is(window.averages(base + 6, 'linear'), undefined);
  t.is(new LoadWindow(5, 1).averages(base, 'linear'), undefined);
});

test('the panic window is the suffix of the stable one', (t) => {
  const window = new LoadWindow(10, 2);
  for (let at = 0; at < 10; at += 1) window.record(base + at, at);
  t.deepEqual(window.averages(base + 9, 'linear'), { stable: 4.5, panic: 8.5 });
});

test('a shorter window keeps the newest seconds, a longer one what the old one knew', (t) => {
  const window = filled(10, [1, 1, 1, 1, 1, 9, 9, 9, 9, 9]);
  window.resize(5, 1, base + 9);
  t.is(linear(window, 9), 9);
  window.resize(20, 2, base + 9);
  t.is(linear(window, 9), 9);
  t.deepEqual([window.stableSeconds, window.panicSeconds], [20, 2]);
});

test('a resize before the first sample and one after a long silence start afresh', (t) => {
  const window = new LoadWindow(10, 1);
  window.resize(20, 2, base);
  window.record(base, 3);
  t.is(linear(window, 0), 3);
  window.resize(10, 5, base + 500);
  t.is(window.averages(base + 500, 'linear'), undefined);
  window.record(base + 500, 8);
  t.deepEqual(window.averages(base + 500, 'linear'), { stable: 8, panic: 8 });
});

const sizes = fc.record({ stable: fc.integer({ min: 1, max: 40 }), panicShare: fc.double({ min: 0.01, max: 1, noNaN: true }) });
const samples = fc.array(fc.record({ at: fc.integer({ min: 0, max: 80 }), value: fc.double({ min: 0, max: 1e6, noNaN: true }) }), {
  minLength: 1,
  maxLength: 60,
});

test('an average lies between zero and the largest sum of a second, however samples come', (t) => {
  fc.assert(
    fc.property(sizes, samples, fc.nat({ max: 10 }), (size, list, later) => {
      const window = new LoadWindow(size.stable, Math.ceil(size.stable * size.panicShare));
      const sums = new Map<number, number>();
      for (const { at, value } of list) if (window.record(base + at, value) === 'kept') sums.set(at, (sums.get(at) ?? 0) + value);
      const most = Math.max(...sums.values());
      for (const aggregation of ['linear', 'weighted-exponential'] as const) {
        const averages = window.averages((window.newest ?? 0) + later, aggregation);
        for (const average of averages === undefined ? [] : [averages.stable, averages.panic]) {
          t.true(average >= -1e-6);
          t.true(average <= most + 1e-3);
        }
      }
    }),
  );
});

test('a full window of in-order samples averages between its extremes', (t) => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 40 }), (values) => {
      const average = linear(filled(values.length, values), values.length - 1) ?? Number.NaN;
      t.true(average >= Math.min(...values) - 1e-3 && average <= Math.max(...values) + 1e-3);
    }),
  );
});

test('more load in any second never lowers an average', (t) => {
  fc.assert(
    fc.property(sizes, samples, fc.nat(), fc.double({ min: 0, max: 1e5, noNaN: true }), (size, list, pick, more) => {
      const [less, greater] = [0, more].map((extra) => {
        const window = new LoadWindow(size.stable, Math.ceil(size.stable * size.panicShare));
        list.forEach(({ at, value }, index) => window.record(base + at, value + (index === pick % list.length ? extra : 0)));
        return window.averages(window.newest ?? 0, 'linear');
      });
      t.true((greater?.stable ?? 0) >= (less?.stable ?? 0) - 1e-3);
      t.true((greater?.panic ?? 0) >= (less?.panic ?? 0) - 1e-3);
    }),
  );
});

test('what is no load is refused and leaves no trace', (t) => {
  const window = filled(5, [4]);
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, -1e-9, largestSample * 2])
    t.is(window.record(base, value), 'invalid');
  for (const at of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) t.is(window.record(at, 1), 'invalid');
  t.is(linear(window, 0), 4);
});

test('absurd lengths become the nearest that can be', (t) => {
  for (const length of [0, -5, Number.NaN]) t.is(new LoadWindow(length, length).stableSeconds, 1);
  t.is(new LoadWindow(1e12, 1e12).stableSeconds, 3600);
  t.is(new LoadWindow(10, 600).panicSeconds, 10);
});

test('an idle window comes back to exactly zero after any load', (t) => {
  const window = new LoadWindow(60, 6);
  for (let at = 0; at < 5000; at += 1) window.record(base + at, ((at * 0.1) % 7.3) + (at % 7 === 0 ? largestSample : 0));
  for (let at = 5000; at < 5060; at += 1) window.record(base + at, 0);
  t.deepEqual(window.averages(base + 5059, 'linear'), { stable: 0, panic: 0 });
});

test('once the last load has left, the mean is zero to the second and to the bit, although sums of thousands of reports round', (t) => {
  const window = new LoadWindow(5, 5);
  window.record(base, 0.2);
  window.record(base + 1, 0.2);
  for (let report = 0; report < 10_000; report += 1) window.record(base + 2, largestSample);
  for (let at = 3; at <= 6; at += 1) window.record(base + at, 0);
  t.true(Math.abs((linear(window, 6) ?? 0) - 2000 * largestSample) < 0.01);
  window.record(base + 7, 0);
  t.is(linear(window, 7), 0);
});

test('a late sample counts where its second still is', (t) => {
  const window = new LoadWindow(10, 2);
  window.record(base + 10, 4);
  window.record(base + 8, 100);
  t.deepEqual(window.averages(base + 10, 'linear'), { stable: 34.666667, panic: 4 });
  window.record(base + 9, 20);
  t.deepEqual(window.averages(base + 10, 'linear'), { stable: 41.333333, panic: 12 });
});

test('a late sample does not make the newest load leave before its time', (t) => {
  const window = new LoadWindow(5, 5);
  window.record(base + 5, 4);
  window.record(base + 3, 2);
  window.record(base + 8, 0);
  t.is(linear(window, 8), 4 / 5);
});
