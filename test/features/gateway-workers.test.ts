import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import test from 'ava';
import { freePort, startOrigin } from '../support/gateway-rig.ts';
import { startRouse } from '../support/rouse-process.ts';
import { until } from '../support/until.ts';
import { askOnce, loadOfNewConnections, startWorkerGateway, sumOf } from '../support/worker-gateway.ts';

/** The children of a process are found in /proc. */
const onLinux = process.platform === 'linux' ? test : test.skip;

const requests = 'rouse_gateway_requests_total';
const held = 'rouse_gateway_held_requests';

const hello = () => startOrigin((_request, response) => response.end('hello'));
const app = (port: number, endpoint: number | undefined, more = ''): string =>
  `{name: default/app, listeners: [{address: 127.0.0.1, port: ${port}}], endpoints: [${endpoint === undefined ? '' : `{address: 127.0.0.1, port: ${endpoint}}`}]${more}}`;

onLinux(
  'a worker that is killed under load costs what was in it and nothing else; another takes its place, and what the rest counted is counted',
  async (t) => {
    const origin = await hello();
    t.teardown(() => origin.die());
    const port = await freePort();
    const gateway = await startWorkerGateway(t, app(port, origin.port));
    const clients = 6;
    const load = loadOfNewConnections(t, clients, port);
    await until('the load is answered', () => load.answered() > 50, 30_000);
    const [victim] = gateway.workers();
    await gateway.scrape();
    process.kill(victim!, 'SIGKILL');
    // It may take one more connection on its way out. Until it is gone, none begins here.
    while (gateway.workers().includes(victim!));
    const goneAt = performance.now();
    await until(
      'another has taken its place',
      async () => gateway.workers().length === 2 && !gateway.workers().includes(victim!) && (await gateway.scrape()).get('rouse_gateway_workers_serving') === 2,
      30_000,
      () => gateway.rouse.errors(),
    );
    const before = load.answered();
    await until('the load goes on', () => load.answered() > before + 50, 30_000);
    await load.stop();
    t.true(load.failures.length <= clients, JSON.stringify(load.failures));
    t.deepEqual(
      load.failures.filter(({ beganAt, what }) => beganAt > goneAt || what === 'ECONNREFUSED'),
      [],
      'nothing that began after it was gone was lost, and nothing was refused',
    );
    const series = await gateway.scrape();
    t.is(series.get('rouse_gateway_worker_exits_total{how="crashed"}'), 1);
    t.is(await gateway.readyz(), '200 ok');
  },
);

onLinux('all workers are killed at once: new connections wait for the next ones, none is refused', async (t) => {
  const origin = await hello();
  t.teardown(() => origin.die());
  const port = await freePort();
  const gateway = await startWorkerGateway(t, app(port, origin.port));
  for (const worker of gateway.workers()) process.kill(worker, 'SIGKILL');
  const answers = await Promise.all(Array.from({ length: 20 }, () => askOnce(port)));
  t.deepEqual(
    answers.filter(({ status }) => status !== 200),
    [],
  );
});

onLinux('a hot restart under load: no request fails or is counted twice, what an old worker holds is answered, and the old ones end', async (t) => {
  const origin = await hello();
  t.teardown(() => origin.die());
  const [port, waitingPort] = [await freePort(), await freePort()];
  const waits = (endpoint?: number): string => app(waitingPort, endpoint).replace('/app', '/waits');
  const gateway = await startWorkerGateway(t, `${app(port, origin.port)}, ${waits()}`);
  const before = gateway.workers();
  const load = loadOfNewConnections(t, 4, port);
  const waiting = Array.from({ length: 10 }, () => askOnce(waitingPort));
  await until('they wait', async () => sumOf(await gateway.scrape(), held, 'waits') === 10);
  const over = gateway.restart();
  await until(
    'new workers have come',
    () => gateway.rouse.errors().includes('every worker is replaced') && gateway.workers().filter((pid) => !before.includes(pid)).length === 2,
  );
  await until('the old ones are on their way out', async () => (await gateway.scrape()).get('rouse_gateway_workers_serving') === 2);
  await until('the old ones hold on', async () => sumOf(await gateway.scrape(), held, 'waits') === 10);
  await gateway.route(`${app(port, origin.port)}, ${waits(origin.port)}`);
  t.deepEqual([...new Set((await Promise.all(waiting)).map(({ status }) => status))], [200]);
  await over;
  await load.stop();
  t.deepEqual(load.failures, []);
  t.deepEqual(
    gateway.workers().filter((pid) => before.includes(pid)),
    [],
  );
  const series = await until('both answer the scrape', async () => {
    const scraped = await gateway.scrape();
    return scraped.get('rouse_gateway_workers_unanswered') === 0 && scraped;
  });
  t.is(sumOf(series, requests, 'app'), load.answered());
  t.is(sumOf(series, requests, 'waits'), 10);
  t.is(series.get('rouse_gateway_worker_exits_total{how="stopped"}'), 2);
});

onLinux('told to end, all workers answer what they have, take nothing new, and the gateway ends', async (t) => {
  const answers: (() => void)[] = [];
  const origin = await startOrigin((request, response) => (request.url === '/late' ? response.end() : void answers.push(() => response.end('hello'))));
  t.teardown(() => origin.die());
  const port = await freePort();
  const gateway = await startWorkerGateway(t, app(port, origin.port));
  const inFlight = Array.from({ length: 8 }, () => askOnce(port));
  await until('all are in the pod', () => answers.length === 8);
  const ended = gateway.rouse.stop('SIGTERM');
  await until('nothing new is taken', () => askOnce(port, '/late').then(() => false, (error: unknown) => (error as NodeJS.ErrnoException).code === 'ECONNREFUSED')); // prettier-ignore
  for (const answer of answers) answer();
  t.deepEqual(
    (await Promise.all(inFlight)).map(({ body }) => body),
    Array.from({ length: 8 }, () => 'hello'),
  );
  t.is(await ended, 0, gateway.rouse.errors());
  t.deepEqual(gateway.workers(), []);
});

onLinux('a worker that does not answer a scrape is left out of the gauges, keeps its counts, and is told of', async (t) => {
  const origin = await hello();
  t.teardown(() => origin.die());
  const port = await freePort();
  const gateway = await startWorkerGateway(t, app(port, origin.port));
  for (let count = 0; count < 40; count += 1) await askOnce(port);
  await until('all are counted', async () => sumOf(await gateway.scrape(), requests, 'app') === 40);
  const [stuck] = gateway.workers();
  process.kill(stuck!, 'SIGSTOP');
  // On a busy machine the other one may be late too, once.
  const series = await until('it alone does not answer', async () => {
    const scraped = await gateway.scrape();
    return scraped.get('rouse_gateway_workers_unanswered') === 1 && scraped;
  });
  process.kill(stuck!, 'SIGCONT');
  t.is(sumOf(series, requests, 'app'), 40);
  await until('it answers again', async () => (await gateway.scrape()).get('rouse_gateway_workers_unanswered') === 0);
});

onLinux('ports come and go with the routes; one that is taken is opened by all workers once it is free', async (t) => {
  const origin = await hello();
  t.teardown(() => origin.die());
  // None of those that the kernel gives to connections: one of another test would have it as soon as it is free.
  const [port, later, taken] = [await freePort(), await freePort(), await freePort()];
  const other = createServer().listen(taken, '127.0.0.1');
  await once(other, 'listening');
  const gateway = await startWorkerGateway(t, app(port, origin.port));
  const two = (second: number): string => `${app(port, origin.port)}, ${app(second, origin.port).replace('/app', '/second')}`;
  await gateway.route(two(later));
  await until('the new port is open', () => askOnce(later).then(({ status }) => status === 200, () => false)); // prettier-ignore
  await gateway.route(two(taken));
  await until('both have told that the port is taken', () => gateway.rouse.errors().split(`port ${taken} cannot be opened`).length >= 3);
  t.regex(gateway.rouse.errors(), /EADDRINUSE/);
  await until('what no route wants is closed', () => askOnce(later).then(() => false, (error: unknown) => (error as NodeJS.ErrnoException).code === 'ECONNREFUSED')); // prettier-ignore
  other.close();
  await until('the port is served', () => askOnce(taken).then(({ status }) => status === 200, () => false)); // prettier-ignore
  const answers = await Promise.all(Array.from({ length: 50 }, () => askOnce(taken)));
  t.true(answers.every(({ status }) => status === 200));
});

test('a port that is taken when a gateway of workers starts is told as one of a gateway that is alone', async (t) => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  t.teardown(() => holder.close());
  const { port } = holder.address() as AddressInfo;
  await t.throwsAsync(startWorkerGateway(t, app(port, 1)), { message: new RegExp(`ended with 3 [^]*port ${port} cannot be opened: .*EADDRINUSE`) });
  await t.throwsAsync(startWorkerGateway(t, app(await freePort(), 1), { flags: ['--shared-port', String(port)] }), {
    message: /ended with 3 [^]*another program uses the port; choose another port with --shared-port/,
  });
  await t.throwsAsync(startWorkerGateway(t, app(await freePort(), 1, ', containerConcurrency: 1')), {
    message: /ended with 2 [^]*containerConcurrency 1 cannot be divided among --workers 2: want at least 2/,
  });
});

for (const workers of ['0', '-1', '1.5', '1000', 'many'])
  test(`--workers ${workers} is no number of workers`, async (t) => {
    const rouse = startRouse(['gateway', '--routes', 'nowhere.yaml', '--workers', workers]);
    t.is(await rouse.ended, 2);
    t.regex(rouse.errors(), new RegExp(`'--workers <number>' argument '${workers}' is invalid.*Want a whole number from 1 to 64, e\\.g\\. 2\\.`));
  });
