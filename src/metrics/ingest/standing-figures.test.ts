import test from 'ava';
import { specWith, start } from '../../../test/support/decision-inputs.ts';
import { ManualClock, seconds, workloadKey, type WorkloadReport } from '../../core/index.ts';
import { createWorkloadMetrics } from './workload-metrics.ts';

const keyOf = (name: string) => workloadKey({ resource: 'deployments.apps', namespace: 'default', name });
const figures = (name: string, inFlight: number, pods: readonly string[]): WorkloadReport => ({
  workload: keyOf(name),
  averageConcurrency: inFlight,
  requestCount: inFlight,
  held: 1,
  inFlight,
  inFlightByPod: Object.fromEntries(pods.map((pod) => [pod, inFlight / pods.length])),
});

const scene = (mostWorkloads = 100) => {
  const clock = new ManualClock(start);
  const metrics = createWorkloadMetrics({ clock, settleFor: seconds(0), mostWorkloads });
  metrics.gatewayJoined('a');
  let sequence = 0;
  return {
    metrics,
    look: (name: string) => metrics.observe(keyOf(name), specWith(), clock.now()),
    second: async (workloads: readonly WorkloadReport[], forSeconds = 1) => {
      await clock.advance(seconds(1));
      sequence += 1;
      metrics.ingest('a', { sequence, ageMs: 0, intervalMs: forSeconds * 1000, workloads }, clock.now());
    },
  };
};

test('a row that another workload had says nothing of the next one', async (t) => {
  const { metrics, look, second } = scene();
  await second([figures('first', 4, ['p', 'q'])]);
  t.deepEqual([look('first').inFlight, look('first').held, [...look('first').inFlightByPod]], [4, 1, [['p', 2], ['q', 2]]]); // prettier-ignore
  metrics.forget(keyOf('first'));
  metrics.gatewayJoined('b');
  metrics.ingest('b', { sequence: 1, ageMs: 0, intervalMs: 1000, workloads: [figures('second', 6, ['r'])] }, start);
  const seen = look('second');
  t.deepEqual([seen.inFlight, seen.held, [...seen.inFlightByPod]], [6, 1, [['r', 6]]]);
});

test('any number of workloads keep their own figures', async (t) => {
  const { look, second } = scene();
  const names = Array.from({ length: 90 }, (_, index) => `workload-${String(index)}`);
  for (const shift of [0, 1, 2]) await second(names.map((name, index) => figures(name, index + shift, [`pod-of-${name}`])));
  for (const [index, name] of names.entries()) t.deepEqual([...look(name).inFlightByPod], [[`pod-of-${name}`, index + 2]]);
});

test('a workload that has slept is quiet until something is heard of it', async (t) => {
  const { metrics, look, second } = scene();
  await second([]);
  t.false(metrics.isQuiet(keyOf('web')));
  look('web');
  t.true(metrics.isQuiet(keyOf('web')));
  metrics.poke('a', { workload: keyOf('web'), held: 1, oldestHeldMs: 0 });
  t.false(metrics.isQuiet(keyOf('web')));
  await second([]);
  t.true(metrics.isQuiet(keyOf('web')));
  await second([figures('web', 1, ['p'])]);
  t.false(metrics.isQuiet(keyOf('web')));
});

test('nothing is quiet where no gateway is left that would tell', async (t) => {
  const { metrics, look, second } = scene();
  t.false(metrics.isQuiet(keyOf('web')));
  await second([]);
  look('web');
  t.true(metrics.isQuiet(keyOf('web')));
  metrics.gatewayLeft('a', false);
  t.false(metrics.isQuiet(keyOf('web')), 'its figures stand for ten minutes');
  metrics.gatewayJoined('a');
  t.true(metrics.isQuiet(keyOf('web')));
  metrics.gatewayLeft('a', true);
  t.false(metrics.isQuiet(keyOf('web')));
});

test('beyond the limit of what nobody has asked for, nothing counts as warm for a window: what was left out is not zero', async (t) => {
  const { metrics, look, second } = scene(1);
  await second([figures('one', 1, ['p'])], 60);
  t.true(look('one').warm);
  await second([figures('one', 1, ['p']), figures('two', 1, ['p'])]);
  t.is(metrics.drops.overLimit, 1);
  t.false(look('two').warm);
  await second([figures('one', 1, ['p']), figures('two', 1, ['p'])]);
  t.is(metrics.drops.overLimit, 1);
  t.is(look('two').inFlight, 1);
  for (let passed = 0; passed < 60; passed += 1) await second([figures('one', 1, ['p']), figures('two', 1, ['p'])]);
  t.true(look('two').warm);
});
