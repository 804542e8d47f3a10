import { join } from 'node:path';
import test from 'ava';
import { startCuttableProxy, type CuttableProxy } from '../../support/cuttable-proxy.ts';
import { until } from '../../support/until.ts';
import { controllerAddress, controllerPort, gatewayAddresses, other, type Place } from './processes.ts';
import { startScene, type Scene } from './scene.ts';

/** Between a gateway's death and the moment in which no node sends a connection there any more. */
const mostMs = 4000;

/** The wall clock of a process as its last log line tells it. */
const timeOf = (log: string): number => Date.parse(/"time":"([^"]+)"/.exec(log.trim().split('\n').at(-1) ?? '')?.[1] ?? '');

let scene: Scene;
test.before(async () => {
  scene = await startScene('faults of gateways');
});
test.after.always(() => scene.close());

test.serial('kill -9 of a gateway costs what was in it, and what nodes send there before they know; a moment later nothing', async (t) => {
  const { rouse } = scene;
  const fault = await scene.begin(t);
  const killedAt = performance.now();
  await rouse.gateways[0].stop('SIGKILL');
  await fault.leadsTo([gatewayAddresses[1]], 5000);
  // As its kubelet would, at once.
  await rouse.startGateway(0);
  await fault.leadsTo(gatewayAddresses);
  await fault.during(8000);
  t.regex(await fault.wake(), /"pod":"idle-/);
  await fault.end((failures) => {
    const late = failures.filter(({ at }) => at - killedAt > mostMs);
    t.deepEqual(late, []);
    for (const { text } of failures) t.regex(text, /ECONNRESET|ECONNREFUSED|socket hang up/);
    t.log(`${failures.length} requests failed, the last ${Math.round((failures.at(-1)?.at ?? killedAt) - killedAt)} ms after the kill`);
  });
});

test.serial('a rolling restart of the gateways: no request fails, none that is held, and no count changes', async (t) => {
  const { rouse } = scene;
  const fault = await scene.begin(t);
  const held = fault.wake();
  for (const place of [0, 1] as const) {
    t.is(await rouse.gateways[place].stop('SIGTERM'), 0, rouse.gateways[place].errors());
    await rouse.startGateway(place);
    await fault.leadsTo(gatewayAddresses);
  }
  t.regex(await held, /"pod":"idle-/);
  await fault.during(8000);
  await fault.end();
});

test.serial('a gateway whose clock is an hour ahead, or behind: no request fails, no count changes, and it wakes', async (t) => {
  const { rouse } = scene;
  const fault = await scene.begin(t);
  const shift = join(import.meta.dirname, '..', '..', 'support', 'programs', 'shifted-clock.mjs');
  for (const hours of ['1', '-1']) {
    t.is(await rouse.gateways[0].stop('SIGTERM'), 0);
    await fault.leadsTo([gatewayAddresses[1]]);
    await rouse.startGateway(0, { env: { NODE_OPTIONS: `--import ${shift}`, CLOCK_SHIFT_HOURS: hours } });
    await fault.leadsTo(gatewayAddresses);
    const ahead = (timeOf(rouse.gateways[0].errors()) - Date.now()) / 3_600_000;
    t.true(Math.abs(ahead - Number(hours)) < 0.02, `the gateway's clock is ${ahead.toFixed(2)} hours ahead`);
    // Longer than a window: every figure in it comes from a gateway whose clock is wrong, or the other.
    await fault.during(10_000);
    t.regex(await fault.wake(), /"pod":"idle-/);
  }
  await rouse.gateways[0].stop('SIGTERM');
  await rouse.startGateway(0);
  await fault.leadsTo(gatewayAddresses);
  await fault.end();
});

test.serial(
  'a gateway that is cut off from the leader alone: no request fails, no count falls on its silence, and it is an endpoint again when it is back',
  async (t) => {
    const { rouse } = scene;
    const proxies: readonly CuttableProxy[] = await Promise.all(
      ([0, 1] as const).map((place: Place) => startCuttableProxy({ host: controllerAddress, port: controllerPort(place) })),
    );
    t.teardown(() => Promise.all(proxies.map((proxy) => proxy.close())));
    const fault = await scene.begin(t);
    t.is(await rouse.gateways[0].stop('SIGTERM'), 0);
    await rouse.startGateway(0, { controllers: proxies.map(({ port }) => `https://127.0.0.1:${port}`) });
    await fault.leadsTo(gatewayAddresses);
    await fault.during(8000);
    const leader = await rouse.leader();
    proxies[leader]?.cut();
    await fault.leadsTo([gatewayAddresses[1]], 10_000);
    // Nodes hear of it a second later, of each Service by itself: what they send to the gateway that is cut off waits there until it is linked again.
    const waiting = fault.wake(gatewayAddresses[0]);
    const sent: Promise<string>[] = [];
    const woken = (): Promise<string | undefined> => {
      sent.push(fault.wake());
      return Promise.race([Promise.any(sent), fault.during(1000).then(() => undefined)]);
    };
    t.regex(await until('the other gateway wakes', woken, 30_000, () => rouse.errors()), /"pod":"idle-/);
    await fault.during(15_000);
    t.is(await rouse.leader(), leader);
    proxies[leader]?.mend();
    for (const answer of await Promise.all([waiting, ...sent])) t.regex(answer, /"pod":"idle-/);
    await fault.leadsTo(gatewayAddresses);
    // And from the standby: nothing at all happens.
    proxies[other(leader)]?.cut();
    await fault.during(5000);
    t.deepEqual(await fault.endpoints(), [...gatewayAddresses]);
    proxies[other(leader)]?.mend();
    // Its last figures stand while its share of the load is with the other: eight at once count as twelve, which is one pod more.
    await fault.end(undefined, 1);
    await rouse.gateways[0].stop('SIGTERM');
    await rouse.startGateway(0);
  },
);
