import { createServer, type AddressInfo } from 'node:net';
import type { ServerHttp2Stream } from 'node:http2';
import test, { type ExecutionContext } from 'ava';
import { dialMute, get, greeting, isGoaway, isPing, type MuteClient } from '../../../test/support/http2-frames.ts';
import { until } from '../../../test/support/gateway-rig.ts';
import { ClientSession, type SessionOwner } from './client-session.ts';

interface Scene {
  readonly client: MuteClient;
  readonly session: ClientSession;
  readonly streams: readonly ServerHttp2Stream[];
  /** Seconds go by. */
  readonly seconds: (count: number) => void;
}

const start = async (t: ExecutionContext): Promise<Scene> => {
  let sweeps = 0;
  const streams: ServerHttp2Stream[] = [];
  const owner: SessionOwner = {
    get sweeps() {
      return sweeps;
    },
    closing: false,
    request: (_client, stream) => streams.push(stream),
    closed: () => undefined,
  };
  const sessions: ClientSession[] = [];
  const server = createServer((socket) => sessions.push(new ClientSession(owner, socket)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const client = await dialMute((server.address() as AddressInfo).port);
  t.teardown(() => client.socket.destroy());
  await until('accepted', () => sessions.length === 1);
  const session = sessions[0]!;
  const seconds = (count: number): void => {
    for (let n = 0; n < count; n += 1) {
      sweeps += 1;
      session.sweep();
    }
  };
  return { client, session, streams, seconds };
};

test('a connection that does not greet is closed after 10 s', async (t) => {
  const { client, seconds } = await start(t);
  seconds(10);
  t.false(client.closed());
  seconds(1);
  await until('closed', client.closed);
  t.pass();
});

test('an idle connection is told GOAWAY after 5 minutes, and ends', async (t) => {
  const { client, seconds } = await start(t);
  client.socket.write(greeting);
  await until('greeted', () => client.frames().length >= 2);
  seconds(300);
  t.false(client.frames().some(isGoaway));
  seconds(1);
  await until('goodbye', () => client.frames().some(isGoaway));
  await until('closed', client.closed);
});

test('a client with a stream that is silent is asked for a sign of life, and cut where it gives none', async (t) => {
  const { client, streams, seconds } = await start(t);
  client.socket.write(Buffer.concat([greeting, get(1, false)]));
  await until('its request is here', () => streams.length === 1);
  seconds(31);
  await until('asked', () => client.frames().some(isPing));
  seconds(19);
  t.false(client.closed());
  seconds(2);
  await until('cut', client.closed);
  t.is(streams[0]?.rstCode, 8);
});

test('a client that says anything at all is not cut', async (t) => {
  const { client, streams, seconds } = await start(t);
  client.socket.write(Buffer.concat([greeting, get(1, false)]));
  await until('its request is here', () => streams.length === 1);
  for (let n = 1; n <= 4; n += 1) {
    seconds(31);
    client.socket.write(get(2 * n + 1, false));
    await until('another request is here', () => streams.length === n + 1);
  }
  t.false(client.closed());
});

test('after a goodbye a connection ends with its last stream', async (t) => {
  const { client, session, streams } = await start(t);
  client.socket.write(Buffer.concat([greeting, get(1)]));
  await until('its request is here', () => streams.length === 1);
  session.goodbye();
  await until('told', () => client.frames().some(isGoaway));
  t.false(client.closed());
  streams[0]?.respond({ ':status': 200 }, { endStream: true });
  await until('ended', client.closed);
  t.pass();
});
