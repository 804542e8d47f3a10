import test from 'ava';
import { deployment, onboarded, service } from '../support/app.ts';
import { startLoad } from '../support/load.ts';
import type { RouseProcess } from '../support/rouse-process.ts';
import { startSeparateProcesses, type SeparateProcesses } from '../support/separate-processes.ts';
import { followSlices, type SliceClient } from '../support/slice-client.ts';
import { until } from '../support/until.ts';
import { childrenOf } from '../support/worker-gateway.ts';

/** Every address of 127.0.0.0/8 can be bound on Linux alone. */
const onLinux = process.platform === 'linux' ? test.serial : test.serial.skip;

let rouse: SeparateProcesses;
let workersAt: string;
let otherAt: string;
let controller: RouseProcess;
let gateway: RouseProcess;
let web: SliceClient;

const workers = (): readonly number[] => childrenOf(gateway.child.pid ?? 0);
const endpoints = (): readonly (string | undefined)[] => web.targets().map((target) => target.split(':')[0]).sort(); // prettier-ignore
const serving = async (): Promise<boolean> => {
  const [, metrics = ''] = await gateway.line(/^ready: .*metrics=(\S+)/);
  return /^rouse_gateway_workers_serving 2$/m.test(await (await fetch(metrics)).text());
};
/** Requests to `web` that the controller has been told of. */
const reported = async (): Promise<number> => {
  const [, metrics = ''] = await controller.line(/^ready: .*metrics=(\S+)/);
  const answer = await fetch(new URL('/workloads', metrics));
  // It may have answered much lately: then it says to ask again.
  if (answer.status === 429) return 0;
  const { workloads } = (await answer.json()) as {
    readonly workloads: readonly { readonly name: string; readonly held: number; readonly inFlight: number }[];
  };
  return workloads.reduce((sum, { name, held, inFlight }) => sum + (name === 'web' ? held + inFlight : 0), 0);
};

test.before(async () => {
  if (process.platform !== 'linux') return;
  rouse = await startSeparateProcesses();
  [workersAt, otherAt] = [rouse.gatewayAddress(0), rouse.gatewayAddress(1)];
  controller = await rouse.startController();
  await rouse.leads(controller);
  [gateway] = await Promise.all([rouse.startGateway(0, undefined, ['--workers', '2']), rouse.startGateway(1)]);
  await rouse.api('POST', '/apis/apps/v1/namespaces/default/deployments', deployment('web', { annotations: onboarded }));
  await rouse.api('POST', '/api/v1/namespaces/default/services', service('web'));
  web = await followSlices(rouse.api, 'web');
});
test.after.always(async () => {
  await (web as SliceClient | undefined)?.close();
  await (rouse as SeparateProcesses | undefined)?.close();
});

onLinux('a gateway of two workers is one endpoint, and what either of them holds wakes the workload', async (t) => {
  await until('both gateways are endpoints', () => endpoints().length === 2, 30_000, () => [endpoints(), gateway.errors()]); // prettier-ignore
  t.deepEqual(endpoints(), [workersAt, otherAt]);
  const target = web.targets().find((each) => each.startsWith(`${workersAt}:`));
  const answers = await Promise.all(Array.from({ length: 30 }, () => fetch(`http://${target}/`, { headers: { connection: 'close' } })));
  t.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
});

onLinux('a worker that is killed with a request in flight moves no endpoint; its successor says that it is over, and the workload sleeps', async (t) => {
  const target = web.targets().find((each) => each.startsWith(`${workersAt}:`));
  const before = workers();
  const lost = Promise.allSettled(Array.from({ length: 8 }, () => fetch(`http://${target}/sleep?ms=120000`, { headers: { connection: 'close' } })));
  await until('they are in flight, and reported', async () => (await reported()) === 8, 30_000, reported);
  // One after the other: with none that is linked for longer than a link is given to come back, the endpoint rightly goes.
  for (const worker of before) {
    process.kill(worker, 'SIGKILL');
    await until('its place is empty', () => !workers().includes(worker));
    await until(
      'another has taken it',
      async () => workers().length === 2 && (await serving()),
      30_000,
      () => gateway.errors(),
    );
    t.deepEqual(endpoints(), [workersAt, otherAt]);
  }
  t.true((await lost).every(({ status }) => status === 'rejected'));
  await until('the workload sleeps', async () => (await rouse.countOf('web')).replicas === 0, 40_000);
});

onLinux('a hot restart, and then the end, of a gateway of workers under load: no request fails, and only the end moves an endpoint', async (t) => {
  const load = startLoad(t, 4, () => web.get('/sleep?ms=50'));
  await until('it is answered', () => load.answers.length > 20);
  const before = workers();
  const seen = new Set<string>();
  const watching = setInterval(() => seen.add(endpoints().join()), 20);
  t.teardown(() => clearInterval(watching));
  gateway.child.kill('SIGHUP');
  await until('the restart is over', () => gateway.errors().includes('the restart is over'), 40_000, () => gateway.errors()); // prettier-ignore
  t.deepEqual(workers().filter((pid) => before.includes(pid)), []); // prettier-ignore
  t.deepEqual([...seen], [`${workersAt},${otherAt}`]);
  t.is(await gateway.stop('SIGTERM'), 0, gateway.errors());
  await until('its endpoint is gone', () => endpoints().join() === otherAt, 15_000, endpoints);
  const answered = load.answers.length;
  await until('the load goes on', () => load.answers.length > answered + 20);
  t.deepEqual((await load.stop()).filter(({ status }) => status !== 200), []); // prettier-ignore
});
