import test from 'ava';
import { instant, ManualClock, millis, silentLogger, type Clock } from '../../../core/index.ts';
import { Turns } from './turns.ts';
import { WorkQueue } from './work-queue.ts';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A clock that work takes time on, although no timer runs meanwhile. */
const busyClock = () => {
  const timers = new ManualClock(instant(0));
  let spent = 0;
  const clock: Clock = {
    now: () => timers.now(),
    monotonic: () => timers.monotonic() + spent,
    after: (delay, task) => timers.after(delay, task),
    every: (period, task) => timers.every(period, task),
    sleep: (delay, signal) => timers.sleep(delay, signal),
  };
  return {
    clock,
    work: (ms: number) => {
      spent += ms;
    },
    nextTurn: () => timers.advance(millis(0)),
  };
};

test('work goes on at once for 20 ms, then waits for the next turn of the event loop', async (t) => {
  const { clock, work, nextTurn } = busyClock();
  const turns = new Turns(clock);
  t.is(turns.pause(), undefined);
  work(19);
  t.is(turns.pause(), undefined);
  work(1);
  const pause = turns.pause();
  t.truthy(pause);
  t.is(turns.pause(), pause);
  await nextTurn();
  await pause;
  t.is(turns.pause(), undefined);
});

test('time between changes is not work', async (t) => {
  const { clock, work, nextTurn } = busyClock();
  const turns = new Turns(clock);
  t.is(turns.pause(), undefined);
  await nextTurn();
  work(1000);
  t.is(turns.pause(), undefined);
});

test('a queue with too much to do begins no more of it in the same turn, and all of it in the end', async (t) => {
  const { clock, work, nextTurn } = busyClock();
  const done: string[] = [];
  const reconcile = (key: string): Promise<void> => {
    work(8);
    done.push(key);
    return Promise.resolve();
  };
  const queue = new WorkQueue({ name: 'test', clock, logger: silentLogger, reconcile, turns: new Turns(clock) });
  for (const key of ['a', 'b', 'c', 'd', 'e']) queue.add(key);
  await settled();
  t.deepEqual(done, ['a', 'b', 'c']);
  await nextTurn();
  await settled();
  t.deepEqual(done, ['a', 'b', 'c', 'd', 'e']);
});
