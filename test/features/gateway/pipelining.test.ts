import test from 'ava';
import { until, web } from '../../support/gateway-rig.ts';
import { closes, readAnswer, readAnswers } from '../../support/raw-message.ts';
import { eachRequest, namesRequest, okWith, startScene, type Script } from '../../support/scripted-origin.ts';
import type { Wire } from '../../support/wire.ts';

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
const paths = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `/${index}`);

/** Leaves requests unanswered: the test answers them. */
const silent = (asked: Wire[]): Script => eachRequest((wire) => asked.push(wire));

const readPaths = async (client: Wire, count: number): Promise<readonly string[]> => {
  const answers = await readAnswers(
    client,
    Array.from({ length: count }, () => 'GET'),
  );
  return answers.map(({ body }) => body.replace('GET ', ''));
};

test('300 requests in one write are all answered, in order', async (t) => {
  const { origin, rig, dial } = await startScene(t, namesRequest);
  const client = await dial();
  const asked = paths(300);
  await client.send(asked.map((path) => get(path)).join(''));
  t.deepEqual(await readPaths(client, 300), asked);
  t.deepEqual(
    origin.requests.map(({ target }) => target),
    asked,
  );
  t.is(rig.gateway.counters.workloads.get(web)?.requests.get(200), 300);
});

test('requests ahead of their turn that a client is cut off for never reach a pod, and of the others none is lost silently', async (t) => {
  let sent = false;
  const { origin, dial } = await startScene(
    t,
    eachRequest(async (wire, { target }) => {
      if (target === '/0') await until('all is sent', () => sent);
      await wire.send(okWith(target));
    }),
  );
  const client = await dial();
  await client.send(
    paths(2000)
      .map((path) => get(path))
      .join(''),
  );
  sent = true;
  const answered: string[] = [];
  while (answered.length < 2000) {
    const answer = await readAnswer(client).catch(() => undefined);
    if (answer === undefined) break;
    answered.push(answer.body);
  }
  t.deepEqual(answered, paths(2000).slice(0, answered.length));
  t.true(answered.length === 2000 || client.ended);
  t.true(origin.requests.length === answered.length || origin.requests.length === answered.length + 1);
});

test('a request comes to the pod only after those before it are answered', async (t) => {
  const asked: Wire[] = [];
  const { origin, dial } = await startScene(t, silent(asked));
  const client = await dial();
  const [first, second, third] = [get('/1'), 'POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc', get('/3')];
  await client.send(first + second + third);
  for (const path of ['/1', '/2', '/3']) {
    await until(`${path} at the pod`, () => origin.requests.at(-1)?.target === path);
    const wire = asked.at(-1)!;
    const [begin, end] = [okWith(path).slice(0, -1), okWith(path).slice(-1)];
    await wire.send(begin);
    await client.until(begin.slice(begin.indexOf('\r\n\r\n')));
    t.is(origin.requests.at(-1)?.target, path, 'half an answer is none');
    await wire.send(end);
    t.is(await client.take(1), end);
  }
  t.is(origin.requests.length, 3);
});

test('each of several requests with bodies of every framing has its own answer, however they are cut into pieces', async (t) => {
  const requests = [
    'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
    'HEAD /b HTTP/1.1\r\nHost: a\r\n\r\n',
    'POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n',
    '\r\nGET /d HTTP/1.1\r\nHost: a\r\n\r\n',
    'POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n',
    'DELETE /f HTTP/1.1\r\nHost: a\r\n\r\n',
  ].join('');
  for (const size of [1, 7, 50, requests.length]) {
    const { origin, dial } = await startScene(t, namesRequest);
    const client = await dial();
    await client.sendApart(requests.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []);
    const answers = await readAnswers(client, ['POST', 'HEAD', 'POST', 'GET', 'POST', 'DELETE']);
    t.deepEqual(
      answers.map(({ body }) => body),
      ['POST /a', '', 'POST /c', 'GET /d', 'POST /e', 'DELETE /f'],
      `in pieces of ${size}`,
    );
    t.deepEqual(
      origin.requests.map(({ body }) => body),
      ['hello', '', 'abc', '', '', ''],
    );
  }
});

test('a request that asks for the end of the connection is answered, and nothing behind it is a request', async (t) => {
  const { origin, dial } = await startScene(t, namesRequest);
  const client = await dial();
  await client.send(get('/1') + get('/2', 'Connection: close\r\n') + get('/3'));
  const [one, two] = await readAnswers(client, ['GET', 'GET']);
  t.is(one?.body, 'GET /1');
  t.false(closes(one!));
  t.is(two?.body, 'GET /2');
  t.true(closes(two!));
  t.is(await client.rest(), '');
  t.is(origin.requests.length, 2);
});

test('garbage behind a good request: the good one is answered first, whatever becomes of the rest', async (t) => {
  for (const garbage of [
    'garbage\r\n\r\n',
    '\0\0\0\0\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
  ]) {
    const asked: Wire[] = [];
    const { origin, dial } = await startScene(t, silent(asked));
    const client = await dial();
    await client.send(get('/good') + garbage + get('/smuggled'));
    await until('at the pod', () => asked.length === 1);
    await asked[0]?.send(okWith('good'));
    t.is((await readAnswer(client)).body, 'good', garbage);
    const rest = await client.rest();
    if (rest !== '') t.regex(rest, /^HTTP\/1\.1 (4\d\d|501|505) [^]*\r\nconnection: close\r\n/i);
    t.true((rest.match(/HTTP\/1\.1 \d/g) ?? []).length <= 1, rest);
    t.is(origin.requests.length, 1);
    t.false(origin.received().includes('smuggled'));
  }
});

test('a pod that breaks off one of several requests ends only that one, or the connection behind it', async (t) => {
  const { dial } = await startScene(
    t,
    eachRequest((wire, { target }) => (target === '/2' ? wire.reset() : wire.send(okWith(target)))),
  );
  const client = await dial();
  await client.send(get('/1') + get('/2') + get('/3'));
  t.is((await readAnswer(client)).body, '/1');
  const broken = await readAnswer(client);
  t.is(broken.status, 502);
  if (closes(broken)) t.is(await client.rest(), '');
  else t.is((await readAnswer(client)).body, '/3');
});
