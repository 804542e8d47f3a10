import test from 'ava';
import { instant, ManualClock, seconds } from '../../core/index.ts';
import { RestartBackOff } from './back-off.ts';

test('a container is restarted at once, then after 10 s doubling to 5 min', async (t) => {
  const clock = new ManualClock(instant(0));
  const backOff = new RestartBackOff(clock);
  const waits: number[] = [];
  for (let restart = 0; restart < 9; restart += 1) {
    const wait = backOff.next();
    waits.push(wait / 1000);
    await clock.advance(wait);
  }
  t.deepEqual(waits, [0, 10, 20, 40, 80, 160, 300, 300, 300]);
});

test('after ten minutes of running it starts over', async (t) => {
  const clock = new ManualClock(instant(0));
  const backOff = new RestartBackOff(clock);
  for (let restart = 0; restart < 4; restart += 1) await clock.advance(backOff.next());
  await clock.advance(seconds(599));
  t.is(backOff.next(), seconds(80));
  await clock.advance(seconds(80 + 601));
  t.is(backOff.next(), seconds(0));
});
