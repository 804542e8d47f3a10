import test from 'ava';
import { other } from './processes.ts';
import { startScene, type Scene } from './scene.ts';

let scene: Scene;
test.before(async () => {
  scene = await startScene('faults of controllers');
});
test.after.always(() => scene.close());

test.serial(
  'kill -9 of the leader: the standby leads before the Lease could be forgotten, no request fails, no count changes, and what waits is woken',
  async (t) => {
    const { rouse } = scene;
    const fault = await scene.begin(t);
    const leader = await rouse.leader();
    await rouse.controllers[leader].stop('SIGKILL');
    const woken = fault.wake();
    t.is(await rouse.leader(), other(leader));
    t.regex(await woken, /"pod":"idle-/);
    await rouse.startController(leader);
    // Longer than a window: what the new leader makes of the figures it does at its first looks.
    await fault.during(8000);
    await fault.end();
  },
);

test.serial('kill -9 of every controller for 60 s: traffic goes on, a wake waits and then succeeds, and no count changes', async (t) => {
  const { rouse } = scene;
  const fault = await scene.begin(t);
  await Promise.all(rouse.controllers.map((controller) => controller.stop('SIGKILL')));
  const woken = fault.wake();
  let early = true;
  const outage = fault.during(60_000).then(() => (early = false));
  const answer = woken.then((text) => ({ text, early }));
  await outage;
  await Promise.all([rouse.startController(0), rouse.startController(1)]);
  const { text, early: wasEarly } = await answer;
  t.regex(text, /"pod":"idle-/);
  t.false(wasEarly, 'nobody was there to wake it');
  await fault.during(8000);
  await fault.end();
});

test.serial('a rolling restart of the controllers: no request fails, no count changes, and the next wake is served', async (t) => {
  const { rouse } = scene;
  const fault = await scene.begin(t);
  const leader = await rouse.leader();
  for (const place of [other(leader), leader]) {
    t.is(await rouse.controllers[place].stop('SIGTERM'), 0);
    await rouse.startController(place);
    await rouse.leader();
  }
  t.regex(await fault.wake(), /"pod":"idle-/);
  await fault.during(8000);
  await fault.end();
});
