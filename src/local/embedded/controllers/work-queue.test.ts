import test from 'ava';
import { instant, ManualClock, millis, seconds, silentLogger } from '../../../core/index.ts';
import { WorkQueue } from './work-queue.ts';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const newQueue = (reconcile: (key: string) => Promise<void>, workers = 16) => {
  const clock = new ManualClock(instant(0));
  return { clock, queue: new WorkQueue({ name: 'test', clock, logger: silentLogger, reconcile, workers }) };
};

test('a burst of the same key is one look, and a change during the look makes another', async (t) => {
  let looks = 0;
  const { queue } = newQueue(async () => {
    looks += 1;
    if (looks === 1) queue.add('a');
    await settled();
  });
  for (let change = 0; change < 5; change += 1) queue.add('a');
  await settled();
  await settled();
  await settled();
  t.is(looks, 2);
});

test('one key is never worked on twice at a time, different keys are, up to the number of workers', async (t) => {
  const running = new Map<string, number>();
  let most = 0;
  const { queue } = newQueue(async (key) => {
    running.set(key, (running.get(key) ?? 0) + 1);
    t.is(running.get(key), 1);
    most = Math.max(most, running.size);
    await settled();
    running.delete(key);
  }, 3);
  for (const key of ['a', 'b', 'c', 'd', 'e', 'a']) queue.add(key);
  await settled();
  queue.add('a');
  for (let turn = 0; turn < 6; turn += 1) await settled();
  t.is(most, 3);
  t.is(running.size, 0);
});

test('a failure is tried again after 5 ms doubling, success forgets it, and a change does not wait', async (t) => {
  const at: number[] = [];
  let isFailing = true;
  const { clock, queue } = newQueue(() => {
    at.push(clock.now());
    return isFailing ? Promise.reject(new Error('no')) : Promise.resolve();
  });
  queue.add('a');
  await clock.advance(millis(0));
  await clock.advance(millis(100));
  t.deepEqual(at, [0, 5, 15, 35, 75]);
  queue.add('a');
  await clock.advance(millis(0));
  t.is(at.at(-1), 100);
  isFailing = false;
  await clock.advance(seconds(10));
  isFailing = true;
  const known = at.length;
  queue.add('a');
  await clock.advance(millis(0));
  await clock.advance(millis(6));
  t.is(at.length, known + 2);
});

test('of two delays the shorter counts, and closing forgets everything', async (t) => {
  const at: number[] = [];
  const { clock, queue } = newQueue(() => {
    at.push(clock.now());
    return Promise.resolve();
  });
  queue.addAfter('a', seconds(5));
  queue.addAfter('a', seconds(2));
  queue.addAfter('a', seconds(9));
  await clock.advance(seconds(3));
  t.deepEqual(at, [2000]);
  queue.addAfter('a', seconds(1));
  queue.close();
  queue.add('a');
  await clock.advance(seconds(20));
  t.deepEqual(at, [2000]);
});
