import test from 'ava';
import { millis, seconds } from '../core/index.ts';
import { sayEvent } from './events.ts';
import { hello, viewOf, world } from './testing.ts';

const scales = (writes: readonly string[]): readonly string[] => writes.filter((write) => write.startsWith('scale'));

test('a poke wakes a workload at zero at once', async (t) => {
  const { scaler, cluster, advance, events } = await world((c) => {
    c.put(viewOf());
  });
  scaler.poke({ workload: hello, held: 1, oldestHeldMs: 0 });
  t.deepEqual(scales(cluster.writes), ['scale hello 1'], 'the write has left before the poke returns');
  await advance(millis(1));
  t.is(cluster.view.specReplicas, 1);
  t.true(events.map(sayEvent).includes('hello 0 → 1: a request is waiting and nothing runs'));
});

test('an idle workload goes to zero after its window, and wakes again, ten times', async (t) => {
  const { scaler, cluster, advance, load } = await world((c) => {
    c.put(viewOf({ annotations: { 'rouse.dev/enabled': 'true', 'rouse.dev/window': '6s' } }));
  });
  for (let round = 0; round < 10; round++) {
    load.held = 1;
    scaler.poke({ workload: hello, held: 1, oldestHeldMs: 0 });
    await advance(millis(1));
    t.is(cluster.view.specReplicas, 1);
    load.held = 0;
    load.concurrency = 1;
    await advance(seconds(6));
    t.is(cluster.view.specReplicas, 1);
    load.concurrency = 0;
    await advance(seconds(30));
    t.is(cluster.view.specReplicas, 0, `round ${String(round)}`);
  }
  t.is(scales(cluster.writes).length, 20);
});
