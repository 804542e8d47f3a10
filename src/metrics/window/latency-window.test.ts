import test from 'ava';
import fc from 'fast-check';
import { latencyBucketOf, LatencySketch, type LatencyCounts } from '../../core/index.ts';
import { LatencyWindow } from './latency-window.ts';

const took = (...durations: readonly number[]): LatencyCounts => {
  const sketch = new LatencySketch();
  for (const ms of durations) sketch.add(latencyBucketOf(ms));
  return sketch.counts();
};
const near = (got: number | undefined, ms: number): boolean => got !== undefined && Math.abs(got - ms) <= ms * 0.051;

test('the p95 is that of all requests of the window, by whichever gateway; the panic window is its newest part', (t) => {
  const window = new LatencyWindow(60, 6);
  for (let second = 1; second <= 54; second += 1) window.record(second, took(100));
  for (let second = 55; second <= 60; second += 1) {
    window.record(second, took(100));
    window.record(second, took(900));
  }
  const p95 = window.p95(60);
  t.true(near(p95?.stable, 900), 'six of 66 are slow');
  t.true(near(p95?.panic, 900));
  t.true(near(window.p95(72)?.stable, 900));
  t.is(window.p95(120), undefined, 'nothing is left');
});

test('no request is no value, and in the panic window that of the stable one', (t) => {
  const window = new LatencyWindow(60, 6);
  t.is(window.p95(10), undefined);
  window.record(10, []);
  t.is(window.p95(10), undefined);
  window.record(10, took(40));
  t.true(near(window.p95(40)?.panic, 40));
  t.is(window.p95(70), undefined);
});

test('seconds in which no request ended take no memory', (t) => {
  const window = new LatencyWindow(60, 6);
  window.record(10, []);
  t.is(window.size, 0);
  window.record(11, took(40));
  t.is(window.size, 1);
});

test('reports of one second come from many gateways and add up', (t) => {
  const window = new LatencyWindow(60, 6);
  window.record(5, took(900));
  window.record(5, took(10, 10));
  t.true(near(window.p95(5)?.stable, 900));
});

test('the panic window is its own length and never longer than the stable one', (t) => {
  const window = new LatencyWindow(60, 6);
  window.record(56, took(900));
  window.record(60, took(10));
  t.true(near(window.p95(60)?.panic, 900));
  t.true(near(window.p95(62)?.panic, 10));
  const short = new LatencyWindow(5, 10);
  short.record(4, took(900));
  short.record(8, took(10));
  t.true(near(short.p95(9)?.panic, 10));
});

test('a second that has begun and is not asked for yet does not count', (t) => {
  const window = new LatencyWindow(60, 6);
  window.record(10, took(40));
  window.record(11, took(900));
  t.true(near(window.p95(10)?.stable, 40));
  t.true(near(window.p95(11)?.stable, 900));
});

test('what comes late is put where it belongs, and what is too late is left out', (t) => {
  const window = new LatencyWindow(10, 2);
  window.record(100, took(10));
  window.record(91, took(500));
  window.record(90, took(9000));
  t.true(near(window.p95(100)?.stable, 500));
  t.true(near(window.p95(101)?.stable, 10));
});

test('another length keeps what both cover', (t) => {
  const window = new LatencyWindow(60, 6);
  for (let second = 1; second <= 60; second += 1) window.record(second, took(second <= 30 ? 1000 : 50));
  t.true(near(window.resized(30, 3).p95(60)?.stable, 50));
  t.true(near(window.resized(600, 60).p95(60)?.stable, 1000));
  const hour = new LatencyWindow(3600, 60);
  hour.record(1000, took(900));
  hour.record(3000, took(10));
  t.true(near(hour.resized(600, 60).p95(3000)?.stable, 10));
  t.true(near(hour.resized(2400, 60).p95(3000)?.stable, 900));
});

test('of a long window the oldest seconds count to the end', (t) => {
  const window = new LatencyWindow(600, 60);
  window.record(9, took(900));
  window.record(605, took(10));
  t.true(near(window.p95(605)?.stable, 900));
});

test('an hour is kept in no more sketches than a minute, and the newest second counts in any panic window', (t) => {
  const window = new LatencyWindow(3600, 1);
  for (let second = 0; second < 8000; second += 1) window.record(second, took(20));
  t.true(window.size <= 61);
  t.true(near(window.p95(7999)?.panic, 20));
});

test('the p95 is never more than 5 % off that of the durations themselves', (t) => {
  const durations = fc.array(fc.double({ min: 1, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(durations, (all) => {
      const window = new LatencyWindow(60, 6);
      all.forEach((ms, index) => window.record(1 + (index % 60), took(ms)));
      const exact = [...all].sort((a, b) => a - b)[Math.ceil(all.length * 0.95) - 1] ?? Number.NaN;
      t.true(near(window.p95(60)?.stable, exact));
    }),
  );
});
