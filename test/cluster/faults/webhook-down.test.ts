import test from 'ava';
import { annotation } from '../../../src/core/index.ts';
import { clusterOf } from '../harness/cluster.ts';
import { rouseFromShell } from '../harness/rouse-from-shell.ts';
import { applications, applyAll, both, takeoverScene, type TakeoverScene } from '../harness/takeover-scene.ts';

test('re-applying while the webhook is down fails no request, and the next controller puts everything right', async (t) => {
  const cluster = await clusterOf(t);
  const rouse = await rouseFromShell(t, cluster);
  let controller = await rouse.startController('10.77.200.10');
  const gateways = await Promise.all([rouse.startGateway('10.77.200.1'), rouse.startGateway('10.77.200.2')]);
  const errors = (): readonly string[] => [controller, ...gateways].map((one) => one.errors().slice(-2000));
  const prepare = (): Promise<TakeoverScene> =>
    takeoverScene(t, cluster, errors, async (namespace) => {
      await cluster.kubectl(['apply', '-n', namespace, '-f', '-'], { stdin: both(namespace) });
    });
  // Each outage is one for two workloads, each of which is applied to in half of the ways.
  const webs = [
    { web: await prepare(), ways: applications.filter((_, index) => index % 2 === 0) },
    { web: await prepare(), ways: applications.filter((_, index) => index % 2 === 1) },
  ];
  for (const { web } of webs) await web.untilTaken();
  for (let round = 0; round < applications.length / webs.length; round += 1) {
    const outage = webs.flatMap(({ web, ways }) => ways.slice(round, round + 1).map((applied) => ({ web, applied })));
    await controller.stop();
    for (const { web, applied } of outage) {
      await applyAll(web, applied);
      t.deepEqual((await web.get('service')).spec.selector, { app: 'web' }, `${applied.how}: nobody kept it back`);
    }
    // Nodes know of pods again, and the gateways are endpoints still.
    await Promise.all(webs.map(({ web }) => web.untilServedBy('both')));
    controller = await rouse.startController('10.77.200.10', 0);
    for (const { web, applied } of outage) {
      await web.untilTaken(`${applied.how}: taken over again`);
      await web.untilTwo(applied.how);
    }
  }
  for (const { web } of webs) {
    await cluster.kubectl(['annotate', 'deployment/web', '-n', web.namespace, `${annotation.enabled}-`]);
    await web.untilBack();
  }
  await Promise.all(webs.map(({ web }) => web.untilServedBy('pods')));
  for (const { web } of webs) {
    await web.finish(t);
    t.deepEqual((await web.get('service')).spec.selector, { app: 'web' });
  }
});
