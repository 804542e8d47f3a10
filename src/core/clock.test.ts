import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { millis, systemClock } from './index.ts';

test('a timer beyond the longest that Node has does not fire at once', async (t) => {
  let fired = 0;
  const timer = systemClock.after(millis(2 ** 31 + 1000), () => fired++);
  await sleep(20);
  timer.cancel();
  t.is(fired, 0);
});
