import test from 'ava';
import { deployment, onboarded, service } from '../support/app.ts';
import { startLoad } from '../support/load.ts';
import type { RouseProcess } from '../support/rouse-process.ts';
import { startSeparateProcesses, type SeparateProcesses } from '../support/separate-processes.ts';
import { followSlices, type SliceAnswer, type SliceClient } from '../support/slice-client.ts';
import { until } from '../support/until.ts';

/** Every address of 127.0.0.0/8 can be bound on Linux alone; elsewhere two gateways have no two addresses to stand on. */
const onLinux = process.platform === 'linux' ? test.serial : test.serial.skip;

const numbers = [0, 1, 2] as const;
const annotations = { ...onboarded, 'rouse.dev/target': '1', 'rouse.dev/metric': 'concurrency' };

let rouse: SeparateProcesses;
let addresses: readonly string[];
let controller: RouseProcess;
let gateways: readonly RouseProcess[];
let wide: SliceClient;
let narrow: SliceClient;
const clients: SliceClient[] = [];

const onboard = async (name: string, limit: number, pods: number): Promise<SliceClient> => {
  const settings = { 'rouse.dev/container-concurrency': String(limit), 'rouse.dev/min-scale': String(pods), 'rouse.dev/max-scale': String(pods) };
  for (const [path, object] of [
    ['/apis/apps/v1/namespaces/default/deployments', deployment(name, { replicas: pods, annotations: { ...annotations, ...settings } })],
    ['/api/v1/namespaces/default/services', service(name)],
  ] as const) {
    const { status, body } = await rouse.api('POST', path, object);
    if (status !== 201) throw new Error(JSON.stringify(body));
  }
  const client = await followSlices(rouse.api, name);
  clients.push(client);
  await until(
    `${name} leads to all gateways, and to nothing else`,
    () =>
      client
        .targets()
        .map((target) => target.split(':')[0])
        .sort()
        .join() === addresses.join(),
    60_000,
    () => client.targets(),
  );
  return client;
};

/** A gateway that has just started may be an endpoint by what the one before it was, and have no routes yet. */
const serves = (client: SliceClient, address: string): Promise<unknown> =>
  until(
    `the gateway at ${address} serves`,
    async () => {
      const target = client.targets().find((each) => each.startsWith(`${address}:`));
      return (
        target !== undefined &&
        (await fetch(`http://${target}/`).then(
          ({ ok }) => ok,
          () => false,
        ))
      );
    },
    45_000,
    () => client.targets(),
  );

/** Each pod's own count of the most requests that it had at once, by pod. */
const peaks = (answers: readonly SliceAnswer[]): ReadonlyMap<string, number> => {
  const byPod = new Map<string, number>();
  for (const { status, text } of answers) {
    if (status !== 200) continue;
    const { pod, most } = JSON.parse(text) as { pod: string; most: number };
    byPod.set(pod, Math.max(byPod.get(pod) ?? 0, most));
  }
  return byPod;
};

test.before(async () => {
  if (process.platform !== 'linux') return;
  rouse = await startSeparateProcesses();
  addresses = numbers.map((number) => rouse.gatewayAddress(number));
  controller = await rouse.startController();
  await rouse.leads(controller);
  gateways = await Promise.all(numbers.map((number) => rouse.startGateway(number)));
  [wide, narrow] = await Promise.all([onboard('wide', 4, 2), onboard('narrow', 1, 1)]);
});
test.after.always(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await (rouse as SeparateProcesses | undefined)?.close();
});

onLinux(
  'over three gateways a pod gets as many requests at once as its limit, and never one more: also while a gateway is killed and the controller replaced',
  async (t) => {
    const load = startLoad(t, 24, () => wide.get('/sleep?ms=25'));
    await until(
      'both pods are full',
      () => [...peaks(load.answers).values()].join() === '4,4',
      45_000,
      () => [...peaks(load.answers)],
    );
    t.deepEqual(
      load.answers.filter(({ status }) => status !== 200),
      [],
    );
    await gateways[2]?.stop('SIGKILL');
    await Promise.all([controller.stop('SIGTERM').then(() => rouse.startController()), rouse.startGateway(2)]);
    await serves(wide, addresses[2] ?? '');
    const before = load.answers.length;
    await until('the load goes on', () => load.answers.length > before + 200);
    t.deepEqual([...peaks(await load.stop()).values()], [4, 4]);
  },
);

onLinux('one place for three gateways: whoever has requests is served', async (t) => {
  const through = async (address: string): Promise<SliceAnswer> => {
    const target = narrow.targets().find((each) => each.startsWith(`${address}:`));
    const answer = await fetch(`http://${target}/sleep?ms=20`);
    return { status: answer.status, text: await answer.text() };
  };
  for (const address of addresses) await serves(narrow, address);
  for (const address of addresses) t.is((await through(address)).status, 200, address);
  const loads = addresses.map((address) => startLoad(t, 2, () => through(address)));
  await until('each has been served while the others wanted to be', () => loads.every(({ answers }) => answers.length > 0));
  const answers = (await Promise.all(loads.map((load) => load.stop()))).flat();
  t.deepEqual([...peaks(answers).values()], [1]);
  t.true(answers.every(({ status }) => status === 200));
});
