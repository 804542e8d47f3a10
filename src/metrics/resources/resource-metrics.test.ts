import test, { type ExecutionContext } from 'ava';
import { specWith, start } from '../../../test/support/decision-inputs.ts';
import { failed, instant, ManualClock, ok, seconds, workloadKey, type MetricReading, type Result, type WorkloadKey } from '../../core/index.ts';
import type { MeasuredPod, PodUsage } from './pod-usage.ts';
import { createResourceMetrics, type ResourceMetrics, type UsageProblem } from './resource-metrics.ts';

const web = workloadKey({ resource: 'deployments.apps', namespace: 'shop', name: 'web' });
const api = workloadKey({ resource: 'deployments.apps', namespace: 'other', name: 'api' });
const byCpu = specWith({ metrics: [{ metric: 'cpu', target: 50 }] });

/** A cluster whose pods use what a test says, read as long as the test runs. */
class Scene {
  /** That of the nodes. */
  readonly clock = new ManualClock(start);
  /** By how much ours is ahead of it. */
  ahead = 0;
  readonly reads: string[] = [];
  readonly told: [WorkloadKey, string | undefined][] = [];
  readonly metrics: ResourceMetrics;
  pods: MeasuredPod[] = [];
  cores = 0.25;
  /** Cores of containers with half a core requested; undefined: the API fails. */
  problem: UsageProblem | undefined;
  /** The newest sample does not change. */
  isStuck = false;
  #timestamp = 0;

  constructor(t: ExecutionContext) {
    this.metrics = createResourceMetrics({
      clock: {
        now: () => instant(this.clock.now() + this.ahead),
        monotonic: () => this.clock.monotonic(),
        after: (delay, task) => this.clock.after(delay, task),
        every: (period, task) => this.clock.every(period, task),
        sleep: (delay, signal) => this.clock.sleep(delay, signal),
      },
      read: (namespace) => Promise.resolve(this.#read(namespace)),
      pods: () => this.pods,
      onProblem: (key, problem) => this.told.push([key, problem]),
    });
    const end = new AbortController();
    const running = this.metrics.run(end.signal);
    t.teardown(async () => {
      end.abort();
      await running;
    });
  }

  runs(...names: readonly string[]): void {
    this.pods = names.map((name) => ({
      name,
      createdAt: start - 600_000,
      deleting: false,
      finished: false,
      ready: true,
      readyChangedAt: start - 599_000,
      containers: ['app'],
      cpuRequest: 0.5,
      withoutCpuRequest: undefined,
    }));
  }

  reading(key = web, spec = byCpu): MetricReading {
    return this.metrics.reading('cpu', key, spec);
  }

  /** As the scaler: asks every 2 s. */
  async look(forSeconds: number, key = web): Promise<MetricReading> {
    let reading = this.reading(key);
    for (let passed = 0; passed < forSeconds; passed += 1) {
      await this.clock.advance(seconds(1));
      if (passed % 2 === 1) reading = this.reading(key);
    }
    return reading;
  }

  #read(namespace: string): Result<readonly PodUsage[], UsageProblem> {
    this.reads.push(namespace);
    if (this.problem !== undefined) return failed(this.problem);
    if (!this.isStuck) this.#timestamp = this.clock.now();
    return ok(
      this.pods.map(({ name }) => ({ name, timestamp: this.#timestamp, windowMs: 15_000, containers: [{ name: 'app', cpu: this.cores, memory: 5e9 }] })),
    );
  }
}

const stable = (reading: MetricReading): number => (reading.kind === 'value' ? reading.stable : Number.NaN);

test('nothing is read while nobody asks, one list per namespace every 15 s while somebody does', async (t) => {
  const scene = new Scene(t);
  scene.runs('a');
  await scene.clock.advance(seconds(60));
  t.deepEqual(scene.reads, []);
  scene.reading(api);
  await scene.look(31);
  t.deepEqual(scene.reads.filter((namespace) => namespace === 'shop').length, 3);
  t.deepEqual(scene.reads.filter((namespace) => namespace === 'other').length, 2, 'nobody has asked for it for 30 s');
  t.is(scene.metrics.reads.get('ok'), 5);
  await scene.clock.advance(seconds(31));
  const { length } = scene.reads;
  await scene.clock.advance(seconds(60));
  t.is(scene.reads.length, length, 'nobody asks any more');
});

test('the total of all pods is averaged over both windows, as of the newest sample', async (t) => {
  const scene = new Scene(t);
  scene.runs('a', 'b');
  t.deepEqual(scene.reading(), { metric: 'cpu', kind: 'no-data', age: undefined, why: 'no pod has been measured yet' });
  t.is(stable(await scene.look(61)), 100, 'two pods at half of what they request');
  scene.cores = 0.5;
  const later = await scene.look(31);
  t.like(later, { kind: 'value', panic: 200 });
  t.true(stable(later) > 140 && stable(later) < 160, 'half of the stable window');
  t.is(stable(await scene.look(60)), 200);
});

test('memory of more bytes than a window takes is told whole', async (t) => {
  const scene = new Scene(t);
  scene.runs('a', 'b');
  const byMemory = specWith({ metrics: [{ metric: 'memory', target: 2 ** 30 }] });
  scene.metrics.reading('memory', web, byMemory);
  await scene.clock.advance(seconds(2));
  const reading = scene.metrics.reading('memory', web, byMemory);
  t.true(Math.abs(stable(reading) - 1e10) < 10);
});

test('a workload without pods uses nothing: that is known without asking', async (t) => {
  const scene = new Scene(t);
  t.like(scene.reading(), { kind: 'value', stable: 0, panic: 0 });
  scene.runs('a');
  await scene.look(20);
  scene.runs();
  t.like(scene.reading(), { kind: 'value', stable: 0 });
  scene.runs('b');
  t.like(scene.reading(), { kind: 'no-data' }, 'what was before is no measure of what is now');
});

test('it is warm once a stable window was measured', async (t) => {
  const scene = new Scene(t);
  scene.runs('a');
  await scene.look(30);
  t.false(scene.metrics.isWarm('cpu', web, byCpu));
  await scene.look(32);
  t.true(scene.metrics.isWarm('cpu', web, byCpu));
});

test('while the API fails the last values stand and get older, then there are none; both are told once', async (t) => {
  const scene = new Scene(t);
  scene.runs('a');
  await scene.look(60);
  scene.problem = { kind: 'not-found', message: 'there is no metrics API' };
  const failing = await scene.look(120);
  t.like(failing, { kind: 'value', stable: 50 });
  t.true(failing.age !== undefined && failing.age > 90_000, 'the decider takes it for stale');
  t.like(await scene.look(80), { kind: 'no-data', why: 'there is no metrics API' });
  t.deepEqual(scene.told, [[web, 'there is no metrics API']]);
  t.deepEqual([...scene.metrics.problems], scene.told);
  t.true((scene.metrics.reads.get('not-found') ?? 0) >= 12);
  scene.problem = undefined;
  t.like(await scene.look(16), { kind: 'value', stable: 50 });
  t.deepEqual(scene.told.at(-1), [web, undefined]);
  t.is(scene.metrics.problems.size, 0);
});

test('a read that fails is nothing to tell while the last values stand', async (t) => {
  const scene = new Scene(t);
  scene.runs('a');
  await scene.look(60);
  scene.problem = { kind: 'throttled', message: 'too many requests' };
  await scene.look(45);
  scene.problem = undefined;
  t.like(await scene.look(30), { kind: 'value', stable: 50 });
  t.is(scene.metrics.reads.get('throttled'), 3);
  t.deepEqual(scene.told, []);
});

test('who no longer asks has no problem any more', async (t) => {
  const scene = new Scene(t);
  scene.runs('a');
  scene.problem = { kind: 'not-found', message: 'there is no metrics API' };
  await scene.look(4);
  await scene.clock.advance(seconds(60));
  t.deepEqual(scene.told, [
    [web, 'there is no metrics API'],
    [web, undefined],
  ]);
});

test('what was not measured is no zero: after a gap the windows begin anew', async (t) => {
  const scene = new Scene(t);
  const long = specWith({ metrics: [{ metric: 'cpu', target: 50 }], stableWindow: seconds(600) });
  scene.runs('a');
  const look = async (forSeconds: number): Promise<MetricReading> => {
    let reading = scene.reading(web, long);
    for (let passed = 0; passed < forSeconds; passed += 2) {
      await scene.clock.advance(seconds(2));
      reading = scene.reading(web, long);
    }
    return reading;
  };
  await look(620);
  t.true(scene.metrics.isWarm('cpu', web, long));
  scene.problem = { kind: 'unavailable', message: 'metrics-server does not answer' };
  await look(480);
  scene.problem = undefined;
  t.is(stable(await look(60)), 50);
  t.false(scene.metrics.isWarm('cpu', web, long), 'nothing goes down before a whole window is known again');
});

test('every namespace has its turn, however many there are', async (t) => {
  const scene = new Scene(t);
  scene.runs('a');
  const keys = Array.from({ length: 70 }, (_, index) => workloadKey({ resource: 'deployments.apps', namespace: `team-${index}`, name: 'web' }));
  for (let passed = 0; passed < 30; passed += 2) {
    for (const key of keys) scene.reading(key);
    await scene.clock.advance(seconds(2));
  }
  t.is(new Set(scene.reads).size, 70);
});

test('an API that answers with the same old samples has nothing new', async (t) => {
  const scene = new Scene(t);
  scene.runs('a');
  await scene.look(30);
  scene.isStuck = true;
  t.like(await scene.look(200), { kind: 'no-data', why: 'the metrics API has nothing new' });
});

test('a pod without a request is told, and is no zero', async (t) => {
  const scene = new Scene(t);
  scene.runs('a');
  scene.pods = scene.pods.map((pod) => ({ ...pod, cpuRequest: undefined, withoutCpuRequest: 'app' }));
  const why = 'container app of pod a has no request for cpu, so there is nothing that a percentage could be of';
  t.deepEqual(await scene.look(20), { metric: 'cpu', kind: 'no-data', age: undefined, why });
  t.deepEqual(scene.told, [[web, why]]);
});

test('a clock that is minutes off, or is set back, stops nothing; a sample that is older by its own time is none', async (t) => {
  const scene = new Scene(t);
  scene.ahead = 250_000;
  scene.runs('a');
  t.like(await scene.look(60), { kind: 'value', panic: 50 });
  scene.ahead = -250_000;
  scene.cores = 0.5;
  t.like(await scene.look(62), { kind: 'value', panic: 100 });
  scene.ahead = 400_000;
  t.like(await scene.look(62), { kind: 'no-data' });
});
