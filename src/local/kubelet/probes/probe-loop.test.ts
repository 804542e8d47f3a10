import test from 'ava';
import type { Probe } from 'kubernetes-types/core/v1.d.ts';
import { instant, ManualClock, millis, seconds } from '../../../core/index.ts';
import { ProbeLoop } from './probe-loop.ts';
import type { ProbeResult } from './probe.ts';

/** Runs a probe whose tries answer from `answers` in turn (the last one for ever), and notes when it was tried and what came of it. */
const watch = (probe: Probe, answers: readonly boolean[], takes = 0) => {
  const clock = new ManualClock(instant(0));
  const tries: number[] = [];
  const verdicts: string[] = [];
  const loop = new ProbeLoop({
    clock,
    probe,
    startedAt: 0,
    attempt: async (signal): Promise<ProbeResult> => {
      tries.push(clock.now() / 1000);
      const isSuccess = answers[Math.min(tries.length, answers.length) - 1] === true;
      if (takes > 0) await clock.sleep(seconds(takes), signal).catch(() => undefined);
      return { isSuccess: isSuccess && !signal.aborted, message: '' };
    },
    onResult: (_result, verdict) => {
      verdicts.push(verdict ?? '-');
      return 'go-on';
    },
  });
  return { clock, tries, verdicts, loop };
};

test('the first try is right after the initial delay, then one a period', async (t) => {
  const { clock, tries, loop } = watch({ initialDelaySeconds: 3, periodSeconds: 5 }, [true]);
  await clock.advance(seconds(20));
  loop.stop();
  await clock.advance(seconds(20));
  t.deepEqual(tries, [3, 8, 13, 18]);
});

test('without an initial delay the first try is at once', async (t) => {
  const { clock, tries, loop } = watch({}, [true]);
  await clock.advance(seconds(25));
  loop.stop();
  t.deepEqual(tries, [0, 10, 20]);
});

test('a verdict needs its threshold of results in a row', async (t) => {
  const { clock, verdicts, loop } = watch({ periodSeconds: 1, successThreshold: 2, failureThreshold: 3 }, [
    true,
    true,
    false,
    true,
    false,
    false,
    false,
    false,
  ]);
  await clock.advance(millis(7500));
  loop.stop();
  t.deepEqual(verdicts, ['-', 'success', '-', '-', '-', '-', 'failure', 'failure']);
});

test('a try that takes longer than its timeout fails, and tries never overlap', async (t) => {
  const { clock, tries, verdicts, loop } = watch({ periodSeconds: 2, timeoutSeconds: 3, failureThreshold: 1 }, [true], 60);
  await clock.advance(seconds(10));
  loop.stop();
  t.deepEqual(tries, [0, 3, 6, 9]);
  t.true(verdicts.every((verdict) => verdict === 'failure'));
});

test('a kick tries at once and starts the period anew', async (t) => {
  const { clock, tries, loop } = watch({ periodSeconds: 10 }, [false]);
  await clock.advance(seconds(1));
  loop.kick();
  await clock.advance(millis(0));
  await clock.advance(seconds(12));
  loop.stop();
  t.deepEqual(tries, [0, 1, 11]);
});
