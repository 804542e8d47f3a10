import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { Exposition, type ExpositionFormat } from '../../metrics/index.ts';
import { serveOperations } from './operations-server.ts';

/** More than sockets take. */
const large = Buffer.alloc(32_000_000, 'x');

const serving = async (t: ExecutionContext, metrics: (format: ExpositionFormat) => Promise<Exposition>) => {
  const server = await serveOperations({ notReady: () => undefined, metrics }, { host: '127.0.0.1', port: 0, flag: '--metrics-port' });
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  let asked = 0;
  server.on('request', () => (asked += 1));
  return { port: (server.address() as AddressInfo).port, asked: () => asked };
};

/** Asks, takes the head of the answer, and then nothing more. */
const stalled = async (port: number): Promise<Socket> => {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  socket.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(socket, 'readable');
  return socket;
};

test('a scrape is whole, with its length, in the format that was asked for', async (t) => {
  const { port } = await serving(t, (format) => Promise.resolve(new Exposition(format, [Buffer.from('a 1\n'), Buffer.from('b 2\n')])));
  const scrape = async (accept: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept } });
    return [answer.headers.get('content-length'), answer.headers.get('content-type'), answer.headers.get('vary'), await answer.text()];
  };
  t.deepEqual(await scrape('*/*'), ['8', 'text/plain; version=0.0.4; charset=utf-8', 'accept', 'a 1\nb 2\n']);
  t.deepEqual(await scrape('application/openmetrics-text'), [
    '14',
    'application/openmetrics-text; version=1.0.0; charset=utf-8',
    'accept',
    'a 1\nb 2\n# EOF\n',
  ]);
});

test('scrapes that nobody takes keep no more than four expositions, and nobody from a fifth', async (t) => {
  const { port } = await serving(t, (format) => Promise.resolve(new Exposition(format, [large])));
  const waiting: Socket[] = [];
  for (let count = 0; count < 4; count += 1) waiting.push(await stalled(port));
  const [first] = waiting;
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  // Only now, or it might have taken all of its own before there was a fifth.
  const cut = once(first!.resume(), 'close');
  t.is((await answer.bytes()).length, large.length);
  await cut;
  t.true(first!.bytesRead < large.length, 'the one that was first was cut off');
  for (const socket of waiting) socket.destroy();
});

test('who asks while an exposition is written gets the same one; who asks later another; a failure is told and not kept', async (t) => {
  let written = 0;
  let give: ((exposition: Exposition) => void) | undefined;
  let fail: ((error: Error) => void) | undefined;
  const { port, asked } = await serving(t, () => {
    written += 1;
    return new Promise((resolve, reject) => ([give, fail] = [resolve, reject]));
  });
  const scrape = async (): Promise<readonly [number, string]> => {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
    return [answer.status, await answer.text()];
  };
  const after = async (count: number): Promise<void> => {
    while (asked() < count || give === undefined) await new Promise((resolve) => setImmediate(resolve));
  };
  const both = Promise.all([scrape(), scrape()]);
  await after(2);
  give?.(new Exposition('text', [Buffer.from('a 1\n')]));
  t.deepEqual(await both, [
    [200, 'a 1\n'],
    [200, 'a 1\n'],
  ]);
  give = undefined;
  const later = scrape();
  await after(3);
  t.is(written, 2);
  fail?.(new Error('no'));
  t.deepEqual(await later, [500, 'no\n']);
});
