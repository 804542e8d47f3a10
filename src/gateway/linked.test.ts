import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { millis, silentLogger, systemClock, systemRandom, type FirstByte, type Poke, type Report, type WorkloadRoute } from '../core/index.ts';
import { createLinkClient, createLinkServer, type LinkClient } from '../link/index.ts';
import { freePort, podAt, startOrigin, until, web } from '../../test/support/gateway-rig.ts';
import { createGateway } from './index.ts';

/** A controller that knows one workload, and gives it a pod when it is poked. */
const startController = async (wake: (poke: Poke) => void) => {
  const heard = { pokes: [] as Poke[], firstBytes: [] as FirstByte[], reports: [] as Report[] };
  const link = createLinkServer({
    clock: systemClock,
    logger: silentLogger,
    authenticate: (_token, { address = '127.0.0.1' }) =>
      Promise.resolve({ address, podName: undefined, podUid: undefined, nodeName: undefined, zone: undefined }),
    listener: {
      report: (_gateway, report) => heard.reports.push(report),
      poke: (_gateway, poke) => {
        heard.pokes.push(poke);
        wake(poke);
      },
      firstByte: (_gateway, firstByte) => heard.firstBytes.push(firstByte),
      joined: () => undefined,
      gone: () => undefined,
    },
  });
  const server = createServer();
  link.attach(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = (): void => {
    link.close();
    server.close();
  };
  return { ...heard, link, stop, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
};

const route = (port: number, pods: WorkloadRoute['pods']): WorkloadRoute => ({
  workload: web,
  listeners: [{ address: '127.0.0.1', port, protocol: 'http1', target: 'http' }],
  hosts: [],
  pods,
  wakeFailure: undefined,
  containerConcurrency: undefined,
  holdQueueDepth: 100,
  holdTimeoutMs: 20_000,
  waitingPage: false,
  requestTimeoutMs: 0,
  responseStartTimeoutMs: 0,
  idleTimeoutMs: 0,
  ignoreRequests: [],
  sessionAffinity: 'none',
});

test('over a real link: routes open the port before they are acknowledged, a request at zero pokes, the pod that comes answers it, and the figures arrive', async (t) => {
  const [port, podPort] = [await freePort(), await freePort()];
  const controller = await startController(() => {
    controller.link.publish({ upsert: [route(port, [podAt(podPort, { state: 'starting' })])], remove: [] });
    void startOrigin((_request, response) => response.end('woken'), podPort).then((origin) => t.teardown(origin.die));
  });
  const stopping = new AbortController();
  const gateway = createGateway({
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    uplink: {
      report: (workloads, intervalMs) => link.report(workloads, intervalMs),
      poke: (poke) => link.poke(poke),
      firstByte: (firstByte) => link.firstByte(firstByte),
    },
  });
  const link: LinkClient = createLinkClient({
    controllers: [{ url: controller.url }],
    token: () => Promise.resolve(undefined),
    claim: { id: 'gw', address: '127.0.0.1', podName: undefined, nodeName: undefined, zone: undefined },
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    apply: (snapshot) => gateway.apply(snapshot),
    onUp: () => gateway.pokeAll(),
  });
  const running = [gateway.run(stopping.signal), link.run(stopping.signal)];
  t.teardown(async () => {
    await gateway.drain({ settle: millis(0), limit: millis(0) });
    stopping.abort();
    await Promise.all(running);
    controller.stop();
  });
  await until('linked', () => controller.link.gateways().length === 1);
  controller.link.publish({ upsert: [route(port, [])], remove: [] });
  await until('acknowledged', () => controller.link.gateways()[0]?.acknowledged === 1);
  t.like(controller.link.gateways()[0], { id: 'gw', failedPorts: [] });
  const answer = await fetch(`http://127.0.0.1:${port}`);
  t.is(await answer.text(), 'woken');
  t.is(controller.pokes.length, 1);
  await until('first byte', () => controller.firstBytes.length === 1);
  t.is(controller.firstBytes[0]?.podId, `pod-${podPort}`);
  await until('reported', () => controller.reports.some(({ workloads }) => workloads.some(({ requestCount }) => requestCount === 1)));
});
