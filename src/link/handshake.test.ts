import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import test from 'ava';
import { WebSocket } from 'ws';
import { hello, startController } from '../../test/support/link-rig.ts';
import { until } from '../../test/support/until.ts';
import { helloHeader, type GatewayIdentity } from './handshake.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
}

const upgradeWithBody = (url: string, headers: Record<string, string>): Promise<Answer> =>
  new Promise((resolve) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/link`, { headers });
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body });
        socket.terminate();
      });
    });
    socket.on('open', () => {
      resolve({ status: 101, body: '' });
      socket.terminate();
    });
    socket.on('error', () => undefined);
  });
const upgrade = async (url: string, headers: Record<string, string>): Promise<number> => (await upgradeWithBody(url, headers)).status;

test('a gateway without a good token, a readable hello or a common version is refused before there is a link', async (t) => {
  const { url, stop, changes } = await startController({ versions: [2, 1] });
  t.teardown(stop);
  t.is(await upgrade(url, { ...hello([2]), authorization: 'Bearer bad' }), 401);
  t.is(await upgrade(url, { [helloHeader]: hello([2])[helloHeader]! }), 401);
  t.is(await upgrade(url, { authorization: 'Bearer good' }), 400);
  t.is(await upgrade(url, hello([2], 'no spaces please')), 400);
  t.is(await upgrade(url, hello([3])), 426);
  t.deepEqual(changes, []);
  t.is(await upgrade(url, hello([1])), 101);
  t.is(await upgrade(url, hello([3, 2])), 101);
});

test('a failing authenticator refuses for now instead of letting in', async (t) => {
  const { url, stop } = await startController({ authenticate: () => Promise.reject(new Error('TokenReview is unreachable')) });
  t.teardown(stop);
  t.is(await upgrade(url, hello([1])), 503);
});

test('so many tokens are checked at once; who comes beyond that is told to come again, and is let in then', async (t) => {
  const identity: GatewayIdentity = { address: '10.0.0.1', podName: undefined, podUid: undefined, nodeName: undefined, zone: undefined };
  const waiting: ((identity: GatewayIdentity) => void)[] = [];
  const { url, stop } = await startController({ authenticate: () => new Promise((resolve) => waiting.push(resolve)) });
  t.teardown(stop);
  const answers: Answer[] = [];
  const asked = Array.from({ length: 20 }, async (_, index) => {
    const answer = await upgradeWithBody(url, hello([1], `gw-${index}`));
    answers.push(answer);
  });
  await until('the rest is refused', () => answers.length === 4);
  t.is(waiting.length, 16);
  for (const { status, body } of answers) {
    t.is(status, 503);
    t.like(JSON.parse(body), { status: 503, detail: '16 tokens are being checked, which is as many as are at once: come again in a moment' });
  }
  for (const letIn of waiting) letIn(identity);
  await Promise.all(asked);
  t.is(answers.filter(({ status }) => status === 101).length, 16);
  const later = upgrade(url, hello([1], 'gw-later'));
  await until('it is checked', () => waiting.length === 17);
  waiting[16]?.(identity);
  t.is(await later, 101);
});

const raw = async (url: string, text: string): Promise<Socket> => {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(text.replaceAll('\n', '\r\n'));
  return socket;
};
const asksFor = (path: string): string => `GET ${path} HTTP/1.1\nHost: link\nConnection: Upgrade\nUpgrade: websocket\n\n`;

for (const path of ['//', '/other', '/link/', '*', 'http://['])
  test(`an upgrade at ${path} is answered with 404`, async (t) => {
    const { url, stop } = await startController();
    t.teardown(stop);
    const socket = await raw(url, asksFor(path));
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
    await once(socket, 'end');
    socket.destroy();
    t.regex(answer, /^HTTP\/1\.1 40[04] /);
    t.is(await upgrade(url, hello([1])), 101, 'it goes on serving');
  });

test('a stranger that is refused cannot keep the connection, nor do harm by breaking it', async (t) => {
  const { url, server, stop } = await startController();
  t.teardown(stop);
  const connections = (): Promise<number> =>
    new Promise((resolve, reject) => {
      server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
    });
  for (const path of ['/other', '/link']) {
    const socket = await raw(url, asksFor(path));
    socket.resume();
    await once(socket, 'end');
    await until(`the connection for ${path} is closed from there`, async () => (await connections()) === 0);
    socket.destroy();
  }
  for (const path of ['/other', '/link']) (await raw(url, asksFor(path))).resetAndDestroy();
  await until('all are gone', async () => (await connections()) === 0);
  t.is(await upgrade(url, hello([1])), 101);
});
