import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { until } from '../../../test/support/until.ts';
import { ClientConnection, type RequestListener } from './client-connection.ts';
import { probeSilentClientSeconds } from './limits.ts';

/** A client's connection: at its one end a socket, at the other what the test does with its requests. */
const accept = async (
  t: ExecutionContext,
  request: (client: ClientConnection, socket: Socket) => void,
): Promise<{ readonly far: Socket; readonly near: Socket }> => {
  let accepted: Socket | undefined;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    accepted = socket;
    const owner = {
      closing: false,
      sweeps: 0,
      request: (client: ClientConnection) => request(client, socket),
      http2: () => t.fail('HTTP/2'),
      unreadable: () => t.fail('unreadable'),
      closed: () => undefined,
    };
    new ClientConnection(owner, socket, '127.0.0.1', 'http');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const far = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const near = await until('accepted', () => accepted);
  t.teardown(() => {
    far.destroy();
    near.destroy();
    server.close();
  });
  return { far, near };
};

const listener = (patch: Partial<RequestListener> = {}): RequestListener => ({
  bodyArrived: () => undefined,
  bodyBroken: () => undefined,
  clientDrained: () => undefined,
  clientGone: () => undefined,
  answering: false,
  ...patch,
});

test('of answers that their client does not read hardly more than the socket has room for is kept', async (t) => {
  const requests = 60_000;
  const answer = `HTTP/1.1 404 Not Found\r\nContent-Length: 250\r\n\r\n${'x'.repeat(250)}`;
  let [answered, mostKept] = [0, 0];
  const { far, near } = await accept(t, (client, socket) => {
    client.take(listener());
    client.connectionHeader(false);
    client.out.text(answer);
    client.out.flush();
    answered += 1;
    // What the kernel has taken is nobody's memory here.
    mostKept = Math.max(mostKept, answered * answer.length - (socket.bytesWritten - socket.writableLength));
    client.answered();
  });
  far.pause().write('GET / HTTP/1.1\r\nHost:\r\n\r\n'.repeat(requests));
  await until('no more is read of the client', () => near.isPaused() && near.writableNeedDrain);
  t.true(answered < requests, `${answered} were answered`);
  t.true(mostKept <= near.writableHighWaterMark + 16 * 1024, `${mostKept} bytes were kept`);

  let read = 0;
  far.on('data', (chunk) => (read += chunk.length)).resume();
  await until('all are answered', () => read === requests * answer.length);
  t.is(answered, requests);
  t.true(mostKept <= near.writableHighWaterMark + 16 * 1024, `${mostKept} bytes were kept`);
});

/** Where a body goes, as text. */
const collector = () => {
  const sink = {
    body: '',
    holdsBytes: false,
    text: (text: string) => void (sink.body += text),
    bytes: (chunk: Buffer, from: number, to: number) => void (sink.body += chunk.toString('latin1', from, to)),
  };
  return sink;
};

test('a body that a pod had to catch up with when its connection ended goes on to the next one', async (t) => {
  const [first, second] = [collector(), collector()];
  let taken: ClientConnection | undefined;
  const { far } = await accept(t, (client) => {
    taken = client;
    client.take(listener());
    client.passBody(first);
    client.block(true);
  });
  far.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\n\r\nfirst');
  const client = await until('the request', () => taken);
  t.is(first.body, 'first');
  far.write('second');
  client.keepBody();
  client.passBody(second);
  await until('the second piece', () => second.body === 'second');
  far.write('last');
  await until('the last piece', () => second.body === 'secondlast');
  t.is(first.body, 'first');
  t.true(client.requestWhole);
});

for (const [when, happens] of [
  ['a second old', (client: ClientConnection) => client.sweep()],
  ['left to another protocol', (client: ClientConnection) => void client.leave()],
] as const)
  test(`the kernel is asked once to look for a client that is silent, when its connection is ${when}`, async (t) => {
    const asked: unknown[] = [];
    let taken: ClientConnection | undefined;
    const { far } = await accept(t, (client, socket) => {
      taken = client;
      client.take(listener());
      socket.setKeepAlive = (...how) => {
        asked.push(how);
        return socket;
      };
    });
    far.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const client = await until('the request', () => taken);
    t.deepEqual(asked, []);
    happens(client);
    client.sweep();
    t.deepEqual(asked, [[true, probeSilentClientSeconds * 1000]]);
  });

test('a client that has its answer, and the end of its connection with it, has all of it', async (t) => {
  const answer = `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1_000_000)}`;
  let [read, ended] = [0, false];
  const { far, near } = await accept(t, (client) => {
    client.take(listener());
    client.connectionHeader(false);
    client.out.text(answer);
    client.out.flush();
    client.answered();
  });
  far
    .on('data', (chunk) => (read += chunk.length))
    .on('end', () => (ended = true))
    .write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  await until('it is over', () => near.destroyed && ended);
  t.is(read, answer.length);
});
