import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { Wire } from '../../test/support/wire.ts';
import { until } from '../../test/support/gateway-rig.ts';
import { instant, ManualClock, millis } from '../core/index.ts';
import type { RejectedConnection } from './counters.ts';
import { Entrance, type EntranceOptions } from './entrance.ts';
import { enterWithinSeconds } from './http1/limits.ts';

interface Served {
  readonly socket: Socket;
  readonly peer: string;
  readonly scheme: string;
}

const startEntrance = async (t: ExecutionContext, options: Partial<EntranceOptions>) => {
  const clock = new ManualClock(instant(0));
  const rejected: RejectedConnection[] = [];
  const served: Served[] = [];
  const taken: Socket[] = [];
  const entrance = new Entrance({ clock, proxyProtocol: false, tls: undefined, rejected: (reason) => rejected.push(reason), ...options });
  const server = createServer({ allowHalfOpen: true }, (tcp) => {
    taken.push(tcp);
    entrance.enter(tcp, (socket, peer, scheme) => served.push({ socket, peer, scheme }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of taken) socket.destroy();
    server.close();
  });
  /** A client whose connection is taken. */
  const dial = async (): Promise<Wire> => {
    const before = taken.length;
    const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
    t.teardown(() => socket.destroy());
    await once(socket, 'connect');
    await until('taken', () => taken.length > before);
    return new Wire(socket);
  };
  const seconds = (count: number): Promise<void> => clock.advance(millis(count * 1000));
  return { entrance, server, rejected, served, dial, seconds };
};
const line = 'PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\n';

test('whoever is slow with the header of the PROXY protocol is cut after 10 s, and nobody else', async (t) => {
  const { rejected, served, dial, seconds } = await startEntrance(t, { proxyProtocol: true });
  const silent = await dial();
  const slow = await dial();
  await slow.send('PROXY TC');
  const quick = await dial();
  await quick.send(line);
  await until('served', () => served.length === 1);
  await seconds(enterWithinSeconds);
  const late = await dial();
  t.deepEqual([silent.ended, slow.ended], [false, false]);
  await seconds(1);
  t.deepEqual([await silent.rest(), await slow.rest()], ['', '']);
  t.deepEqual(rejected, ['proxy-header-timeout', 'proxy-header-timeout']);
  t.deepEqual([quick.ended, late.ended], [false, false]);
});

test('the header and the handshake share the 10 s', async (t) => {
  const begun: Socket[] = [];
  const { rejected, dial, seconds } = await startEntrance(t, { proxyProtocol: true, tls: (tcp) => begun.push(tcp) });
  const client = await dial();
  await seconds(6);
  await client.send(line);
  await until('in its handshake', () => begun.length === 1);
  await seconds(4);
  t.false(client.ended);
  await seconds(1);
  t.is(await client.rest(), '');
  t.deepEqual(rejected, ['tls-handshake-timeout']);
});

test('when nobody enters any more, who is inside has a second left', async (t) => {
  const { entrance, server, rejected, dial, seconds } = await startEntrance(t, { tls: () => undefined });
  const client = await dial();
  entrance.close();
  const closed = once(server.close(), 'close');
  await seconds(2);
  t.is(await client.rest(), '');
  await closed;
  t.deepEqual(rejected, ['tls-handshake-timeout']);
});

test('a connection without the header is cut at its first wrong byte; one that ends without a word is no fault', async (t) => {
  const { rejected, served, dial } = await startEntrance(t, { proxyProtocol: true });
  const wrong = await dial();
  await wrong.send('GET ');
  t.is(await wrong.rest(), '');
  const [silent, half] = [await dial(), await dial()];
  silent.finish();
  await half.send('PROXY ');
  half.finish();
  t.deepEqual([await silent.rest(), await half.rest()], ['', '']);
  t.deepEqual(rejected, ['proxy-header-invalid']);
  t.is(served.length, 0);
});

test('what follows the header is left to be read, however it comes', async (t) => {
  const { served, dial } = await startEntrance(t, { proxyProtocol: true });
  for (const pieces of [[`${line}hello`], [line, 'hello'], `${line}hello`.split(''), [`${line}hel`, 'lo']]) {
    const client = await dial();
    await client.sendApart(pieces);
    client.finish();
    await until('served', () => served.length === 1);
    const [{ socket, peer, scheme } = { socket: undefined, peer: '', scheme: '' }] = served.splice(0);
    t.deepEqual([peer, scheme], ['192.0.2.1', 'http']);
    let got = '';
    socket?.on('data', (chunk: Buffer) => (got += chunk.toString()));
    await until('all there, and its end', () => got === 'hello' && socket?.readableEnded === true);
    socket?.end('bye');
    t.is(await client.rest(), 'bye');
  }
});

test('where the balancer speaks for itself, the peer is the balancer', async (t) => {
  const { served, dial } = await startEntrance(t, { proxyProtocol: true });
  await (await dial()).send('PROXY UNKNOWN\r\n');
  await (await dial()).send('\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00');
  await until('served', () => served.length === 2);
  t.deepEqual(
    served.map(({ peer }) => peer),
    ['127.0.0.1', '127.0.0.1'],
  );
});
