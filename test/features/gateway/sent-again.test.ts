import test from 'ava';
import { pause, podAt, startRig, until, web } from '../../support/gateway-rig.ts';
import { ask, dialHttp2, startHttp2Origin, startHttp2Rig, startHttp2Scene } from '../../support/http2-rig.ts';
import { readAnswer, readRequest } from '../../support/raw-message.ts';
import { okWith, startScene, startScriptedOrigin, type Script } from '../../support/scripted-origin.ts';
import { dial } from '../../support/wire.ts';

/** What is sent to a pod once more: within a budget, and to another pod where one has room. */

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

/** Answers once over each connection, and resets it at the next request. */
const once =
  (name: string): Script =>
  async (wire, requests) => {
    requests.push(await readRequest(wire));
    await wire.send(okWith(name));
    requests.push(await readRequest(wire));
    wire.reset();
  };

test('a pod that answers once over each connection and resets the next request costs a connection a request, and next to no request twice', async (t) => {
  const { origin, rig, dial } = await startScene(t, once('pod'));
  const client = await dial();
  for (let count = 0; count < 300; count += 1) {
    await client.send(get(`/${count}`));
    t.is((await readAnswer(client)).body, 'pod');
  }
  const { retries, retriesOverBudget, connectFailures } = rig.gateway.counters.workloads.get(web)!;
  t.true(retries > 0 && retries < 100, `${retries} retries`);
  // Without the connections that could not be made in time, where the machine has none.
  t.is(origin.requests.length, 300 + retries - connectFailures);
  t.is(retriesOverBudget, 0);
});

test('a crowd whose kept connections all turn out to be dead is sent again within the budget, the rest a moment later; then no kept connection is taken', async (t) => {
  const size = 200;
  const { origin, rig, dial } = await startScene(t, async (wire, requests, index) => {
    requests.push(await readRequest(wire));
    await until('all are there', () => index >= size || requests.length >= size);
    await wire.send(okWith('pod'));
    requests.push(await readRequest(wire));
    wire.reset();
  });
  const counters = rig.gateway.counters.workloads.get(web)!;
  const clients = await Promise.all(Array.from({ length: size }, dial));
  const askAll = (path: string): Promise<readonly number[]> =>
    Promise.all(
      clients.map(async (client) => {
        const from = performance.now();
        await client.send(get(path));
        t.is((await readAnswer(client)).body, 'pod');
        return performance.now() - from;
      }),
    );
  await askAll('/first');
  // So that it is not for this that kept connections are not taken any more: half of it is what they may be idle for from then on.
  await pause(200);
  const times = await askAll('/second');
  // A fifth of 400 requests, and 100.
  // Without the connections that could not be made in time, where the machine has none.
  t.is(counters.retries - counters.connectFailures, size);
  t.true(counters.retriesOverBudget >= size - 180 && counters.retriesOverBudget <= size - 180 + counters.connectFailures);
  t.true(times.filter((time) => time >= 100).length >= size - 180);
  t.is(counters.inFlight + counters.held, 0);
  const before = origin.requests.length;
  for (let count = 0; count < 25; count += 1) {
    await clients[0]!.send(get('/third'));
    t.is((await readAnswer(clients[0]!)).body, 'pod');
  }
  t.true(origin.requests.length <= before + 25 + 6, 'a fifth more is allowed each time; beyond it new connections are taken, so that nothing is sent twice');
});

test('a GET that found its kept connection dead goes to another pod where one has room', async (t) => {
  const [bad, good] = [await startScriptedOrigin(once('bad')), await startScriptedOrigin(once('good'))];
  const rig = await startRig({ pods: [podAt(bad.port)], containerConcurrency: 1 });
  t.teardown(async () => {
    await rig.stop();
    await Promise.all([bad.die(), good.die()]);
  });
  const client = await dial(t, rig.port);
  await client.send(get('/1'));
  t.is((await readAnswer(client)).body, 'bad');
  // The first with room is taken.
  await rig.route({ pods: [podAt(bad.port), podAt(good.port)] });
  await client.send(get('/2'));
  t.is((await readAnswer(client)).body, 'good');
  t.deepEqual([bad.requests.length, good.requests.length], [2, 1]);
  t.is(rig.gateway.counters.workloads.get(web)!.inFlight, 0);
});

test('HTTP/2: a request that a pod refuses to take on goes to another pod where one has room', async (t) => {
  const full = await startHttp2Origin((stream) => stream.close(7));
  const free = await startHttp2Origin((stream) => {
    stream.respond({ ':status': 200 });
    stream.end('free');
  });
  t.teardown(() => Promise.all([full.die(), free.die()]));
  const rig = await startHttp2Rig(t, { pods: [podAt(full.port), podAt(free.port)], containerConcurrency: 3 });
  const session = await dialHttp2(t, rig.port);
  for (let count = 0; count < 10; count += 1) t.is((await ask(session)).body, 'free');
  t.deepEqual([full.requests.length, free.requests.length], [10, 10]);
  t.is(rig.gateway.counters.workloads.get(web)!.retries, 10);
});

test('HTTP/2: a crowd that a pod refuses to take on is sent again within the budget, the rest a moment later', async (t) => {
  const size = 150;
  const { session, origin, rig } = await startHttp2Scene(t, (stream, _headers, index) => {
    if (index < size) return stream.close(7);
    stream.respond({ ':status': 200 });
    stream.end('second time');
  });
  const times = await Promise.all(
    Array.from({ length: size }, async () => {
      const from = performance.now();
      t.is((await ask(session)).body, 'second time');
      return performance.now() - from;
    }),
  );
  t.is(origin.requests.length, 2 * size);
  const { retries, retriesOverBudget } = rig.gateway.counters.workloads.get(web)!;
  // A fifth of 150 requests, and 100.
  t.deepEqual([retries, retriesOverBudget], [size, size - 130]);
  t.true(times.filter((time) => time >= 100).length >= size - 130);
});
