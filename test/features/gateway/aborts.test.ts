import test, { type ExecutionContext } from 'ava';
import { parseJson, startRig, until, web, type Rig } from '../../support/gateway-rig.ts';
import { readAnswer, readHead, readRequest } from '../../support/raw-message.ts';
import { eachRequest, okWith, startScene, type Script } from '../../support/scripted-origin.ts';
import { dial, WireEnded, type Wire } from '../../support/wire.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const post = 'POST / HTTP/1.1\r\nHost: a\r\n';

const leave = { FIN: (wire: Wire) => wire.finish(), RST: (wire: Wire) => wire.reset() };
type How = keyof typeof leave;
const ways = ['FIN', 'RST'] as const;

const counted = (rig: Rig): readonly (readonly [number, number])[] => [...(rig.gateway.counters.workloads.get(web)?.requests ?? [])];
const inFlight = (rig: Rig): number => rig.gateway.counters.workloads.get(web)?.inFlight ?? 0;

/** Everything is the test's. */
const byHand: Script = () => Promise.resolve();

const beforeAnswer = test.macro({
  exec: async (t: ExecutionContext, request: string, how: How) => {
    const { origin, rig, dial } = await startScene(t, byHand);
    const client = await dial();
    await client.send(request);
    const pod = await origin.connection(0);
    await readRequest(pod);
    t.is(inFlight(rig), 1);
    leave[how](client);
    await pod.rest();
    await until('over', () => inFlight(rig) === 0);
    t.deepEqual(counted(rig), [[499, 1]]);
    t.is(client.received, '');
  },
  title: (_given, request: string, how: How) =>
    `a client that leaves by ${how} before the answer has begun ends its request at the pod: ${JSON.stringify(request)}`,
});
for (const how of ways) {
  test(beforeAnswer, get, how);
  test(beforeAnswer, `${post}Content-Length: 5\r\n\r\nhello`, how);
  test(beforeAnswer, `${post}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`, how);
}

test('a client that leaves while it is held is counted once as 499', async (t) => {
  const pieces = [[get], [`${post}Content-Length: 5\r\n\r\nhello`], [`${post}Content-Length: 20000\r\n\r\n`, 'x'.repeat(20_000)]];
  for (const how of ways)
    for (const [head = '', body] of pieces) {
      const rig = await startRig();
      t.teardown(rig.stop);
      const client = await dial(t, rig.port);
      await client.send(head);
      await until('held', () => rig.gateway.counters.workloads.get(web)?.held === 1);
      if (body !== undefined) await client.send(body);
      leave[how](client);
      await until('given up', () => rig.gateway.counters.workloads.get(web)?.held === 0);
      t.deepEqual(counted(rig), [[499, 1]]);
    }
});

const begun = {
  'with a length': { head: 'Content-Length: 8\r\n', half: 'half', rest: 'half' },
  'in chunks': { head: 'Transfer-Encoding: chunked\r\n', half: '4\r\nhalf\r\n', rest: '4\r\nhalf\r\n0\r\n\r\n' },
  'up to its end': { head: '', half: 'half', rest: 'half' },
};
for (const [framing, { head, half, rest }] of Object.entries(begun)) {
  test(`a client that breaks off in the middle of an answer ${framing} ends it at the pod`, async (t) => {
    const { origin, rig, dial } = await startScene(t, byHand);
    const client = await dial();
    await client.send(get);
    const pod = await origin.connection(0);
    await readRequest(pod);
    await pod.send(`HTTP/1.1 200 OK\r\n${head}\r\n${half}`);
    await client.until('half');
    client.reset();
    await pod.rest();
    await until('over', () => inFlight(rig) === 0);
    t.deepEqual(counted(rig), [[200, 1]]);
  });

  test(`a client that ends its side in the middle of an answer ${framing}, about which the pod says nothing more, is gone within seconds`, async (t) => {
    const { origin, rig, dial } = await startScene(t, byHand);
    const client = await dial();
    await client.send(get);
    const pod = await origin.connection(0);
    await readRequest(pod);
    await pod.send(`HTTP/1.1 200 OK\r\n${head}\r\n${half}`);
    await client.until('half');
    client.finish();
    await pod.rest();
    await until('over', () => inFlight(rig) === 0);
    t.deepEqual(counted(rig), [[200, 1]]);
  });

  test(`a client that has said all it has to say still gets the rest of an answer ${framing}`, async (t) => {
    const { origin, rig, dial } = await startScene(t, byHand);
    const client = await dial();
    await client.send(get);
    const pod = await origin.connection(0);
    await readRequest(pod);
    await pod.send(`HTTP/1.1 200 OK\r\n${head}\r\n${half}`);
    await until('begun', () => client.received.includes('half'));
    client.finish();
    await pod.sendApart(rest);
    if (head === '') pod.finish();
    t.is((await readAnswer(client)).body, 'halfhalf');
    t.is(await client.rest(), '');
    t.deepEqual(counted(rig), [[200, 1]]);
  });

  // Where the end of the connection is the end of the answer, FIN breaks nothing off.
  for (const how of head === '' ? (['RST'] as const) : ways)
    test(`a pod that breaks off by ${how} in the middle of an answer ${framing} is seen to break off`, async (t) => {
      const { origin, rig, dial } = await startScene(t, byHand);
      const client = await dial();
      await client.send(get);
      const pod = await origin.connection(0);
      await readRequest(pod);
      await pod.send(`HTTP/1.1 200 OK\r\n${head}\r\n${half}`);
      await until('begun', () => client.received.includes('half'));
      leave[how](pod);
      await t.throwsAsync(readAnswer(client), { instanceOf: WireEnded });
      t.deepEqual(counted(rig), [[200, 1]]);
      await until('over', () => inFlight(rig) === 0);
    });
}

const podBreaksOff = test.macro({
  exec: async (t: ExecutionContext, request: string, how: How) => {
    const { origin, rig, dial } = await startScene(t, async (wire) => {
      await readHead(wire);
      leave[how](wire);
    });
    const client = await dial();
    await client.send(request);
    const got = await readAnswer(client);
    t.is(got.status, 502);
    t.like(parseJson(got.body), { code: 'upstream-reset' });
    t.is(origin.connections.length, 1, 'it is not sent twice');
    t.deepEqual(counted(rig), [[502, 1]]);
  },
  title: (_given, request: string, how: How) => `a pod that breaks off by ${how} before it answers is answered for with 502: ${JSON.stringify(request)}`,
});
for (const how of ways) {
  test(podBreaksOff, `${post}Content-Length: 5\r\n\r\nhello`, how);
  test(podBreaksOff, `${post}Content-Length: 0\r\n\r\n`, how);
  test(podBreaksOff, `${post}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`, how);
}

const uploads = {
  'with a length': { begin: `${post}Content-Length: 100\r\n\r\nhalf`, seen: 'half' },
  'in chunks, inside one': { begin: `${post}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n10\r\nhal`, seen: 'half' },
  'in chunks, between two': { begin: `${post}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`, seen: 'half' },
  'in chunks, before the last line': { begin: `${post}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n`, seen: 'half' },
};
for (const [where, { begin, seen }] of Object.entries(uploads))
  for (const how of ways)
    test(`an upload ${where} that its client breaks off by ${how} is never whole to the pod`, async (t) => {
      const { origin, rig, dial } = await startScene(
        t,
        eachRequest((wire) => wire.send(okWith('whole'))),
      );
      const client = await dial();
      await client.send(begin);
      await until('half of it is at the pod', () => origin.received().includes(seen));
      leave[how](client);
      await (await origin.connection(0)).rest().catch(() => undefined);
      await until('the connection to the pod has ended', () => origin.connections.every(({ ended }) => ended));
      await until('over', () => inFlight(rig) === 0);
      t.deepEqual(origin.requests, []);
      t.is(origin.connections.length, 1);
      const [[status, count] = [], ...more] = counted(rig);
      t.true(status === 499 || (how === 'FIN' && status === 400), String(status));
      t.is(count, 1);
      t.deepEqual(more, []);
    });

const tooMuch = 'x'.repeat(10_000);
const early = `HTTP/1.1 413 Too Much\r\nContent-Length: ${tooMuch.length}\r\n\r\n${tooMuch}`;
const refusesEarly: Readonly<Record<string, (wire: Wire) => Promise<void>>> = {
  'reads on': (wire) => wire.send(early),
  'stops reading': async (wire) => {
    wire.socket.pause();
    await wire.send(early);
  },
  'stops reading and ends its side': async (wire) => {
    wire.socket.pause();
    await wire.send(early.replace('\r\n', '\r\nConnection: close\r\n'));
    wire.finish();
  },
};
const earlyAnswer = test.macro({
  exec: async (t: ExecutionContext, pod: string, client: 'reads' | 'reads only when all is written') => {
    const { rig, dial } = await startScene(t, async (wire) => {
      await readHead(wire);
      await wire.take(1000);
      await refusesEarly[pod]?.(wire);
    });
    const wire = await dial();
    const body = 'y'.repeat(5_000_000);
    if (client !== 'reads') wire.socket.pause();
    const sent = wire.send(`${post}Content-Length: ${body.length}\r\n\r\n${body}`);
    if (client !== 'reads') {
      await sent;
      wire.socket.resume();
    }
    const got = await readAnswer(wire);
    t.is(got.status, 413);
    t.true(got.body === tooMuch);
    await sent;
    t.is(wire.unread, '');
    await until('over', () => inFlight(rig) === 0);
    t.deepEqual(counted(rig), [[413, 1]]);
  },
  title: (_given, pod: string, client: string) => `an early answer to an upload of 5 MB arrives whole: the pod ${pod}, the client ${client}`,
});
for (const pod of Object.keys(refusesEarly)) for (const client of ['reads', 'reads only when all is written'] as const) test(earlyAnswer, pod, client);

test('after an early answer the rest of the upload is never taken for a request', async (t) => {
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
  const { origin, dial } = await startScene(t, async (wire) => {
    await readHead(wire);
    await wire.take(4);
    await wire.send(early);
  });
  const client = await dial();
  await client.send(`${post}Content-Length: ${4 + smuggled.length}\r\n\r\nhalf`);
  t.is((await readAnswer(client)).status, 413);
  await client.send(smuggled);
  client.finish();
  t.is(await client.rest(), '');
  t.false(origin.connections.slice(1).some(({ received }) => received !== ''));
});
