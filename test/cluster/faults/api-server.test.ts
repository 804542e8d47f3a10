import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { printKubeConfig } from '../../../src/kube/index.ts';
import { until } from '../../support/until.ts';
import { startApiProxy, type ApiProxy } from './api-proxy.ts';
import { startScene, type Fault, type Scene } from './scene.ts';

const account = 'system:serviceaccount:rouse-system:rouse-controller';

let scene: Scene;
let proxy: ApiProxy;
test.before(async () => {
  scene = await startScene('faults of the API server');
  const { cluster, rouse } = scene;
  proxy = await startApiProxy({ url: cluster.server, caPem: cluster.caPem });
  const kubeconfig = join(cluster.directory, 'through-proxy.kubeconfig');
  await writeFile(kubeconfig, printKubeConfig({ server: proxy.url, caPem: proxy.caPem, token: await cluster.token(account), name: account }), { mode: 0o600 });
  for (const place of [0, 1] as const) {
    await rouse.controllers[place].stop('SIGTERM');
    await rouse.startController(place, { kubeconfig });
  }
  await rouse.leader();
});
test.afterEach.always(() => proxy.decide(() => 'pass'));
test.after.always(async () => {
  await scene.close();
  await proxy.close();
});

const apiAnswers = (): Promise<boolean> =>
  scene.cluster.api('GET', '/api/v1/namespaces/kube-system').then(
    ({ status }) => status === 200,
    () => false,
  );

/** A wake that begins in the middle of a trouble of so long, and whether it was over before somebody began to end the trouble. */
const wakeDuring = async (fault: Fault, ms: number, mend: () => Promise<void>): Promise<{ readonly text: string; readonly early: boolean }> => {
  let over = false;
  const woken = fault.wake().then((text) => ({ text, early: !over }));
  await fault.during(ms);
  over = true;
  await mend();
  return woken;
};

test.serial('the API server is killed and comes back after 30 s: no request fails, no count changes, and what waits is woken', async (t) => {
  const fault = await scene.begin(t);
  await scene.cluster.apiServer.kill();
  const { text, early } = await wakeDuring(fault, 30_000, async () => {
    await scene.cluster.apiServer.start();
    await until('the API server answers again', apiAnswers, 60_000);
  });
  t.regex(text, /"pod":"idle-/);
  t.false(early, 'nobody could have woken it');
  await scene.rouse.leader();
  await fault.during(10_000);
  await fault.end();
});

test.serial('etcd answers nobody for 10 s: no request fails, no count changes, and what waits is woken', async (t) => {
  const fault = await scene.begin(t);
  await scene.cluster.etcd.pause();
  const { text } = await wakeDuring(fault, 10_000, () => scene.cluster.etcd.resume());
  t.regex(text, /"pod":"idle-/);
  await until('the API server answers again', apiAnswers, 60_000);
  await scene.rouse.leader();
  await fault.during(8000);
  await fault.end();
});

test.serial('watches that are cut, and whose place is forgotten (410), again and again: nothing is missed, no request fails, no count changes', async (t) => {
  const fault = await scene.begin(t);
  for (let round = 0; round < 10; round += 1) {
    // A watch that was cut a moment ago waits before it is opened again.
    await until('a watch is open', () => (round % 2 === 0 ? proxy.cutWatches() : proxy.expireWatches()) > 0, 60_000);
    await fault.during(1000);
  }
  t.regex(await fault.wake(), /"pod":"idle-/);
  await fault.during(8000);
  await fault.end();
});

test.serial('a storm of 429: a wake comes through as soon as the API server lets it, no request fails, no count changes', async (t) => {
  const fault = await scene.begin(t);
  let [refused, calls] = [0, 0];
  // Two of three, reads too. Renewals of Leases have a priority level of their own in the API server (`leader-election`), so that a storm leaves them alone.
  proxy.decide(({ path, method }) => {
    if (path.includes('/leases/') && method === 'PUT') return 'pass';
    calls += 1;
    if (calls % 3 === 0) return 'pass';
    refused += 1;
    return { status: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 };
  });
  t.regex(await fault.wake(), /"pod":"idle-/);
  await fault.during(15_000);
  await until(
    'it was a storm',
    () => refused > 10,
    60_000,
    () => refused,
  );
  proxy.decide(() => 'pass');
  await scene.rouse.leader();
  await fault.during(8000);
  await fault.end();
});

test.serial('a storm of 409: a wake is written again until it is taken, no request fails, no count changes', async (t) => {
  const fault = await scene.begin(t);
  let [refused, writes] = [0, 0];
  proxy.decide(({ method, path }) => {
    if (method === 'GET' || method === 'POST' || path.includes('/leases/')) return 'pass';
    writes += 1;
    if (writes % 3 === 0) return 'pass';
    refused += 1;
    return { status: 409, reason: 'Conflict' };
  });
  t.regex(await fault.wake(), /"pod":"idle-/);
  await until('it is at zero again', () => fault.isIdle(), 60_000);
  t.true(refused > 1, String(refused));
  await fault.end();
});
