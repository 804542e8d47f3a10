import test from 'ava';
import fc from 'fast-check';
import { areLatencyCounts, latencyBucketOf, latencyBuckets, latencyBucketUpTo, LatencySketch } from './latency-sketch.ts';

const duration = fc.double({ min: 1 / 16, max: 2 ** 22, noNaN: true, noDefaultInfinity: true });
const sketchOf = (durations: readonly number[]): LatencySketch => {
  const sketch = new LatencySketch();
  for (const ms of durations) sketch.add(latencyBucketOf(ms));
  return sketch;
};

test('any quantile of any durations is known to within 5 % of itself', (t) => {
  fc.assert(
    fc.property(fc.array(duration, { minLength: 1, maxLength: 200 }), fc.double({ min: 0, max: 1, noNaN: true }), (durations, fraction) => {
      const sorted = [...durations].sort((a, b) => a - b);
      const exact = sorted[Math.max(1, Math.ceil(fraction * sorted.length)) - 1] ?? Number.NaN;
      const told = sketchOf(durations).quantile(fraction) ?? Number.NaN;
      return Math.abs(told - exact) <= 0.05 * exact;
    }),
  );
  t.pass();
});

test('two sketches merged, also over the link, are the sketch of all their durations', (t) => {
  fc.assert(
    fc.property(fc.array(duration), fc.array(duration), (one, other) => {
      const merged = sketchOf(one);
      merged.merge(JSON.parse(JSON.stringify(sketchOf(other).counts())) as number[]);
      const whole = sketchOf([...one, ...other]);
      t.deepEqual(merged.counts(), whole.counts());
      t.is(merged.count, one.length + other.length);
      t.true(areLatencyCounts(merged.counts()));
    }),
  );
});

test('what is too short or too long to be told apart is in the first or the last bucket, and nothing is lost', (t) => {
  for (const ms of [0, -1, -0, 1e-300, 1 / 16]) t.is(latencyBucketOf(ms), 0, String(ms));
  t.is(latencyBucketOf(Number.NaN), 0);
  for (const ms of [2 ** 22 + 1, 1e300, Infinity]) t.is(latencyBucketOf(ms), latencyBuckets - 1, String(ms));
  t.is(sketchOf([0, 1, Infinity]).count, 3);
});

test('powers of two of milliseconds are bounds of buckets', (t) => {
  for (let exponent = -4; exponent <= 22; exponent += 1) {
    t.is(latencyBucketOf(2 ** exponent), latencyBucketUpTo(exponent));
    t.is(latencyBucketOf(2 ** exponent * (1 + 1e-9)), latencyBucketUpTo(exponent) + 1);
  }
});

test('without durations there is no quantile, and after clear there are none', (t) => {
  const sketch = sketchOf([1, 2, 3]);
  sketch.clear();
  t.is(sketch.quantile(0.5), undefined);
  t.deepEqual(sketch.counts(), []);
  t.is(sketch.count, 0);
});

test('a list that no sketch gives is told', (t) => {
  for (const bad of [[0], [0, 0], [1, 1, 1, 1], [2, 1, 1, 1], [latencyBuckets, 1], [0.5, 1], [0, 1.5], [-1, 1], [0, 2 ** 32], [0, Number.NaN]])
    t.false(areLatencyCounts(bad), JSON.stringify(bad));
  for (const good of [[], [0, 1], [3, 2, latencyBuckets - 1, 2 ** 32 - 1]]) t.true(areLatencyCounts(good), JSON.stringify(good));
});
