import test from 'ava';
import { pause, until, web } from '../../support/gateway-rig.ts';
import { dialMute, get, greeting, reset } from '../../support/http2-frames.ts';
import { ask, startHttp2Scene, type Http2Scene } from '../../support/http2-rig.ts';
import { liveBytes } from '../../support/live-memory.ts';

/** CVE-2023-44487: requests that are taken back as soon as they are sent. The work that they make must stay with the connection that brings them. */

const streams = Array.from({ length: 10_000 }, (_, n) => 2 * n + 1);
/** The burst that is allowed, and what is allowed for good meanwhile. */
const mostSeen = 700;
const pair = (stream: number): Buffer => Buffer.concat([get(stream), reset(stream, 8)]);

const survives = async ({ session, origin, rig }: Http2Scene): Promise<number> => {
  for (let n = 0; n < 5; n += 1) if ((await ask(session, { ':path': '/served' })).status !== 200) throw new Error('the other connection is not served');
  await until('nothing is left', () => rig.gateway.counters.workloads.get(web)?.inFlight === 0);
  return origin.requests.filter(({ headers }) => headers[':path'] !== '/served').length;
};

const start = (t: Parameters<typeof startHttp2Scene>[0]): Promise<Http2Scene> =>
  startHttp2Scene(t, (stream, headers) => {
    if (headers[':path'] !== '/served') return;
    stream.respond({ ':status': 200 }, { endStream: true });
  });

test.serial('10,000 requests taken back in one breath: the connection is closed, the pod sees a few hundred at most, others are served', async (t) => {
  const scene = await start(t);
  t.is((await ask(scene.session, { ':path': '/served' })).status, 200);
  const before = await liveBytes();
  const { socket, closed } = await dialMute(scene.rig.port);
  socket.write(Buffer.concat([greeting, ...streams.map(pair)]));
  await until('the connection is closed', closed);
  const seen = await survives(scene);
  t.true(seen <= mostSeen, `the pod saw ${seen}`);
  const grown = (await liveBytes()) - before;
  t.true(grown < 8 * 1024 * 1024, `${grown} bytes are kept`);
});

test.serial('10,000 requests taken back one after the other: the pod sees a few hundred at most, others are served all the time', async (t) => {
  const scene = await start(t);
  const before = await liveBytes();
  const { socket, closed } = await dialMute(scene.rig.port);
  socket.write(greeting);
  let served = 0;
  for (const stream of streams) {
    if (closed()) break;
    socket.write(get(stream));
    // Each in a turn of its own, so that the gateway has begun with it.
    await new Promise(setImmediate);
    socket.write(reset(stream, 8));
    if (stream % 200 === 1) served += (await ask(scene.session, { ':path': '/served' })).status === 200 ? 1 : 0;
  }
  await until('the connection is closed', closed);
  t.true(served > 0);
  const seen = await survives(scene);
  t.true(seen <= mostSeen, `the pod saw ${seen}`);
  const grown = (await liveBytes()) - before;
  t.true(grown < 8 * 1024 * 1024, `${grown} bytes are kept`);
});

test.serial('a client that takes back now and then, as clients of gRPC do, is none of that kind', async (t) => {
  const scene = await start(t);
  for (let n = 0; n < 300; n += 1) {
    const stream = scene.session.request({ ':path': '/waits' });
    stream.on('error', () => undefined);
    await until('in the pod', () => scene.origin.requests.length === n + 1);
    stream.close(8);
  }
  t.is(await survives(scene), 300);
  // The pod's own count of resets is spread over connections.
  t.true(scene.origin.sessions.length >= 2);
  await pause(20);
  t.false(scene.session.closed);
});
