import test from 'ava';
import { instant, ManualClock, millis, silentLogger, type Millis } from '../core/index.ts';
import { WorkQueue } from './work-queue.ts';

const queueOf = (work: (key: string) => Promise<Millis | undefined>, parallel = 2) => {
  const clock = new ManualClock(instant(0));
  const queue = new WorkQueue({ work, parallel, clock, logger: silentLogger });
  const stop = new AbortController();
  return { clock, queue, stop, running: queue.run(stop.signal), settle: () => clock.advance(millis(0)) };
};

test('each key is worked on once at a time, and again if it was touched meanwhile', async (t) => {
  const gates: (() => void)[] = [];
  let atOnce = 0;
  const { queue, settle, stop, running } = queueOf(async () => {
    atOnce += 1;
    t.is(atOnce, 1);
    await new Promise<void>((resolve) => gates.push(resolve));
    atOnce -= 1;
    return undefined;
  });
  queue.touch('a');
  await settle();
  queue.touch('a');
  queue.touch('a');
  await settle();
  t.is(gates.length, 1);
  gates[0]?.();
  await settle();
  t.is(gates.length, 2);
  gates[1]?.();
  await settle();
  t.is(gates.length, 2);
  stop.abort();
  await running;
});

test('no more than a few keys are worked on at once', async (t) => {
  const open = new Set<string>();
  const gates = new Map<string, () => void>();
  const { queue, settle, stop } = queueOf(async (key) => {
    open.add(key);
    t.true(open.size <= 2);
    await new Promise<void>((resolve) => gates.set(key, resolve));
    open.delete(key);
    return undefined;
  });
  for (const key of ['a', 'b', 'c', 'd']) queue.touch(key);
  await settle();
  t.deepEqual([...open], ['a', 'b']);
  for (const key of ['a', 'b', 'c', 'd']) {
    gates.get(key)?.();
    await settle();
  }
  t.is(gates.size, 4);
  stop.abort();
});

test('a failure is tried again later and later; a success starts from the beginning', async (t) => {
  const at: number[] = [];
  let fails = 3;
  const { clock, queue, stop, settle } = queueOf(() => {
    at.push(clock.monotonic());
    if (fails-- > 0) throw new Error('no');
    return Promise.resolve(undefined);
  });
  queue.touch('a');
  await settle();
  await clock.advance(millis(10_000));
  t.deepEqual(at, [0, 100, 300, 700]);
  fails = 1;
  queue.touch('a');
  await settle();
  await clock.advance(millis(1000));
  t.deepEqual(at.slice(4), [10_000, 10_100]);
  stop.abort();
});

test('a key that asked to be looked at again is, and an earlier touch replaces that', async (t) => {
  const at: number[] = [];
  const { clock, queue, stop, settle } = queueOf(() => {
    at.push(clock.monotonic());
    return Promise.resolve(at.length < 3 ? millis(1000) : undefined);
  });
  queue.touch('a');
  await settle();
  await clock.advance(millis(500));
  queue.touch('a');
  await settle();
  await clock.advance(millis(5000));
  t.deepEqual(at, [0, 500, 1500]);
  stop.abort();
});

test('stopping waits for what is under way and starts nothing more', async (t) => {
  let finish = (): void => undefined;
  let started = 0;
  const { queue, settle, stop, running } = queueOf(async () => {
    started += 1;
    await new Promise<void>((resolve) => (finish = resolve));
    return undefined;
  }, 1);
  queue.touch('a');
  queue.touch('b');
  await settle();
  stop.abort();
  let ended = false;
  void running.then(() => (ended = true));
  await settle();
  t.false(ended);
  finish();
  await running;
  await settle();
  t.is(started, 1);
});
