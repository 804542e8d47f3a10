import test from 'ava';
import { seconds } from '../core/index.ts';
import { hello, viewOf } from './testing/views.ts';
import { world } from './testing/world.ts';

const on = { 'rouse.dev/enabled': 'true', 'rouse.dev/window': '6s', 'rouse.dev/state': '{"v":1,"replicasBefore":1}' };
const status = { 'rouse.dev/status': '{"v":1,"desired":3,"reason":"metric-rise","since":"2026-01-05T11:00:00Z"}' };

test('a pause that came, or went, while no controller ran is in force from the first look (KEDA 4253)', async (t) => {
  const came = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...status, 'rouse.dev/pause': 'true' }, specReplicas: 3 }));
  });
  came.load.concurrency = 0;
  await came.advance(seconds(60));
  t.is(came.cluster.view.specReplicas, 3);
  t.is(came.scaler.decided.explain(hello.split('/')[0] ?? '', hello.split('/')[1] ?? '')?.workload.reason, 'paused');

  const paused = { 'rouse.dev/status': '{"v":1,"desired":3,"reason":"paused","since":"2026-01-05T11:00:00Z"}' };
  const went = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...paused }, specReplicas: 3 }));
  });
  went.load.concurrency = 0;
  await went.advance(seconds(60));
  t.is(went.cluster.view.specReplicas, 0);
});
