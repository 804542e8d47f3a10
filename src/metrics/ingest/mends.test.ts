import test from 'ava';
import { observed, specWith, start } from '../../../test/support/decision-inputs.ts';
import { after, ManualClock, millis, pods, seconds, workloadKey, type MetricReading, type WorkloadReport } from '../../core/index.ts';
import { decide, initialState } from '../../decider/index.ts';
import { LoadWindow } from '../window/load-window.ts';
import { createWorkloadMetrics } from './workload-metrics.ts';

// Late and doubled reports, as a trace of two ways to take them: by the second in which they come, as Knative does, and by their number.

const web = workloadKey({ resource: 'deployments.apps', namespace: 'default', name: 'web' });
const load = 20;
const figures: WorkloadReport = { workload: web, averageConcurrency: load, requestCount: 0, held: 0, inFlight: load, inFlightByPod: {} };
/** Three pods take 21; the panic window is one second. */
const spec = specWith({ metrics: [{ metric: 'concurrency', target: 10 }], stableWindow: seconds(6) });

interface Arrival {
  readonly sequence: number;
  readonly second: number;
}

/** Counts that a policy asks for, reading by reading, from three ready pods on. */
const counts = (readings: readonly MetricReading[], policy: 'kpa' | 'rouse'): readonly number[] => {
  let state = initialState({ policy: 'rouse' }, pods(3), start);
  return readings.map((reading, second) => {
    const decided = decide(state, observed({ ready: 3, metrics: [reading] }), { ...spec, policy }, after(start, seconds(second)));
    state = decided.state;
    return decided.decision.to;
  });
};

/** What comes of the arrivals in both ways from the ninth second on, and how many of them ours leaves out. */
const compared = async (
  arrivals: readonly Arrival[],
): Promise<{ readonly byArrival: readonly number[]; readonly byNumber: readonly number[]; readonly dropped: number }> => {
  const window = new LoadWindow(6, 1);
  const clock = new ManualClock(start);
  const metrics = createWorkloadMetrics({ clock, settleFor: seconds(0) });
  metrics.gatewayJoined('a');
  const [plain, ours]: [MetricReading[], MetricReading[]] = [[], []];
  for (let second = 1; second < 14; second += 1) {
    for (const { sequence, second: arrives } of arrivals.filter((arrival) => Math.floor(arrival.second) === second)) {
      await clock.advance(millis(Math.round(start + arrives * 1000) - clock.now()));
      window.record(clock.now() / 1000, load);
      metrics.ingest('a', { sequence, ageMs: 0, intervalMs: 1000, workloads: [figures] }, clock.now());
    }
    await clock.advance(millis(start + second * 1000 + 990 - clock.now()));
    const averages = window.averages(clock.now() / 1000, 'linear') ?? { stable: 0, panic: 0 };
    plain.push({ metric: 'concurrency', kind: 'value', ...averages, age: millis(0) });
    ours.push(...metrics.observe(web, spec, clock.now()).metrics);
  }
  return { byArrival: counts(plain.slice(8), 'kpa'), byNumber: counts(ours.slice(8), 'rouse'), dropped: metrics.drops.doubled };
};

const onTime: readonly Arrival[] = Array.from({ length: 14 }, (_, index) => ({ sequence: index + 1, second: index + 1.02 }));

test('a report that comes in the second of the one before it is no panic (6743)', async (t) => {
  const early = onTime.map((arrival) => (arrival.sequence === 10 ? { ...arrival, second: 9.97 } : arrival));
  const { byArrival, byNumber, dropped } = await compared(early);
  t.deepEqual(byArrival, [6, 6, 6, 6, 6]);
  t.deepEqual(byNumber, [3, 3, 3, 3, 3]);
  t.is(dropped, 0);
});

test('a report that comes twice counts once', async (t) => {
  const doubled = onTime.flatMap((arrival) => (arrival.sequence === 10 ? [arrival, { ...arrival, second: arrival.second + 0.3 }] : [arrival]));
  const { byArrival, byNumber, dropped } = await compared(doubled);
  t.deepEqual(byArrival, [3, 6, 6, 6, 6]);
  t.deepEqual(byNumber, [3, 3, 3, 3, 3]);
  t.is(dropped, 1);
});
