import { once } from 'node:events';
import { createServer, request as httpRequest, type ClientRequest } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { annotation, silentLogger, systemClock } from '../core/index.ts';
import { admissionReview } from '../../test/support/admission-review.ts';
import { until } from '../../test/support/until.ts';
import { createWebhookApp } from './app.ts';
import type { AdmissionPorts } from './ports.ts';

const ports = (autoscalerOf: AdmissionPorts['autoscalerOf']): AdmissionPorts => ({
  isSelf: () => false,
  inherited: () => ({ cluster: {}, namespace: {} }),
  servicesIn: () => [],
  autoscalerOf,
  onboarded: () => undefined,
  clock: systemClock,
  logger: silentLogger,
});

const start = async (t: ExecutionContext, autoscalerOf: AdmissionPorts['autoscalerOf'] = () => Promise.resolve(undefined)): Promise<number> => {
  // For longer than we may stand still: a connection that ends just as it is used again fails its call.
  const server = createServer({ keepAliveTimeout: 60_000 }, createWebhookApp(ports(autoscalerOf))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
};

const review = JSON.stringify(
  admissionReview({
    object: {
      metadata: { name: 'web', annotations: { [annotation.enabled]: 'true' } },
      spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [] } } },
    },
  }),
);
const headers = { 'content-type': 'application/json' };
const ask = async (port: number): Promise<{ readonly status: number; readonly body: string }> => {
  const answer = await fetch(`http://127.0.0.1:${port}/admission/validate`, { method: 'POST', headers, body: review });
  return { status: answer.status, body: await answer.text() };
};

test('64 reviews are in hand at once; one more is refused at once, and the 64 are answered', async (t) => {
  const waiting: (() => void)[] = [];
  const port = await start(t, () => new Promise((resolve) => waiting.push(() => resolve(undefined))));
  const inHand = Array.from({ length: 64 }, () => ask(port));
  await until('all are in hand', () => waiting.length === 64);
  const refused = await ask(port);
  t.is(refused.status, 503);
  t.regex(refused.body, /64 reviews in hand/);
  for (const answer of waiting) answer();
  t.deepEqual(new Set((await Promise.all(inHand)).map(({ status }) => status)), new Set([200]));
  const next = ask(port);
  await until('there is room again', () => waiting.length === 65);
  waiting[64]?.();
  t.is((await next).status, 200);
});

/** A review that never comes to its end. */
const unending = (port: number, length: Record<string, string | number>): ClientRequest => {
  const request = httpRequest({ port, host: '127.0.0.1', method: 'POST', path: '/admission/mutate', headers: { ...headers, ...length } });
  request.on('error', () => undefined);
  request.write('{');
  return request;
};

for (const length of [{ 'content-length': 8 * 1024 * 1024 }, { 'transfer-encoding': 'chunked' }])
  test(`bodies that hold too many bytes together are refused before they are read, by ${Object.keys(length).join()}`, async (t) => {
    const port = await start(t);
    const strangers = Array.from({ length: 4 }, () => unending(port, length));
    await until('there is no room', async () => (await ask(port)).status === 503);
    for (const stranger of strangers) stranger.destroy();
    await until('their room is free', async () => (await ask(port)).status === 200);
    t.pass();
  });

test('reviews that wait behind one another on a connection that breaks are not in hand for ever', async (t) => {
  const waiting: (() => void)[] = [];
  const port = await start(t, () => new Promise((resolve) => waiting.push(() => resolve(undefined))));
  const one = `POST /admission/validate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(review)}\r\n\r\n${review}`;
  for (let round = 1; round <= 4; round += 1) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(one.repeat(40));
    await until('the first is in hand', () => waiting.length >= round);
    socket.destroy();
  }
  const next = ask(port);
  await until('there is room', () => waiting.length === 5);
  for (const answer of waiting) answer();
  t.is((await next).status, 200);
});

test('a review whose client has gone is in hand as long as something works on it', async (t) => {
  const waiting: (() => void)[] = [];
  const port = await start(t, () => new Promise((resolve) => waiting.push(() => resolve(undefined))));
  const strangers = Array.from({ length: 64 }, () => {
    const request = httpRequest({ port, host: '127.0.0.1', method: 'POST', path: '/admission/validate', headers });
    request.on('error', () => undefined).end(review);
    return request;
  });
  await until('all are in hand', () => waiting.length === 64);
  for (const stranger of strangers) stranger.destroy();
  t.is((await ask(port)).status, 503);
  for (const answer of waiting.splice(0)) answer();
  const next = ask(port);
  await until('there is room', () => waiting.length === 1);
  waiting[0]?.();
  t.is((await next).status, 200);
});

test('a packed body is refused: its length would say nothing', async (t) => {
  const port = await start(t);
  const answer = await fetch(`http://127.0.0.1:${port}/admission/validate`, {
    method: 'POST',
    headers: { ...headers, 'content-encoding': 'gzip' },
    body: review,
  });
  t.is(answer.status, 415);
});
