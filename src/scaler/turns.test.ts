import test from 'ava';
import { millis, seconds } from '../core/index.ts';
import { Turns } from './turns.ts';
import { viewOf } from './testing/views.ts';
import { world } from './testing/world.ts';

test('no more turns than there are, and one that is given back twice counts once', (t) => {
  const turns = new Turns(2);
  const [first, second] = [turns.take(), turns.take()];
  t.is(turns.take(), undefined);
  first?.();
  first?.();
  t.not(turns.take(), undefined);
  t.is(turns.take(), undefined);
  second?.();
  t.not(turns.take(), undefined);
});

test('many workloads that sleep are handed back fifty at a time, as each starts its pods of before; one that somebody waits for is not kept waiting', async (t) => {
  const names = Array.from({ length: 120 }, (_, index) => `app-${String(index).padStart(3, '0')}`);
  const settings = { 'rouse.dev/window': '6s', 'rouse.dev/state': '{"v":1,"replicasBefore":2}' };
  const { cluster, load, advance } = await world((c) => {
    c.podsGetReady = false;
    for (const name of names) {
      const selector = { matchLabels: { app: name }, matchExpressions: [] };
      c.put(viewOf({ name, uid: `uid-${name}`, annotations: settings, podLabels: { app: name }, selector }));
    }
  });
  const started = (): number => names.filter((name) => cluster.workloads.get(`default/${name}`)?.specReplicas === 2).length;
  await advance(seconds(4));
  t.is(started(), 50);
  load.held = 1;
  await advance(millis(300));
  t.is(started(), 120, 'in this cluster somebody waits for every one of them now');
});
