import { setImmediate as turn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../../src/core/index.ts';
import { podAt, startRig, until, web } from '../../support/gateway-rig.ts';
import { closes, readAnswer, readRequest } from '../../support/raw-message.ts';
import { eachRequest, namesRequest, okWith, startScene, startScriptedOrigin, type Script } from '../../support/scripted-origin.ts';
import { dial, type Wire } from '../../support/wire.ts';

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
const post = (path: string, body: string): string => `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

test('requests one after the other go to the pod over one connection, whichever client they come from', async (t) => {
  // Time stands still: a POST goes over no connection that has been idle for a second.
  const { origin, dial } = await startScene(t, namesRequest, {}, { clock: { ...systemClock, monotonic: () => 0 } });
  for (let client = 0; client < 5; client += 1) {
    const wire = await dial();
    for (const [method, more, body] of [
      ['GET', '', ''],
      ['POST', 'Content-Length: 3\r\n', 'abc'],
      ['HEAD', '', ''],
      ['PUT', 'Transfer-Encoding: chunked\r\n', '3\r\nabc\r\n0\r\n\r\n'],
    ] as const) {
      await wire.send(`${method} /${client} HTTP/1.1\r\nHost: a\r\n${more}\r\n${body}`);
      t.is((await readAnswer(wire, method)).body, method === 'HEAD' ? '' : `${method} /${client}`);
    }
  }
  t.is(origin.requests.length, 20);
  t.is(origin.connections.length, 1);
});

test('as many requests at once as there are take as many connections, and these are used again', async (t) => {
  const { origin, dial } = await startScene(
    t,
    eachRequest(async (wire, { target }) => {
      await until(`all ten of round ${target} are there`, () => origin.requests.length >= 10 * Number(target.slice(1)));
      await wire.send(okWith(target));
    }),
  );
  const clients = await Promise.all(Array.from({ length: 10 }, dial));
  for (const round of ['/1', '/2', '/3']) {
    const answers = await Promise.all(
      clients.map(async (client) => {
        await client.send(get(round));
        return readAnswer(client);
      }),
    );
    t.true(answers.every(({ body }) => body === round));
  }
  t.is(origin.connections.length, 10);
});

test('a client that asks for the end of its connection has it, and the connection to the pod stays', async (t) => {
  const { origin, dial } = await startScene(t, namesRequest);
  for (const option of ['close', 'Close', 'keep-alive, close']) {
    const client = await dial();
    await client.send(get('/', `Connection: ${option}\r\n`));
    const got = await readAnswer(client);
    t.true(closes(got), option);
    t.is(await client.rest(), '');
  }
  t.is(origin.connections.length, 1);
});

test('a pod that asks for the end of its connection has it, and that of the client stays', async (t) => {
  const { origin, dial } = await startScene(
    t,
    eachRequest((wire, { target }) => wire.send(okWith(target, 'Connection: close\r\n'))),
  );
  const client = await dial();
  for (const path of ['/1', '/2', '/3']) {
    await client.send(get(path));
    const got = await readAnswer(client);
    t.is(got.body, path);
    t.false(closes(got));
  }
  await until('each connection has ended', () => origin.connections.every(({ ended }) => ended));
  t.is(origin.connections.length, 3);
});

test('a connection over which a pod answered before it had the whole request is not used again before it has it', async (t) => {
  const { origin, dial } = await startScene(t, async (wire, _requests, index) => {
    await wire.until('\r\n\r\n');
    await wire.send(okWith(`early ${index}`));
  });
  const client = await dial();
  await client.send('POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe');
  t.is((await readAnswer(client)).body, 'early 0');
  const other = await dial();
  await other.send(get('/2'));
  t.is((await readAnswer(other)).body, 'early 1');
  t.false(origin.connections[0]?.received.includes('/2'));
});

/** Numbers that look random and are the same each time. */
const numbers = (): (() => number) => {
  let state = 1;
  return () => (state = (state * 48_271) % 2_147_483_647);
};

test('while a pod closes idle connections at any moment, no GET fails and no POST is delivered twice', async (t) => {
  const next = numbers();
  const idle = new Set<{ finish(): void; socket: { destroy(): void } }>();
  const bodies: string[] = [];
  const script: Script = async (wire, requests) => {
    for (;;) {
      const request = await readRequest(wire);
      idle.delete(wire);
      requests.push(request);
      if (request.method === 'POST') bodies.push(request.body);
      await wire.send(okWith(request.target));
      idle.add(wire);
    }
  };
  const { dial } = await startScene(t, script);
  const closeIdle = (): void => {
    for (const wire of idle) {
      idle.delete(wire);
      if (next() % 2 === 0) wire.finish();
      else wire.socket.destroy();
    }
  };
  const client = await dial();
  let failed = 0;
  for (let count = 0; count < 500; count += 1) {
    const method = next() % 2 === 0 ? 'GET' : 'POST';
    const moment = next() % 8;
    if (moment === 0) closeIdle();
    for (let turns = next() % 3; turns > 0; turns -= 1) await turn();
    if (moment === 1) closeIdle();
    const sent = client.send(method === 'GET' ? get(`/${count}`) : post(`/${count}`, `body ${count}`));
    if (moment === 2) closeIdle();
    await sent;
    for (let turns = 3; turns < moment; turns += 1) await turn();
    if (moment >= 3) closeIdle();
    const got = await readAnswer(client);
    if (method === 'POST' && got.status === 502) failed += 1;
    else t.is(`${got.status} ${got.body}`, `200 /${count}`, `${method} at moment ${moment}`);
  }
  t.is(new Set(bodies).size, bodies.length);
  t.log(`${failed} POSTs were answered 502; ${bodies.length} reached the pod`);
});

/** A pod whose kept connection `end`s as the second request comes: seen by the gateway behind it, in the same turn. A pod that has done so once is not trusted so long again, so each time it is another one. */
const asItComes = async (t: ExecutionContext, end: (kept: Wire | undefined) => void, bodies: readonly string[] = ['first', 'second']): Promise<void> => {
  for (let count = 0; count < 20; count += 1) {
    const { origin, dial } = await startScene(
      t,
      eachRequest((wire, { body }) => wire.send(okWith(body))),
    );
    const client = await dial();
    for (const [index, name] of ['first', 'second'].entries()) {
      const body = bodies[index] ?? '';
      const sent = client.send(post(`/${name}`, body));
      if (name === 'second') end(origin.connections[0]);
      await sent;
      const got = await readAnswer(client);
      t.is(`${got.status} ${got.body}`, `200 ${body}`);
    }
    t.deepEqual(
      origin.requests.map(({ target }) => target),
      ['/first', '/second'],
    );
    t.is(origin.connections.length, 2);
  }
};

for (const how of ['finish', 'reset'] as const)
  test(`a POST that has not been written when its kept connection ends goes over another one, and arrives once: ${how}`, (t) =>
    asItComes(t, (kept) => kept?.[how]()));

for (const how of ['finish', 'reset'] as const)
  test(`however long it is: a POST of 20 kB that has not been written when its kept connection ends, ${how}`, (t) =>
    asItComes(t, (kept) => kept?.[how](), ['first', 'x'.repeat(20_000)]));

test('what a pod says before a request was written is no answer to it: 408 and the end', (t) =>
  asItComes(t, (kept) => {
    void kept?.send(`HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    kept?.finish();
  }));

test('what a pod says before a request was written is no answer to it: an answer after which the connection goes on', (t) =>
  asItComes(t, (kept) => void kept?.send(okWith('unasked'))));

const unannounced = test.macro({
  exec: async (t: ExecutionContext, turns: number, how: 'FIN' | 'RST') => {
    const { origin, dial } = await startScene(t, async (wire, requests) => {
      requests.push(await readRequest(wire));
      await wire.send(okWith('once'));
      for (let count = 0; count < turns; count += 1) await turn();
      if (how === 'FIN') wire.finish();
      else wire.reset();
    });
    const client = await dial();
    for (let count = 0; count < 200; count += 1) {
      await client.send(get(`/${count}`));
      const got = await readAnswer(client);
      t.is(`${got.status} ${got.body}`, '200 once', `request ${count}`);
    }
    t.is(origin.requests.length, 200);
    t.is(new Set(origin.requests.map(({ target }) => target)).size, 200);
  },
  title: (_given, turns: number, how: string) =>
    `200 GETs succeed with a pod that ends each connection behind its answer without a word: ${how}, ${turns} turns later`,
});
for (const turns of [0, 1, 2, 3, 5]) for (const how of ['FIN', 'RST'] as const) test(unannounced, turns, how);

test('a GET that finds the kept connections of two pods dead, one after the other, is answered over a new one', async (t) => {
  // Over each connection one answer; the next request breaks it.
  const once =
    (name: string): Script =>
    async (wire, requests) => {
      requests.push(await readRequest(wire));
      await until('both pods have a request', () => origins.every(({ connections }) => connections.length > 0));
      await wire.send(okWith(name));
      requests.push(await readRequest(wire));
      wire.reset();
    };
  const origins = [await startScriptedOrigin(once('first')), await startScriptedOrigin(once('second'))] as const;
  // With so few places the first pod that has one is taken.
  const rig = await startRig({ pods: origins.map(({ port }) => podAt(port)), containerConcurrency: 1 });
  t.teardown(async () => {
    await rig.stop();
    await Promise.all(origins.map(({ die }) => die()));
  });
  const [client, other] = [await dial(t, rig.port), await dial(t, rig.port)];
  await Promise.all([client.send(get('/1')), other.send(get('/2'))]);
  await Promise.all([readAnswer(client), readAnswer(other)]);
  origins[0].closePort();
  await client.send(get('/3'));
  const { status, body } = await readAnswer(client);
  t.is(`${status} ${body}`, '200 second');
  t.deepEqual(
    origins.map(({ requests }) => requests.map(({ target }) => target).filter((target) => target === '/3').length),
    [1, 1],
  );
});

for (const how of ['finish', 'reset'] as const)
  test(`a POST that waited for the place of another does not go over that one's connection where the pod has ended it behind its answer: ${how}`, async (t) => {
    const { origin, rig, dial } = await startScene(
      t,
      eachRequest(async (wire, { body }, index) => {
        if (index === 0) await until('the other one waits', () => rig.gateway.counters.workloads.get(web)?.held === 1);
        void wire.send(okWith(body));
        if (index === 0) wire[how]();
      }),
      { containerConcurrency: 1 },
    );
    const clients = [await dial(), await dial()];
    for (const [index, client] of clients.entries()) {
      await client.send(post(`/${index}`, `body ${index}`));
      await until('it is there', () => rig.gateway.counters.workloads.get(web)?.inFlight === 1);
    }
    for (const [index, client] of clients.entries()) {
      const got = await readAnswer(client);
      t.is(`${got.status} ${got.body}`, `200 body ${index}`);
    }
    t.deepEqual(
      origin.requests.map(({ target }) => target),
      ['/0', '/1'],
    );
  });

test('a gateway that stands still while a kept connection breaks knows it for dead all the same', async (t) => {
  const { origin, dial } = await startScene(t, async (wire, requests) => {
    requests.push(await readRequest(wire));
    await wire.send(okWith('once'));
    await wire.until('GET');
    wire.reset();
    // As where the gateway gets no CPU: it is in this process.
    const until = performance.now() + 400;
    while (performance.now() < until);
  });
  const client = await dial();
  for (const path of ['/1', '/2', '/3']) {
    await client.send(get(path));
    const got = await readAnswer(client);
    t.is(`${got.status} ${got.body}`, '200 once');
  }
  t.deepEqual(
    origin.requests.map(({ target }) => target),
    ['/1', '/2', '/3'],
  );
});
