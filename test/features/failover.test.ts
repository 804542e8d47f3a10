import test from 'ava';
import { deployment, onboarded, service } from '../support/app.ts';
import { startLoad } from '../support/load.ts';
import type { RouseProcess } from '../support/rouse-process.ts';
import { startSeparateProcesses, type SeparateProcesses } from '../support/separate-processes.ts';
import { followSlices, type SliceClient } from '../support/slice-client.ts';
import { until } from '../support/until.ts';

const deployments = '/apis/apps/v1/namespaces/default/deployments';

let rouse: SeparateProcesses;
let leader: RouseProcess;
let standby: RouseProcess;
const clients: SliceClient[] = [];
test.before(async () => {
  rouse = await startSeparateProcesses();
  leader = await rouse.startController(0);
  // Before there is another one, which could be faster.
  await rouse.leads(leader);
  [standby] = await Promise.all([rouse.startController(1), rouse.startGateway(0)]);
});
test.after.always(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await rouse.close();
});

const onboard = async (name: string, annotations: Readonly<Record<string, string>> = {}): Promise<SliceClient> => {
  await rouse.api('POST', deployments, deployment(name, { annotations: { ...onboarded, ...annotations } }));
  await rouse.api('POST', '/api/v1/namespaces/default/services', service(name));
  const client = await followSlices(rouse.api, name);
  clients.push(client);
  await until(`${name} leads to the gateway`, () => client.targets().length === 1);
  return client;
};

test('a standby takes over from a leader that ends, moves no count, fails no request, and wakes and sleeps from then on', async (t) => {
  const web = await onboard('web', { 'rouse.dev/target': '3', 'rouse.dev/target-utilization-percentage': '100', 'rouse.dev/max-scale': '3' });
  const idle = await onboard('idle');
  const load = startLoad(t, 5, () => web.get('/sleep?ms=500'));
  await until('two pods', async () => (await rouse.countOf('web')).replicas === 2);
  const before = await rouse.countOf('web');

  t.is(await leader.stop('SIGTERM'), 0, leader.errors());
  await rouse.leads(standby);
  const woken = await idle.get('/');
  t.is(woken.status, 200, woken.text);
  t.deepEqual(await rouse.countOf('web'), before, 'nobody has touched the count');
  const failed = (await load.stop()).filter(({ status }) => status !== 200);
  t.deepEqual(failed, []);
  await until('both sleep', async () => (await rouse.countOf('web')).replicas === 0 && (await rouse.countOf('idle')).replicas === 0, 30_000);
});
