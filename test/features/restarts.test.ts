import test from 'ava';
import { deployment, onboarded, service, type AppOptions } from '../support/app.ts';
import { startLoad } from '../support/load.ts';
import type { RouseProcess } from '../support/rouse-process.ts';
import { startSeparateProcesses, type SeparateProcesses } from '../support/separate-processes.ts';
import { followSlices, type SliceAnswer, type SliceClient } from '../support/slice-client.ts';
import { until } from '../support/until.ts';

/** Every address of 127.0.0.0/8 can be bound on Linux alone; elsewhere two gateways have no two addresses to stand on. */
const onLinux = process.platform === 'linux' ? test.serial : test.serial.skip;

const deployments = '/apis/apps/v1/namespaces/default/deployments';

let rouse: SeparateProcesses;
let controller: RouseProcess;
let oldGateway: RouseProcess;
let newGateway: RouseProcess;
let web: SliceClient;
let idle: SliceClient;
let slow: SliceClient;
const clients: SliceClient[] = [];

/** Creates an onboarded app and waits until its Service leads to both gateways. */
const onboard = async (name: string, { annotations = {}, ...options }: AppOptions = {}): Promise<SliceClient> => {
  for (const [path, object] of [
    [deployments, deployment(name, { ...options, annotations: { ...onboarded, ...annotations } })],
    ['/api/v1/namespaces/default/services', service(name)],
  ] as const) {
    const { status, body } = await rouse.api('POST', path, object);
    if (status !== 201) throw new Error(JSON.stringify(body));
  }
  const client = await followSlices(rouse.api, name);
  clients.push(client);
  await until(
    `${name} leads to both gateways`,
    () => client.targets().length === 2,
    45_000,
    () => client.targets(),
  );
  return client;
};

/** Asks one gateway, and nobody else; gives the status. */
const through = async (address: string, client: SliceClient, path: string): Promise<number> => {
  const target = client.targets().find((each) => each.startsWith(`${address}:`));
  return (await fetch(`http://${target}${path}`)).status;
};

const addressesOf = (client: SliceClient): readonly (string | undefined)[] =>
  client
    .targets()
    .map((target) => target.split(':')[0])
    .sort();

const failuresOf = (answers: readonly SliceAnswer[]): readonly SliceAnswer[] => answers.filter(({ status }) => status !== 200);

test.before(async () => {
  if (process.platform !== 'linux') return;
  rouse = await startSeparateProcesses();
  controller = await rouse.startController();
  await rouse.leads(controller);
  [oldGateway] = await Promise.all([rouse.startGateway(0), rouse.startGateway(1)]);
  // Five at once and three to a pod: two pods, with room for error on both sides.
  const annotations = { 'rouse.dev/target': '3', 'rouse.dev/target-utilization-percentage': '100', 'rouse.dev/max-scale': '3' };
  [web, idle, slow] = await Promise.all([onboard('web', { annotations }), onboard('idle'), onboard('slow', { env: { START_MS: '1500' } })]);
});
test.after.always(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await (rouse as SeparateProcesses | undefined)?.close();
});

onLinux('a gateway is replaced by another under load without a failed request', async (t) => {
  const load = startLoad(t, 5, () => web.get('/sleep?ms=200'));
  await until('both gateways answer', () => load.answers.length > 20);

  newGateway = await rouse.startGateway(2);
  await until(
    'the new gateway is an endpoint',
    () => web.targets().some((target) => target.startsWith(`${rouse.gatewayAddress(2)}:`)),
    45_000,
    () => web.targets(),
  );
  const before = load.answers.length;
  // Two that the old gateway has when it is told to end: one in a pod for longer than that takes, one held for a pod that starts slowly.
  const [inFlight, held] = [through(rouse.gatewayAddress(0), web, '/sleep?ms=4000'), through(rouse.gatewayAddress(0), slow, '/held')];
  await until('the slow one is being woken', async () => (await rouse.countOf('slow')).replicas === 1);
  const ended = oldGateway.stop('SIGTERM');
  await until('the old one is no endpoint any more', () => !web.targets().some((target) => target.startsWith(`${rouse.gatewayAddress(0)}:`)));
  t.is(await ended, 0, oldGateway.errors());
  t.deepEqual([await inFlight, await held], [200, 200]);
  await until('the load goes on', () => load.answers.length > before + 20);
  t.deepEqual(failuresOf(await load.stop()), []);
  for (const client of clients) t.deepEqual(addressesOf(client), [rouse.gatewayAddress(1), rouse.gatewayAddress(2)], 'every Service was told');
});

onLinux('a controller is killed and another started under load: no request fails, the count stays, and what waits is woken by the next', async (t) => {
  const load = startLoad(t, 5, () => web.get('/sleep?ms=500'));
  await until('two pods', async () => (await rouse.countOf('web')).replicas === 2);
  await until('both have answered', () => new Set(load.answers.slice(-10).flatMap(({ text }) => /"pod":"([^"]+)"/.exec(text)?.[1] ?? [])).size === 2);
  const before = await rouse.countOf('web');

  await controller.stop('SIGKILL');
  const waiting = idle.get('/waited');
  const next = await rouse.startController();
  const answered = load.answers.length;
  await rouse.leads(next);
  t.true(load.answers.length > answered, 'the traffic goes on without a leader');
  const woken = await waiting;
  t.is(woken.status, 200, woken.text);
  // It has followed the figures since it started, for longer than a window: what it makes of them it does at its first looks.
  const from = Date.now();
  await until('the new leader has looked twice', () => Date.now() > from + 2500);
  t.deepEqual(await rouse.countOf('web'), before, 'nobody has touched the count');
  t.deepEqual(failuresOf(await load.stop()), []);
});

onLinux('a gateway that is killed leaves every Service, and what it had in flight keeps no pod once another has followed it', async (t) => {
  const lost = through(rouse.gatewayAddress(2), idle, '/sleep?ms=60000').catch(() => 'lost');
  const from = Date.now();
  await until('it has a request in flight, and has reported it', async () => Date.now() > from + 2500 && (await rouse.countOf('idle')).replicas === 1);
  await newGateway.stop('SIGKILL');
  t.is(await lost, 'lost');
  await until('it is no endpoint any more', () => clients.every((client) => addressesOf(client).join() === rouse.gatewayAddress(1)));
  await rouse.startGateway(2);
  await until('it is one again', () => clients.every((client) => addressesOf(client).length === 2));
  await until('the idle one sleeps', async () => (await rouse.countOf('idle')).replicas === 0, 40_000);
  t.is((await idle.get('/')).status, 200);
});
