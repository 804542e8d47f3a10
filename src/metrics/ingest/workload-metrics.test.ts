import test from 'ava';
import fc from 'fast-check';
import { specWith, start } from '../../../test/support/decision-inputs.ts';
import {
  instant,
  latencyBucketOf,
  ManualClock,
  pods,
  seconds,
  workloadKey,
  type MetricReading,
  type Report,
  type ScaleSpec,
  type WorkloadReport,
} from '../../core/index.ts';
import type { Metering } from './metering.ts';
import type { WorkloadLoad, WorkloadMetrics, WorkloadMetricsOptions } from './ports.ts';
import { createWorkloadMetrics } from './workload-metrics.ts';

const web = workloadKey({ resource: 'deployments.apps', namespace: 'default', name: 'web' });
const api = workloadKey({ resource: 'deployments.apps', namespace: 'default', name: 'api' });

const figures = (averageConcurrency: number, more: Partial<WorkloadReport> = {}): WorkloadReport => ({
  workload: web,
  averageConcurrency,
  requestCount: 0,
  held: 0,
  inFlight: 0,
  inFlightByPod: {},
  ...more,
});

/** A controller's metrics, a clock, and gateways that report once a second. */
class Scene {
  readonly clock = new ManualClock(start);
  readonly metrics: WorkloadMetrics;
  readonly #sequences = new Map<string, number>();

  constructor(options: Partial<WorkloadMetricsOptions> = {}) {
    this.metrics = createWorkloadMetrics({ clock: this.clock, settleFor: seconds(0), ...options });
  }

  report(gateway: string, workloads: readonly WorkloadReport[], more: Partial<Report> = {}): void {
    const sequence = more.sequence ?? (this.#sequences.get(gateway) ?? 0) + 1;
    if (more.sequence === undefined) this.#sequences.set(gateway, sequence);
    this.metrics.ingest(gateway, { ageMs: 0, intervalMs: 1000, workloads, ...more, sequence }, this.clock.now());
  }

  /** `count` seconds in which each of `gateways` reports the same. */
  async run(count: number, gateways: Readonly<Record<string, readonly WorkloadReport[]>>): Promise<void> {
    for (let second = 0; second < count; second += 1) {
      await this.clock.advance(seconds(1));
      for (const [gateway, workloads] of Object.entries(gateways)) this.report(gateway, workloads);
    }
  }

  load(spec: ScaleSpec = specWith()): WorkloadLoad {
    return this.metrics.observe(web, spec, this.clock.now());
  }

  reading(spec: ScaleSpec = specWith()): MetricReading | undefined {
    return this.load(spec).metrics[0];
  }
}

const stableOf = (reading: MetricReading | undefined): number => (reading?.kind === 'value' ? reading.stable : Number.NaN);
const panicOf = (reading: MetricReading | undefined): number => (reading?.kind === 'value' ? reading.panic : Number.NaN);

test('the figures of all gateways are added up', async (t) => {
  const scene = new Scene();
  for (const id of ['a', 'b']) scene.metrics.gatewayJoined(id);
  await scene.run(10, {
    a: [figures(3, { held: 1, inFlight: 2, inFlightByPod: { p1: 1, p2: 1 } })],
    b: [figures(4, { held: 0, inFlight: 4, inFlightByPod: { p1: 4 } })],
  });
  const load = scene.load();
  t.like(load, { held: 1, inFlight: 6, absentGateways: 0 });
  t.deepEqual([...load.inFlightByPod], [['p1', 5], ['p2', 1]]); // prettier-ignore
  t.deepEqual([stableOf(load.metrics[0]), panicOf(load.metrics[0])], [7, 7]);
});

test('without any gateway there is no data; with one that reports nothing of a workload its load is zero', async (t) => {
  const scene = new Scene();
  t.deepEqual(scene.reading(), { metric: 'concurrency', kind: 'no-data', age: undefined });
  scene.metrics.gatewayJoined('a');
  t.is(scene.reading()?.kind, 'no-data');
  await scene.run(1, { a: [] });
  t.is(stableOf(scene.reading()), 0);
});

test('a workload that is left out of the reports falls to zero over the window', async (t) => {
  const scene = new Scene();
  scene.metrics.gatewayJoined('a');
  await scene.run(60, { a: [figures(10)] });
  await scene.run(30, { a: [] });
  t.deepEqual([stableOf(scene.reading()), panicOf(scene.reading())], [5, 0]);
  await scene.run(30, { a: [] });
  t.is(stableOf(scene.reading()), 0);
  t.like(scene.load(), { held: 0, inFlight: 0 });
});

test('the panic window sees a burst as soon as under kpa, whose window has the second in it that is under way', async (t) => {
  const [ours, theirs] = [new Scene(), new Scene()];
  const kpa = specWith({}, { policy: 'kpa' });
  for (const { metrics } of [ours, theirs]) metrics.gatewayJoined('a');
  const run = async (count: number, load: number): Promise<void> => {
    for (let second = 0; second < count; second += 1)
      for (const [scene, spec] of [
        [ours, specWith()],
        [theirs, kpa],
      ] as const) {
        await scene.run(1, { a: [figures(load)] });
        scene.load(spec);
      }
  };
  await run(60, 10);
  for (const expected of [16, 22, 28, 34, 40, 40]) {
    await run(1, 40);
    t.is(panicOf(ours.reading()), expected);
    t.is(panicOf(theirs.reading(kpa)), expected);
  }
});

test('reports that come early and late still fill one second each', async (t) => {
  const scene = new Scene();
  scene.metrics.gatewayJoined('a');
  await scene.clock.advance(seconds(0.95));
  for (let second = 0; second < 60; second += 1) {
    const late = second % 2 === 0 ? 0.1 : -0.1;
    await scene.clock.advance(seconds(1 + late));
    scene.report('a', [figures(8)]);
    t.is(panicOf(scene.reading()), 8);
  }
  t.is(stableOf(scene.reading()), 8);
});

test('a gateway whose beat is slow, or fast, keeps its level', async (t) => {
  for (const beat of [1.013, 0.987]) {
    const scene = new Scene();
    scene.metrics.gatewayJoined('a');
    for (let report = 0; report < 400; report += 1) {
      await scene.clock.advance(seconds(beat));
      scene.report('a', [figures(8)], { intervalMs: beat * 1000 });
      t.true(Math.abs(stableOf(scene.reading()) - 8) < 1e-3, `${String(beat)} ${String(report)}`);
    }
  }
});

test('a report over several seconds fills them all, its requests spread evenly', async (t) => {
  const scene = new Scene();
  const spec = specWith({ metrics: [{ metric: 'rps', target: 10 }] });
  scene.metrics.gatewayJoined('a');
  await scene.run(10, { a: [figures(1, { requestCount: 5 })] });
  await scene.clock.advance(seconds(4));
  scene.report('a', [figures(1, { requestCount: 20 })], { intervalMs: 4000 });
  t.deepEqual([stableOf(scene.reading(spec)), panicOf(scene.reading(spec))], [5, 5]);
});

test('a report that came before is dropped and counted', async (t) => {
  const scene = new Scene();
  scene.metrics.gatewayJoined('a');
  await scene.run(5, { a: [figures(2)] });
  scene.report('a', [figures(50)], { sequence: 5 });
  scene.report('a', [figures(50)], { sequence: 3 });
  t.is(stableOf(scene.reading()), 2);
  t.is(scene.metrics.drops.doubled, 2);
});

test('replayed history fills the past, and makes a controller that has just started warm', (t) => {
  const scene = new Scene();
  scene.metrics.gatewayJoined('a');
  t.false(scene.load().warm);
  for (let sequence = 1; sequence <= 60; sequence += 1)
    scene.report('a', [figures(sequence <= 30 ? 0 : 12)], { sequence: 1000 + sequence, ageMs: (60 - sequence) * 1000 });
  t.true(scene.load().warm);
  t.deepEqual([stableOf(scene.reading()), panicOf(scene.reading())], [12, 12]);
});

test('history of a workload whose spec is not known yet is kept', (t) => {
  const scene = new Scene();
  scene.metrics.gatewayJoined('a');
  for (let sequence = 1; sequence <= 200; sequence += 1) scene.report('a', [figures(sequence <= 100 ? 4 : 2)], { ageMs: (200 - sequence) * 1000 });
  t.is(stableOf(scene.reading(specWith({ stableWindow: seconds(200) }))), 3);
});

test('it is warm after a window of its own, and not before it has settled', async (t) => {
  const scene = new Scene();
  scene.metrics.gatewayJoined('a');
  scene.load();
  await scene.run(59, { a: [] });
  t.false(scene.load().warm);
  await scene.run(1, { a: [] });
  t.true(scene.load().warm);
  const settling = new Scene({ settleFor: seconds(5) });
  settling.metrics.gatewayJoined('a');
  for (let sequence = 1; sequence <= 60; sequence += 1) settling.report('a', [], { ageMs: (60 - sequence) * 1000 });
  t.false(settling.load().warm);
  await settling.run(5, { a: [] });
  t.true(settling.load().warm);
});

test('a workload that is new to a running controller is not warm before a window of its own', async (t) => {
  const scene = new Scene();
  scene.metrics.gatewayJoined('a');
  await scene.run(120, { a: [] });
  t.false(scene.load().warm);
  await scene.run(60, { a: [] });
  t.true(scene.load().warm);
});

test('while only a part of the traffic is metered the load may raise, but the workload is not warm', async (t) => {
  let metering: Metering = 'full';
  const scene = new Scene({ metering: () => metering });
  scene.metrics.gatewayJoined('a');
  scene.load();
  await scene.run(60, { a: [figures(5)] });
  t.true(scene.load().warm);
  metering = 'partial';
  t.false(scene.load().warm);
  t.is(stableOf(scene.reading()), 5);
  metering = 'full';
  t.false(scene.load().warm);
  await scene.run(60, { a: [figures(5)] });
  t.true(scene.load().warm);
});

test('where traffic never comes to the gateways their silence is no data', async (t) => {
  const scene = new Scene({ metering: () => 'none' });
  scene.metrics.gatewayJoined('a');
  await scene.run(60, { a: [] });
  t.is(scene.reading()?.kind, 'no-data');
  for (const path of ['none', 'direct'] as const) {
    const other = new Scene();
    other.metrics.gatewayJoined('a');
    await other.run(60, { a: [] });
    t.is(other.reading(specWith({}, { path }))?.kind, 'no-data');
  }
});

test('gateways that take turns cover the window together; a hole makes it cold again', async (t) => {
  const scene = new Scene();
  scene.metrics.gatewayJoined('a');
  scene.load();
  await scene.run(50, { a: [] });
  scene.metrics.gatewayJoined('b');
  await scene.run(2, { a: [], b: [] });
  scene.metrics.gatewayLeft('a', true);
  await scene.run(10, { b: [] });
  t.true(scene.load().warm);
  scene.metrics.gatewayLeft('b', true);
  await scene.clock.advance(seconds(30));
  scene.metrics.gatewayJoined('c');
  await scene.run(1, { c: [] });
  t.false(scene.load().warm);
});

test('a gateway that falls silent is absent after three seconds, and its last figures stand', async (t) => {
  const scene = new Scene();
  for (const id of ['a', 'b']) scene.metrics.gatewayJoined(id);
  await scene.run(60, { a: [figures(10, { held: 1, inFlight: 9 })], b: [figures(5)] });
  t.is(scene.load().absentGateways, 0);
  await scene.run(4, { b: [figures(5)] });
  t.like(scene.load(), { absentGateways: 1, held: 1, inFlight: 9 });
  await scene.run(100, { b: [figures(5)] });
  t.deepEqual([stableOf(scene.reading()), panicOf(scene.reading())], [15, 15]);
});

test('with every gateway silent the last figures stand and their age grows', async (t) => {
  const scene = new Scene();
  scene.metrics.gatewayJoined('a');
  await scene.run(60, { a: [figures(10)] });
  await scene.clock.advance(seconds(90));
  t.deepEqual(scene.reading(), { metric: 'concurrency', kind: 'value', stable: 10, panic: 10, age: seconds(90) });
  t.is(scene.load().absentGateways, 1);
});

test('a gateway that is back with its history leaves no trace of its absence', async (t) => {
  const scene = new Scene();
  scene.metrics.gatewayJoined('a');
  scene.load();
  await scene.run(60, { a: [figures(10)] });
  scene.metrics.gatewayLeft('a', false);
  await scene.clock.advance(seconds(20));
  scene.metrics.gatewayJoined('a');
  for (let age = 19; age >= 0; age -= 1) scene.report('a', [figures(4)], { ageMs: age * 1000 });
  t.like(scene.load(), { absentGateways: 0, warm: true });
  t.is(stableOf(scene.reading()), 8);
});

test('a gateway that leaves in order takes its figures along; one that is lost is given up in the end', async (t) => {
  const scene = new Scene({ standFor: seconds(120) });
  for (const id of ['a', 'b', 'c']) scene.metrics.gatewayJoined(id);
  await scene.run(60, { a: [figures(1, { inFlight: 1 })], b: [figures(2, { inFlight: 2 })], c: [] });
  scene.metrics.gatewayLeft('a', true);
  t.is(scene.load().inFlight, 2);
  scene.metrics.gatewayLeft('b', false);
  await scene.run(60, { c: [] });
  t.like(scene.load(), { inFlight: 2, absentGateways: 1 });
  await scene.run(61, { c: [] });
  t.like(scene.load(), { inFlight: 0, absentGateways: 0 });
});

test('between the reports of two gateways the one that has not spoken yet counts with its last figures', async (t) => {
  const scene = new Scene();
  for (const id of ['a', 'b']) scene.metrics.gatewayJoined(id);
  await scene.run(60, { a: [figures(10)], b: [figures(10)] });
  await scene.clock.advance(seconds(1));
  scene.report('a', [figures(10)]);
  t.deepEqual([stableOf(scene.reading()), panicOf(scene.reading())], [20, 20]);
});

test('a poke is newer than the last report, until the next one', async (t) => {
  const scene = new Scene();
  scene.metrics.gatewayJoined('a');
  await scene.run(1, { a: [] });
  scene.metrics.poke('a', { workload: web, held: 7, oldestHeldMs: 0 });
  t.is(scene.load().held, 7);
  await scene.run(1, { a: [figures(3, { held: 2 })] });
  t.is(scene.load().held, 2);
});

test('figures that no gateway can have measured are dropped and counted', async (t) => {
  const scene = new Scene();
  scene.metrics.gatewayJoined('a');
  await scene.run(10, { a: [figures(5)] });
  await scene.clock.advance(seconds(1));
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
    scene.report('a', [figures(wrong)]);
    scene.report('a', [figures(5, { held: wrong })]);
    scene.report('a', [figures(5, { inFlightByPod: { p: wrong } })]);
    scene.report('a', [], { sequence: wrong });
    scene.report('a', [], { ageMs: wrong, sequence: 900 });
    scene.report('a', [], { intervalMs: wrong, sequence: 900 });
  }
  t.is(scene.metrics.drops.invalid, 18);
  t.is(stableOf(scene.reading()) <= 5, true);
  scene.report('nobody', [figures(5)]);
  t.is(scene.metrics.drops.unknownGateway, 1);
});

test('a clock that is set back does not stop the windows', async (t) => {
  const scene = new Scene();
  scene.metrics.gatewayJoined('a');
  await scene.run(60, { a: [figures(10)] });
  let sequence = 1000;
  for (let second = 1; second <= 60; second += 1) {
    const wall = new ManualClock(start);
    await wall.advance(seconds(second - 86_400));
    scene.metrics.ingest('a', { sequence: (sequence += 1), ageMs: 0, intervalMs: 1000, workloads: [figures(2)] }, wall.now());
    const reading = scene.metrics.observe(web, specWith(), wall.now()).metrics[0];
    t.true(stableOf(reading) <= 10 && stableOf(reading) >= 2);
    if (second === 60) t.true(stableOf(reading) < 2.5);
  }
});

test('a request of a few microseconds keeps a window from being idle, until it has left it', async (t) => {
  const scene = new Scene();
  const spec = specWith({ stableWindow: seconds(600) });
  scene.metrics.gatewayJoined('a');
  await scene.run(1, { a: [] });
  scene.load(spec);
  await scene.run(600, { a: [] });
  await scene.run(1, { a: [figures(0.00001, { requestCount: 1 })] });
  await scene.run(290, { a: [] });
  scene.load(spec);
  await scene.run(290, { a: [] });
  scene.load(spec);
  await scene.run(19, { a: [] });
  t.is(stableOf(scene.reading(spec)), 1e-6);
  await scene.run(1, { a: [] });
  t.is(stableOf(scene.reading(spec)), 0);
});

const timed = (ms: number, count: number): Partial<WorkloadReport> => ({
  requestCount: count,
  revisions: [{ revision: 'a', averageConcurrency: 1, requestCount: count, latency: [latencyBucketOf(ms), count], requestBytes: 0, responseBytes: 0 }],
});

test('latency is the p95 of all gateways together, for who asks, with the concurrency that it needs', async (t) => {
  const scene = new Scene();
  for (const id of ['a', 'b']) scene.metrics.gatewayJoined(id);
  const bySpeed = specWith({ metrics: [{ metric: 'latency', target: 250 }] });
  scene.load(bySpeed);
  await scene.run(20, { a: [figures(2, timed(100, 9))], b: [figures(3, timed(800, 1))] });
  const [latency, concurrency] = scene.load(bySpeed).metrics;
  t.like(concurrency, { metric: 'concurrency', stable: 5 });
  t.true(Math.abs(stableOf(latency) - 800) < 40);
  t.deepEqual(
    scene.load().metrics.map(({ metric }) => metric),
    ['concurrency'],
  );
  t.like(scene.reading(bySpeed), { kind: 'no-data' }, 'what nobody asked for is not kept');
});

test('a time in which no request ended has no latency, which is not zero and keeps nothing up', async (t) => {
  const scene = new Scene();
  scene.metrics.gatewayJoined('a');
  const bySpeed = specWith({ metrics: [{ metric: 'latency', target: 250 }] });
  scene.load(bySpeed);
  await scene.run(2, { a: [figures(2, timed(100, 9))] });
  await scene.run(70, { a: [] });
  t.like(scene.load(bySpeed).metrics, [
    { metric: 'latency', kind: 'no-data', nothing: true },
    { metric: 'concurrency', kind: 'value', stable: 0 },
  ]);
});

test('a gateway that does not tell how long requests take makes latency missing', async (t) => {
  const scene = new Scene();
  scene.metrics.gatewayJoined('a');
  const bySpeed = specWith({ metrics: [{ metric: 'latency', target: 250 }] });
  scene.load(bySpeed);
  await scene.run(5, { a: [figures(2, { requestCount: 3 })] });
  const reading = scene.reading(bySpeed);
  t.true(reading?.kind === 'no-data' && reading.nothing === undefined && reading.why?.includes('earlier version') === true);
});

test('latency that is no sketch is left out', async (t) => {
  const scene = new Scene();
  scene.metrics.gatewayJoined('a');
  const bySpeed = specWith({ metrics: [{ metric: 'latency', target: 250 }] });
  scene.load(bySpeed);
  for (const latency of [[-1, 5], [3], [5, 0.5], [1e9, 1]])
    await scene.run(1, {
      a: [figures(1, { revisions: [{ revision: 'a', averageConcurrency: 1, requestCount: 1, latency, requestBytes: 0, responseBytes: 0 }] })],
    });
  t.like(scene.reading(bySpeed), { kind: 'no-data', nothing: true });
});

test('metrics that gateways do not measure are no data; a formula gets every one that they do', async (t) => {
  const scene = new Scene();
  scene.metrics.gatewayJoined('a');
  await scene.run(5, { a: [figures(1, { requestCount: 3, held: 2 })] });
  const spec = specWith({ metrics: [{ metric: 'cpu', target: 80 }], formula: 'rps' });
  t.deepEqual(
    scene.load(spec).metrics.map((reading) => [reading.metric, reading.kind === 'value' ? reading.stable : reading.kind]),
    [['cpu', 'no-data'], ['concurrency', 1], ['rps', 3], ['held', 2]], // prettier-ignore
  );
});

test('a workload that sleeps starts its window afresh, one that keeps pods counts the idle time in', async (t) => {
  for (const [min, stable] of [
    [0, 30],
    [1, 0.5],
  ] as const) {
    const scene = new Scene();
    const spec = specWith({ min: pods(min) });
    scene.metrics.gatewayJoined('a');
    for (let second = 0; second < 120; second += 1) {
      await scene.run(1, { a: [] });
      scene.load(spec);
    }
    await scene.run(1, { a: [figures(30)] });
    t.is(stableOf(scene.reading(spec)), stable);
  }
});

test('under kpa the reading is that of Knative, decay of silence included', async (t) => {
  const scene = new Scene();
  const spec = specWith({ aggregation: 'weighted-exponential' }, { policy: 'kpa' });
  scene.metrics.gatewayJoined('a');
  await scene.run(60, { a: [figures(10)] });
  const full = stableOf(scene.reading(spec));
  await scene.clock.advance(seconds(10));
  t.true(
    Math.abs(stableOf(scene.reading(spec)) - full * Math.pow(0.8, 11)) < 1e-3 || Math.abs(stableOf(scene.reading(spec)) - full * Math.pow(0.8, 10)) < 1e-3,
  );
});

test('forgetting a workload drops all of it and nothing else', async (t) => {
  const scene = new Scene();
  scene.metrics.gatewayJoined('a');
  await scene.run(10, { a: [figures(5, { inFlight: 5, held: 1 }), figures(6, { workload: api, inFlight: 6 })] });
  scene.metrics.forget(web);
  t.like(scene.load(), { inFlight: 0, held: 0 });
  t.is(stableOf(scene.reading()), 0);
  t.is(scene.metrics.observe(api, specWith(), scene.clock.now()).inFlight, 6);
});

test('no more workloads than the limit are kept, and those nobody asks for go', async (t) => {
  const scene = new Scene({ mostWorkloads: 10 });
  scene.metrics.gatewayJoined('a');
  const many = Array.from({ length: 15 }, (_, index) =>
    figures(1, { workload: workloadKey({ resource: 'deployments.apps', namespace: 'x', name: String(index) }) }),
  );
  await scene.run(1, { a: many });
  t.is(scene.metrics.drops.overLimit, 5);
  await scene.run(400, { a: [] });
  await scene.run(1, { a: [figures(4)] });
  t.is(stableOf(scene.reading()), 4);
});

test('whatever gateways say, a reading is a number from zero to the sum of their highest figures', (t) => {
  const event = fc.record({
    gateway: fc.constantFrom('a', 'b', 'c'),
    kind: fc.constantFrom('report', 'report', 'report', 'join', 'leave', 'lose'),
    sequence: fc.integer({ min: 0, max: 60 }),
    ageMs: fc.integer({ min: 0, max: 90_000 }),
    intervalMs: fc.integer({ min: 0, max: 5000 }),
    load: fc.double({ min: 0, max: 100, noNaN: true }),
    stepMs: fc.integer({ min: 0, max: 3000 }),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), fc.constantFrom('linear' as const, 'weighted-exponential' as const), (events, aggregation) => {
      const clock = new ManualClock(start);
      const metrics = createWorkloadMetrics({ clock });
      let wall = Number(start);
      for (const { gateway, kind, sequence, ageMs, intervalMs, load, stepMs } of events) {
        wall += stepMs;
        if (kind === 'join') metrics.gatewayJoined(gateway);
        else if (kind === 'report') metrics.ingest(gateway, { sequence, ageMs, intervalMs, workloads: [figures(load)] }, instant(wall));
        else metrics.gatewayLeft(gateway, kind === 'leave');
        const [reading] = metrics.observe(web, specWith({ aggregation }), instant(wall)).metrics;
        if (reading?.kind === 'value') t.true(reading.stable >= 0 && reading.panic >= 0 && reading.stable <= 3 * 100 * 60 && Number.isFinite(reading.panic));
      }
    }),
    { numRuns: 50 },
  );
});

for (const late of [3, 8, 14])
  test(`reports that a stalled link held up for ${late} s and brings together are for the seconds in which they were made`, async (t) => {
    const scene = new Scene();
    scene.metrics.gatewayJoined('a');
    await scene.run(60, { a: [figures(10)] });
    await scene.clock.advance(seconds(late));
    for (let report = 0; report < late; report += 1) scene.report('a', [figures(10)]);
    t.is(stableOf(scene.reading()), 10);
    await scene.run(5, { a: [figures(10)] });
    t.is(stableOf(scene.reading()), 10);
    t.is(scene.metrics.drops.doubled, 0);
  });

test('a gateway whose beat goes on after our clock was set forward is believed by the clock again at its second report', async (t) => {
  const scene = new Scene();
  scene.metrics.gatewayJoined('a');
  await scene.run(60, { a: [figures(10)] });
  await scene.clock.advance(seconds(40));
  await scene.run(3, { a: [figures(10)] });
  const reading = scene.reading();
  t.true(reading?.kind === 'value' && reading.age <= 1000);
  t.true(panicOf(reading) > 0, 'its newest seconds are those of now');
});
