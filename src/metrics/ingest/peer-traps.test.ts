import test from 'ava';
import { specWith, start } from '../../../test/support/decision-inputs.ts';
import { ManualClock, seconds, workloadKey, type WorkloadReport } from '../../core/index.ts';
import { createWorkloadMetrics } from './workload-metrics.ts';

/** What went wrong with the counters of gateways elsewhere (docs/quality.md). */

const web = workloadKey({ resource: 'deployments.apps', namespace: 'default', name: 'web' });
const figures = (averageConcurrency: number, requestCount: number): WorkloadReport => ({
  workload: web,
  averageConcurrency,
  requestCount,
  held: 0,
  inFlight: averageConcurrency,
  inFlightByPod: {},
});

/** The highest and the lowest reading of concurrency and of requests per second, stable and panic, looked at after each report. */
interface Extremes {
  lowest: number;
  highest: number;
}

const scene = () => {
  const clock = new ManualClock(start);
  const metrics = createWorkloadMetrics({ clock, settleFor: seconds(0) });
  const spec = specWith({
    metrics: [
      { metric: 'concurrency', target: 10 },
      { metric: 'rps', target: 10 },
    ],
  });
  const sequences = new Map<string, number>();
  return {
    metrics,
    join: (gateway: string) => metrics.gatewayJoined(gateway),
    /** The loop asks at every tick: only then the workload has windows. */
    ask: () => metrics.observe(web, spec, clock.now()),
    /** A second with these figures of each gateway. */
    second: async (reports: Readonly<Record<string, WorkloadReport>>) => {
      await clock.advance(seconds(1));
      for (const [gateway, workload] of Object.entries(reports)) {
        const sequence = (sequences.get(gateway) ?? 0) + 1;
        sequences.set(gateway, sequence);
        metrics.ingest(gateway, { ageMs: 0, intervalMs: 1000, workloads: [workload], sequence }, clock.now());
      }
    },
    look: (extremes: readonly Extremes[]) => {
      for (const [index, reading] of metrics.observe(web, spec, clock.now()).metrics.entries()) {
        const found = extremes[index];
        if (found === undefined || reading.kind !== 'value') continue;
        for (const value of [reading.stable, reading.panic]) {
          found.lowest = Math.min(found.lowest, value);
          found.highest = Math.max(found.highest, value);
        }
      }
    },
  };
};

const fresh = (): readonly Extremes[] => [0, 1].map(() => ({ lowest: Number.POSITIVE_INFINITY, highest: Number.NEGATIVE_INFINITY }));

test('a gateway that begins anew in the middle of a load gives neither a negative nor a huge rate (KEDA http-add-on 1667)', async (t) => {
  const { join, ask, second, look, metrics } = scene();
  ask();
  join('old');
  for (let at = 0; at < 70; at += 1) await second({ old: figures(8, 100) });
  const seen = fresh();
  look(seen);
  metrics.gatewayLeft('old', false);
  join('new');
  for (let at = 0; at < 70; at += 1) {
    await second({ new: figures(8, 100) });
    look(seen);
  }
  const [concurrency, rate] = seen;
  t.true((concurrency?.lowest ?? 0) >= 7.9, JSON.stringify(seen));
  // The old one's last figures stand until it is given up: at most both are counted, never more.
  t.true((concurrency?.highest ?? Infinity) <= 16.01, JSON.stringify(seen));
  t.true((rate?.lowest ?? 0) >= 99 && (rate?.highest ?? Infinity) <= 200.1, JSON.stringify(seen));
});

test('the first figures of a new gateway are no rise', async (t) => {
  const { join, ask, second, look } = scene();
  ask();
  join('a');
  for (let at = 0; at < 70; at += 1) await second({ a: figures(8, 100) });
  join('b');
  const seen = fresh();
  for (let at = 0; at < 20; at += 1) {
    await second({ a: figures(4, 50), b: figures(4, 50) });
    look(seen);
  }
  const [concurrency, rate] = seen;
  t.true((concurrency?.highest ?? Infinity) <= 8.01 && (concurrency?.lowest ?? 0) >= 7.99, JSON.stringify(seen));
  t.true((rate?.highest ?? Infinity) <= 100.1 && (rate?.lowest ?? 0) >= 99.9, JSON.stringify(seen));
});
