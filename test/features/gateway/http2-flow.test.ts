import test from 'ava';
import { pause, until, web } from '../../support/gateway-rig.ts';
import { ask, startHttp2Scene } from '../../support/http2-rig.ts';
import { liveBytes } from '../../support/live-memory.ts';

/** Flow control: who does not read makes the other side wait, stream by stream, and the gateway keeps no more than windows. */

const chunk = Buffer.alloc(64 * 1024, 'x');
/** Two windows of the gateway's, its buffers, those of the test's own ends, and slack. */
const mostInBetween = 2 * 1024 * 1024;

/** Writes until `most` bytes; stalls as the stream does. */
const pour = (
  stream: { write(data: Buffer): boolean; once(event: 'drain', then: () => void): unknown; end(): unknown },
  most: number,
  wrote: (bytes: number) => void,
): void => {
  let written = 0;
  const more = (): void => {
    while (written < most) {
      written += chunk.length;
      wrote(written);
      if (!stream.write(chunk)) return void stream.once('drain', more);
    }
    stream.end();
  };
  more();
};

/** Waits until `value` has not changed for a while. */
const settled = async (value: () => number): Promise<number> => {
  for (let before = -1; ;) {
    await pause(150);
    if (value() > 0 && value() === before) return before;
    before = value();
  }
};

test.serial('a client that does not read makes the pod wait; other streams of the connection go on; then all of it comes', async (t) => {
  const most = 48 * 1024 * 1024;
  let wrote = 0;
  const before = await liveBytes();
  const { session, rig } = await startHttp2Scene(t, (stream, headers) => {
    stream.respond({ ':status': 200 });
    if (headers[':path'] === '/small') stream.end('small');
    else pour(stream, most, (bytes) => (wrote = bytes));
  });
  const slow = session.request({ ':path': '/big' });
  await new Promise((resolve) => slow.once('response', resolve));
  const stalledAt = await settled(() => wrote);
  t.true(stalledAt < mostInBetween, `the pod wrote ${stalledAt}`);
  const grown = (await liveBytes()) - before;
  t.true(grown < 8 * 1024 * 1024, `${grown} bytes are kept`);
  for (let n = 0; n < 5; n += 1) t.is((await ask(session, { ':path': '/small' })).body, 'small');
  t.is(rig.gateway.counters.workloads.get(web)?.inFlight, 1);
  let read = 0;
  slow.on('data', (data: Buffer) => (read += data.length));
  await new Promise((resolve) => slow.once('end', resolve));
  t.is(read, most);
});

test.serial('a pod that does not read makes the client wait; then all of it comes', async (t) => {
  const most = 48 * 1024 * 1024;
  let [wrote, read] = [0, 0];
  const { session, origin } = await startHttp2Scene(t, (stream, headers) => {
    stream.respond({ ':status': 200 });
    if (headers[':path'] === '/small') stream.end('small');
  });
  const upload = session.request({ ':method': 'POST', ':path': '/big' }, { endStream: false });
  pour(upload, most, (bytes) => (wrote = bytes));
  const stalledAt = await settled(() => wrote);
  t.true(stalledAt < mostInBetween, `the client wrote ${stalledAt}`);
  for (let n = 0; n < 5; n += 1) t.is((await ask(session, { ':path': '/small' })).body, 'small');
  const [first] = origin.requests;
  first!.stream.on('data', (data: Buffer) => (read += data.length)).on('end', () => first!.stream.end());
  await new Promise((resolve) => upload.resume().once('close', resolve));
  t.is(read, most);
});

test.serial('a body that is held waits in the window of its client', async (t) => {
  let wrote = 0;
  const { session, rig } = await startHttp2Scene(t, () => undefined, { pods: [] });
  const upload = session.request({ ':method': 'POST' }, { endStream: false });
  upload.on('error', () => undefined);
  pour(upload, 16 * 1024 * 1024, (bytes) => (wrote = bytes));
  await until('held', () => rig.pokes.length > 0);
  const stalledAt = await settled(() => wrote);
  t.true(stalledAt < mostInBetween, `the client wrote ${stalledAt}`);
});

test.serial('a client may have 1000 streams open at a time', async (t) => {
  const { session, rig } = await startHttp2Scene(t, () => undefined, { pods: [], holdQueueDepth: 5000 });
  t.is(session.remoteSettings.maxConcurrentStreams, 1000);
  for (let n = 0; n < 1200; n += 1) session.request().on('error', () => undefined);
  const counters = rig.gateway.counters.workloads.get(web)!;
  await until('all that may are held', () => counters.held === 1000);
  await pause(100);
  t.is(counters.held, 1000);
});
