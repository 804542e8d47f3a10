import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { millis } from '../core/index.ts';
import { podAt, until } from '../../test/support/gateway-rig.ts';
import { skippingClock } from '../../test/support/skipping-clock.ts';
import { startTcpRig } from '../../test/support/tcp-rig.ts';

/** The TCP path by what its two ends see of each other: how a connection breaks, and how it fills up. */

interface End {
  readonly socket: Socket;
  received: string;
  /** How it came to its end: a FIN, or the code of an error. */
  over: string | undefined;
}

const watch = (socket: Socket): End => {
  const end: End = { socket, received: '', over: undefined };
  socket.on('data', (chunk: Buffer) => (end.received += chunk.toString()));
  socket.on('end', () => (end.over ??= 'FIN'));
  socket.on('error', (error: Error & { readonly code?: string }) => (end.over ??= error.code ?? error.message));
  return end;
};

/** A pod that only takes connections. */
const startPod = async (t: ExecutionContext): Promise<{ readonly port: number; readonly taken: End[] }> => {
  const taken: End[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => taken.push(watch(socket)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const { socket } of taken) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, taken };
};

const startClient = (t: ExecutionContext, port: number): End => {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  t.teardown(() => socket.destroy());
  return watch(socket);
};

/** A client and a pod that have heard each other. */
const join = async (t: ExecutionContext, patch: Parameters<typeof startTcpRig>[1] = {}, gateway: Parameters<typeof startTcpRig>[2] = {}) => {
  const pod = await startPod(t);
  const rig = await startTcpRig(t, { pods: [podAt(pod.port)], ...patch }, gateway);
  const client = startClient(t, rig.port);
  client.socket.write('hello');
  await until('heard by the pod', () => pod.taken[0]?.received === 'hello');
  const [server] = pod.taken as [End];
  server.socket.write('half of');
  await until('heard by the client', () => client.received === 'half of');
  return { rig, client, server };
};

test('a pod that resets the connection resets it for the client: half an answer that ends with the connection is not taken for a whole', async (t) => {
  const { rig, client, server } = await join(t);
  server.socket.resetAndDestroy();
  await until('over', () => client.over !== undefined);
  t.is(client.over, 'ECONNRESET');
  t.is(await rig.allEnded(), 1);
});

test('a client that resets the connection resets it for the pod', async (t) => {
  const { rig, client, server } = await join(t);
  client.socket.resetAndDestroy();
  await until('over', () => server.over !== undefined);
  t.is(server.over, 'ECONNRESET');
  t.is(await rig.allEnded(), 1);
});

test('a connection that the gateway cuts, for its silence or at the end of a drain, is reset at both ends', async (t) => {
  const clock = skippingClock();
  const silent = await join(t, { idleTimeoutMs: 60_000 }, { clock });
  const drained = await join(t);
  t.is(await drained.rig.gateway.drain({ settle: millis(0), limit: millis(50) }), 1);
  const ends = [silent, drained].flatMap(({ client, server }) => [client, server]);
  await until('over', () => {
    // What has gone through it is seen in sweeps, the silence only behind that.
    clock.skip(60_000);
    return ends.every(({ over }) => over !== undefined);
  });
  t.deepEqual(
    ends.map(({ over }) => over),
    ['ECONNRESET', 'ECONNRESET', 'ECONNRESET', 'ECONNRESET'],
  );
  t.is(await silent.rig.allEnded(), 1);
});

test('an orderly end is passed on as one, each way by itself, whoever is first', async (t) => {
  const { rig, client, server } = await join(t);
  server.socket.end(' it');
  await until('the client knows', () => client.over !== undefined);
  t.deepEqual([client.received, client.over, server.over], ['half of it', 'FIN', undefined]);
  client.socket.end(' and more');
  await until('the pod knows', () => server.over !== undefined);
  t.deepEqual([server.received, server.over], ['hello and more', 'FIN']);
  t.is(await rig.allEnded(), 1);
});

test('a client that goes away while held leaves the queue: at once with a reset, else when it has its pod', async (t) => {
  const rig = await startTcpRig(t);
  const [resetting, leaving] = [startClient(t, rig.port), startClient(t, rig.port)];
  await until('held', () => rig.counters.held === 2);
  resetting.socket.resetAndDestroy();
  await until('one has left', () => rig.counters.held === 1);
  t.deepEqual([...rig.counters.requests], [[499, 1]]);
  leaving.socket.destroy(); // which looks like the end of what it had to say
  const pod = await startPod(t);
  await rig.wakeWith(() => Promise.resolve(pod.port));
  await until('the pod knows', () => pod.taken[0]?.over === 'FIN');
  // It could have been a client that goes on listening; the first byte to it shows.
  await until('it is known to be gone', () => pod.taken[0]?.socket.write('.') !== undefined && rig.counters.inFlight === 0);
  t.is(await rig.allEnded(), 2);
});

test('what a slow reader does not take is not gathered up in the gateway: the sender is held back, both ways', async (t) => {
  for (const from of ['client', 'server'] as const) {
    const joined = await join(t);
    const [sender, reader] = from === 'client' ? [joined.client, joined.server] : [joined.server, joined.client];
    reader.socket.pause();
    const before = process.memoryUsage().arrayBuffers;
    const chunk = Buffer.alloc(1024 * 1024);
    let sent = 0;
    // What the kernel takes is the gateway's and the pod's buffers; a sender that waits for `drain` for a whole second is held back.
    for (let flowing = true; flowing && sent < 200;) {
      sent += 1;
      if (sender.socket.write(chunk)) continue;
      flowing = await Promise.race([once(sender.socket, 'drain').then(() => true), new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 1000))]);
    }
    t.true(sent < 100, `${from}: ${sent} MB`);
    const gathered = (process.memoryUsage().arrayBuffers - before) / chunk.length;
    t.true(gathered < 10, `${from}: ${gathered} MB in this process`);
    let taken = 0;
    reader.socket.on('data', (data: Buffer) => (taken += data.length));
    sender.socket.end();
    reader.socket.resume();
    await until('all has come', () => reader.over === 'FIN');
    t.is(taken, sent * chunk.length);
    reader.socket.end();
    await joined.rig.allEnded();
  }
});
