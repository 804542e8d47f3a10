import test from 'ava';
import { concurrencyOf, observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { liveBytes } from '../../test/support/live-memory.ts';
import { after, seconds, workloadKey, type ScaleSpec, type WorkloadKey } from '../core/index.ts';
import { decide, initialState, type DeciderState } from '../decider/index.ts';
import { Journal } from './journal.ts';

const keyOf = (name: string): WorkloadKey => workloadKey({ resource: 'deployments.apps', namespace: 'default', name });
const spec = specWith();

/** A workload whose ticks are decided and written down; `load` is the number of requests in flight at each. */
const workload = (journal: Journal, name: string): ((load: number, own?: ScaleSpec) => void) => {
  let state: DeciderState = initialState(spec, observed().ready, start);
  let [replicas, ticks] = [1, 0];
  return (load, own = spec) => {
    const observation = observed({ ready: replicas, metrics: [concurrencyOf(load)], inFlight: load });
    const decided = decide(state, observation, own, after(start, seconds(2 * ticks++)));
    journal.add(keyOf(name), { poked: false, before: state, observation, spec: own, decision: decided.decision, after: decided.state, formulaMissing: false });
    state = decided.state;
    replicas = decided.decision.to;
  };
};

test('a hold that repeats itself takes one line, and each of its ticks is kept', (t) => {
  const journal = new Journal();
  const tick = workload(journal, 'a');
  for (let count = 0; count < 50; count++) tick(50);
  t.is(journal.of(keyOf('a')).length, 1);
  t.like(journal.of(keyOf('a'))[0], { since: start, times: 50, decision: { kind: 'hold', to: 1, at: after(start, seconds(98)) } });
  t.is(journal.ticksOf(keyOf('a')).length, 50);
});

test('a workload that sleeps adds nothing but a count', (t) => {
  const journal = new Journal();
  const tick = workload(journal, 'a');
  for (let count = 0; count < 200; count++) tick(0);
  const [asleep] = journal.of(keyOf('a')).slice(-1);
  t.like(asleep?.decision, { kind: 'hold', to: 0, reason: 'idle', at: after(start, seconds(398)) });
  t.true((asleep?.times ?? 0) > 100);
  t.true(journal.ticksOf(keyOf('a')).length < 100);
});

test('new settings of a workload that sleeps are those of its newest tick, though the count stays', (t) => {
  const journal = new Journal();
  const tick = workload(journal, 'a');
  for (let count = 0; count < 200; count++) tick(0);
  const paused = specWith({}, { pause: 'up' });
  const ticks = journal.ticksOf(keyOf('a')).length;
  for (let count = 0; count < 10; count++) tick(0, paused);
  t.is(journal.of(keyOf('a')).at(-1)?.tick.spec, paused);
  t.is(journal.ticksOf(keyOf('a')).length, ticks + 1);
});

test('lines and ticks of one workload are bounded, and the oldest go', (t) => {
  const journal = new Journal();
  const tick = workload(journal, 'a');
  for (let count = 0; count < 1000; count++) tick(50 + (count % 8) * 70 * (count + 1));
  t.is(journal.of(keyOf('a')).length, 200);
  t.is(journal.ticksOf(keyOf('a')).length, 300);
  t.is(journal.of(keyOf('a')).at(-1)?.decision.at, after(start, seconds(1998)));
});

test('all lines together are bounded, and who changes little keeps its history', (t) => {
  const journal = new Journal({ lines: 200, allLines: 100, ticks: 10, allTicks: 100 });
  const quiet = workload(journal, 'quiet');
  quiet(50);
  quiet(150);
  const busy = Array.from({ length: 20 }, (_, index) => workload(journal, `busy-${index}`));
  for (let count = 0; count < 100; count++) for (const tick of busy) tick(50 + (count % 2) * 100 * (count + 1));
  t.is(journal.of(keyOf('quiet')).length, 2);
  const lines = busy.map((_, index) => journal.of(keyOf(`busy-${index}`)).length);
  t.true(lines.reduce((sum, length) => sum + length, 0) <= 200, lines.join());
  t.true(Math.min(...lines) >= 2);
});

test('all ticks together are bounded: those that were added last are kept', (t) => {
  const journal = new Journal({ lines: 10, allLines: 1000, ticks: 10, allTicks: 40 });
  const all = Array.from({ length: 8 }, (_, index) => workload(journal, `w-${index}`));
  for (let count = 0; count < 100; count++) for (const tick of all) tick(50);
  for (const [index] of all.entries()) t.is(journal.ticksOf(keyOf(`w-${index}`)).length, 5);
  journal.forget(keyOf('w-0'));
  for (let count = 0; count < 100; count++) for (const tick of all.slice(1)) tick(50);
  t.is(journal.ticksOf(keyOf('w-0')).length, 0);
  for (const [index] of all.slice(1).entries()) t.true([5, 6].includes(journal.ticksOf(keyOf(`w-${index + 1}`)).length));
});

test.serial('a tick that is kept takes less than 1.3 KB, and so does a line', async (t) => {
  const bytesOf = async (limits: ConstructorParameters<typeof Journal>[0], load: (count: number) => number, most: number): Promise<number> => {
    const before = await liveBytes();
    const journal = new Journal(limits);
    const tick = workload(journal, 'a');
    for (let count = 0; count < most; count++) tick(load(count));
    const bytes = ((await liveBytes()) - before) / most;
    t.true(journal.of(keyOf('a')).length > 0);
    return bytes;
  };
  const tick = await bytesOf({ lines: 1, allLines: 10, ticks: 20_000, allTicks: 20_000 }, (count) => 50.25 + (count % 7) / 3, 20_000);
  const line = await bytesOf({ lines: 20_000, allLines: 20_000, ticks: 1, allTicks: 1 }, (count) => 50 + (count % 2) * 100 * (count + 1), 20_000);
  t.log(`${Math.round(tick)} bytes a tick, ${Math.round(line)} bytes a line`);
  t.true(tick < 1300 && line < 1300, `${tick} ${line}`);
});
