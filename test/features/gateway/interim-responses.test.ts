import test from 'ava';
import { parseJson, podAt, startRig, until } from '../../support/gateway-rig.ts';
import { readAnswer, readAnswers, readHead, valuesOf, without, type Field } from '../../support/raw-message.ts';
import { eachRequest, okWith, startScene, startScriptedOrigin, type Script } from '../../support/scripted-origin.ts';
import { dial } from '../../support/wire.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const goOn = 'HTTP/1.1 100 Continue\r\n\r\n';
const upload = (expect: string, body: string): string => `PUT /up HTTP/1.1\r\nHost: a\r\nExpect: ${expect}\r\nContent-Length: ${body.length}\r\n\r\n`;

/** Reads a head, says 100 where it is asked to, reads a body of as many bytes as named, and answers with it. */
const takesBody: Script = async (wire) => {
  for (;;) {
    const { fields } = await readHead(wire);
    if (valuesOf(fields, 'expect').length > 0) await wire.send(goOn);
    const body = await wire.take(Number(valuesOf(fields, 'content-length')[0] ?? 0));
    await wire.send(okWith(`got ${body}`));
  }
};

const plain = (fields: readonly Field[]): readonly Field[] => without(fields, 'date', 'connection', 'keep-alive');

test('early hints, as many as there are, come before the answer with all their fields', async (t) => {
  const hints = [
    'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nlink: </b.js>; rel=preload\r\nX-Hint: \xe4\r\n\r\n',
    'HTTP/1.1 103 More To Come\r\nLink: </c.css>\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\nX-Only: 1\r\n\r\n',
  ];
  const { dial: open } = await startScene(
    t,
    eachRequest((wire) => wire.send(hints.join('') + okWith('page'))),
  );
  const client = await open();
  await client.send(get);
  const answers = await readAnswers(client, ['GET', 'GET', 'GET', 'GET']);
  t.deepEqual(
    answers.map(({ status }) => status),
    [103, 103, 103, 200],
  );
  t.is(answers[1]?.phrase, 'More To Come');
  t.deepEqual(plain(answers[0]?.fields ?? []), [
    ['Link', '</a.css>; rel=preload'],
    ['link', '</b.js>; rel=preload'],
    ['X-Hint', '\xe4'],
  ]);
  t.deepEqual(plain(answers[2]?.fields ?? []), [['X-Only', '1']]);
  t.is(answers[3]?.body, 'page');
});

test('an interim answer goes on when it comes, not with the answer', async (t) => {
  const { origin, dial: open } = await startScene(t, async (wire) => {
    await readHead(wire);
    await wire.send('HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n');
  });
  const client = await open();
  await client.send(get);
  t.is((await readAnswer(client)).status, 103);
  await (await origin.connection(0)).send(okWith('page'));
  t.is((await readAnswer(client)).body, 'page');
});

test('102 is passed on, and neither it nor 103 frames a body', async (t) => {
  const { dial: open } = await startScene(
    t,
    eachRequest((wire) =>
      wire.send(`HTTP/1.1 102 Processing\r\nX: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\nLink: </a>\r\n\r\n${okWith('done')}`),
    ),
  );
  const client = await open();
  await client.send(get);
  const answers = await readAnswers(client, ['GET', 'GET', 'GET']);
  t.deepEqual(
    answers.map(({ status }) => status),
    [102, 103, 200],
  );
  t.deepEqual(plain(answers[0]?.fields ?? []), [['X', '1']]);
  t.is(answers[2]?.body, 'done');
});

test('an interim answer never goes to a client of HTTP/1.0', async (t) => {
  const { dial: open } = await startScene(
    t,
    eachRequest((wire) => wire.send(`${goOn}HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${okWith('done')}`)),
  );
  const client = await open();
  await client.send('GET / HTTP/1.0\r\nHost: a\r\n\r\n');
  const got = await readAnswer(client);
  t.is(got.status, 200);
  t.is(got.body, 'done');
});

test('a 100 that nobody asked for does no harm', async (t) => {
  const { dial: open } = await startScene(
    t,
    eachRequest((wire) => wire.send(goOn + okWith('done'))),
  );
  const client = await open();
  await client.send(get);
  let got = await readAnswer(client);
  if (got.status === 100) got = await readAnswer(client);
  t.is(got.status, 200);
  t.is(got.body, 'done');
});

test('a client that waits for 100 is told once to go on, by whomever', async (t) => {
  const { dial: open } = await startScene(t, takesBody);
  for (const expect of ['100-continue', '100-Continue']) {
    const client = await open();
    await client.send(upload(expect, 'hello'));
    t.is((await readAnswer(client)).status, 100);
    await client.send('hello');
    const got = await readAnswer(client);
    t.is(got.status, 200, 'not told again');
    t.is(got.body, 'got hello');
  }
});

test('a pod that says 100 without having been asked does not double it', async (t) => {
  const { dial: open } = await startScene(t, async (wire) => {
    await readHead(wire);
    await wire.send(goOn);
    await wire.take(5);
    await wire.send(okWith('done'));
  });
  const client = await open();
  await client.send(upload('100-continue', 'hello'));
  t.is((await readAnswer(client)).status, 100);
  await client.send('hello');
  t.is((await readAnswer(client)).status, 200);
});

test('a client that waits for 100 hears nothing while it is held, and is told to go on when a pod takes its body', async (t) => {
  const origin = await startScriptedOrigin(takesBody);
  t.teardown(origin.die);
  const rig = await startRig();
  t.teardown(rig.stop);
  const client = await dial(t, rig.port);
  await client.send(upload('100-continue', 'hello'));
  await until('held', () => rig.pokes.length === 1);
  t.is(client.received, '');
  await rig.route({ pods: [podAt(origin.port)] });
  t.is((await readAnswer(client)).status, 100);
  await client.send('hello');
  t.is((await readAnswer(client)).body, 'got hello');
});

test('a client that waits for 100 and cannot be served is told so, and its body is never taken for a request', async (t) => {
  const rig = await startRig({ holdQueueDepth: 0 });
  t.teardown(rig.stop);
  const client = await dial(t, rig.port);
  await client.send(upload('100-continue', get));
  const got = await readAnswer(client);
  t.is(got.status, 503);
  t.like(parseJson(got.body), { code: 'hold-queue-full' });
  await client.send(get);
  t.is(await client.rest(), '');
});

test('a client that says Expect and does not wait is served all the same', async (t) => {
  const { dial: open } = await startScene(t, takesBody);
  const client = await open();
  await client.send(`${upload('100-continue', 'hello')}hello${upload('100-continue', 'again')}again`);
  const answers: string[] = [];
  while (answers.length < 2) {
    const got = await readAnswer(client);
    if (got.status !== 100) answers.push(got.body);
  }
  t.deepEqual(answers, ['got hello', 'got again']);
});

test('Expect in a request of HTTP/1.0, or in one without a body, is not answered with 100', async (t) => {
  const { dial: open } = await startScene(
    t,
    eachRequest((wire, { body }) => wire.send(okWith(`got ${body}`))),
  );
  const old = await open();
  await old.send('PUT / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello');
  t.is((await readAnswer(old)).body, 'got hello');
  const empty = await open();
  await empty.send('GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n');
  t.is((await readAnswer(empty)).body, 'got ');
});

for (const status of [413, 417, 401])
  test(`a pod that answers ${status} without reading the body is heard, and the body is never taken for a request`, async (t) => {
    const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
    const { origin, dial: open } = await startScene(t, async (wire) => {
      await readHead(wire);
      await wire.send(`HTTP/1.1 ${status} No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno`);
      wire.finish();
    });
    const client = await open();
    await client.send(upload('100-continue', smuggled));
    let got = await readAnswer(client);
    if (got.status === 100) got = await readAnswer(client);
    t.is(got.status, status);
    t.is(got.body, 'no');
    await client.send(smuggled);
    client.finish();
    t.is(await client.rest(), '');
    await until('the connection to the pod has ended', () => origin.connections[0]?.ended === true);
    t.is(origin.connections.length, 1);
  });

test('an expectation that is none is answered 417, and nothing of it is a request to a pod', async (t) => {
  const { origin, dial: open } = await startScene(t, takesBody);
  for (const expect of ['something', '100-continued', 'x=y']) {
    const client = await open();
    const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
    await client.send(upload(expect, smuggled) + smuggled);
    const got = await readAnswer(client);
    t.is(got.status, 417, expect);
    client.finish();
    t.is(await client.rest(), '', expect);
  }
  t.is(origin.received(), '');
});
