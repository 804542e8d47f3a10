import test from 'ava';
import { instant, ManualClock, seconds, workloadKey } from '../core/index.ts';
import { ReportHistory, reportMessage } from './history.ts';
import { pickVersion, readUpMessage } from './messages.ts';

const report = {
  workload: workloadKey({ resource: 'deployments.apps', namespace: 'a', name: 'b' }),
  averageConcurrency: 1,
  requestCount: 1,
  held: 0,
  inFlight: 1,
  inFlightByPod: {},
};

/** What a controller that has `sequence` would be sent. */
const after = (history: ReportHistory, sequence: number): readonly number[] => {
  const next = history.next(sequence);
  return next === undefined ? [] : [next.sequence, ...after(history, next.sequence)];
};

test('history forgets what is too old, and what does not fit any more', async (t) => {
  const clock = new ManualClock(instant(0));
  const history = new ReportHistory(clock, 10_000, 1_000_000);
  for (let second = 0; second < 30; second += 1) {
    history.add([report], 1000);
    await clock.advance(seconds(1));
  }
  t.deepEqual(
    after(history, 0),
    Array.from({ length: 10 }, (_, index) => 21 + index),
  );
  t.deepEqual(
    [0, 20, 21, 29, 30, 31].map((sequence) => history.countAfter(sequence)),
    [10, 10, 9, 1, 0, 0],
  );
  t.deepEqual([after(history, 29), after(history, 30), after(history, Number.MAX_SAFE_INTEGER)], [[30], [], []]);
  const one = JSON.stringify([report]).length;
  const small = new ReportHistory(clock, 10_000, one * 3);
  for (let count = 0; count < 10; count += 1) small.add([report], 1000);
  t.deepEqual(after(small, 0), [8, 9, 10]);
  const tiny = new ReportHistory(clock, 10_000, 1);
  t.deepEqual(after(tiny, 0), []);
  tiny.add([report], 1000);
  tiny.add([report], 1000);
  t.deepEqual(after(tiny, 0), [2], 'the newest is there whatever its size');
});

test('a kept report is sent with its age at that moment, as a message that can be read', (t) => {
  const clock = new ManualClock(instant(5000));
  const kept = new ReportHistory(clock, 10_000, 1_000_000).add([report], 1001);
  t.deepEqual(JSON.parse(JSON.stringify(readUpMessage(reportMessage(kept, 7500)))), {
    ok: true,
    value: { type: 'report', report: { sequence: 1, ageMs: 2500, intervalMs: 1001, workloads: [report] } },
  });
});

test('the newest version that both sides speak is taken', (t) => {
  t.is(pickVersion([3, 2], [2, 1]), 2);
  t.is(pickVersion([2, 1], [3, 2]), 2);
  t.is(pickVersion([1], [3, 2]), undefined);
  t.is(pickVersion([], [1]), undefined);
});
