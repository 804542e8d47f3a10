import test from 'ava';
import fc from 'fast-check';
import { coldStartPhases, ManualClock, millis } from '../core/index.ts';
import { ColdStarts } from './cold-start.ts';
import { sayEvent } from './events.ts';
import { hello, podOf, start } from './testing/views.ts';

const starting = podOf({ ready: false, scheduled: false, nodeName: undefined, containers: [] });
const scheduled = podOf({ ready: false, containers: [] });
const running = podOf({ ready: false });

test('a cold start is measured by phase from the first waiting request to its first byte', async (t) => {
  const clock = new ManualClock(start);
  const starts = new ColdStarts(clock);
  await clock.advance(millis(1));
  starts.begin(hello);
  await clock.advance(millis(1));
  starts.answered(hello);
  starts.podSeen(hello, starting);
  await clock.advance(millis(3));
  starts.podSeen(hello, scheduled);
  await clock.advance(millis(58));
  starts.podSeen(hello, running);
  await clock.advance(millis(33));
  const coldStart = starts.finish({ workload: hello, podId: running.uid, heldAgeMs: 96, readyAgeMs: 5 });
  t.deepEqual(coldStart, { totalMs: 96, podId: running.uid, phases: { decide: 2, schedule: 3, start: 58, ready: 28, forward: 5 } });
  if (coldStart !== undefined)
    t.is(sayEvent({ type: 'first-byte', workload: hello, coldStart }), 'hello: first byte after 96 ms (decide 2, schedule 3, start 58, ready 28, forward 5)');
});

test('a wake is measured once, and a first byte without a wake is none', (t) => {
  const clock = new ManualClock(start);
  const starts = new ColdStarts(clock);
  const message = { workload: hello, podId: 'p', heldAgeMs: 5, readyAgeMs: 1 };
  t.is(starts.finish(message), undefined);
  starts.begin(hello);
  t.truthy(starts.finish(message));
  t.is(starts.finish(message), undefined);
});

test('the phases add up to the whole and none is negative, whatever is seen in whatever order', async (t) => {
  const moment = fc.integer({ min: 0, max: 500 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(moment, fc.constantFrom('answered', 'starting', 'scheduled', 'running')), { maxLength: 6 }),
      moment,
      moment,
      async (seen, heldAgeMs, readyAgeMs) => {
        const clock = new ManualClock(start);
        const starts = new ColdStarts(clock);
        starts.begin(hello);
        for (const [wait, what] of seen) {
          await clock.advance(millis(wait));
          if (what === 'answered') starts.answered(hello);
          else starts.podSeen(hello, { starting, scheduled, running }[what]);
        }
        const coldStart = starts.finish({ workload: hello, podId: running.uid, heldAgeMs, readyAgeMs });
        if (coldStart === undefined) return false;
        const sum = coldStartPhases.reduce((total, phase) => total + coldStart.phases[phase], 0);
        return Math.abs(sum - coldStart.totalMs) < 1e-6 && coldStartPhases.every((phase) => coldStart.phases[phase] >= 0);
      },
    ),
    { numRuns: 100 },
  );
  t.pass();
});
