import { once } from 'node:events';
import test from 'ava';
import { pause, until } from '../../support/gateway-rig.ts';
import { answerOf, ask } from '../../support/http2-rig.ts';
import { readHead } from '../../support/raw-message.ts';
import { okWith } from '../../support/scripted-origin.ts';
import { startTranslatedScene } from '../../support/translated-scene.ts';

/** Flow control between a stream and a pod's connection: who does not read makes the other side wait, and no other stream. */

const piece = 'x'.repeat(64 * 1024);
const most = 24 * 1024 * 1024;
/** What the gateway, the test's own ends and the kernel (where it is generous) may hold. */
const mostInBetween = 12 * 1024 * 1024;

/** Waits until `value` has not changed for a while. */
const settled = async (value: () => number): Promise<number> => {
  for (let before = -1; ;) {
    await pause(200);
    if (value() > 0 && value() === before) return before;
    before = value();
  }
};

test.serial('a client that does not read makes the pod wait; other streams go on; then all of it comes', async (t) => {
  let wrote = 0;
  const { session } = await startTranslatedScene(t, async (wire) => {
    const { startLine } = await readHead(wire);
    if (startLine.startsWith('GET /small')) return wire.send(okWith('small', 'Connection: close\r\n'));
    await wire.send(`HTTP/1.1 200 OK\r\nContent-Length: ${most}\r\n\r\n`);
    for (; wrote < most; wrote += piece.length) await wire.send(piece);
  });
  const slow = session.request({ ':path': '/big' });
  await once(slow, 'response');
  const stalledAt = await settled(() => wrote);
  t.true(stalledAt < mostInBetween, `the pod wrote ${stalledAt}`);
  for (let n = 0; n < 3; n += 1) t.is((await ask(session, { ':path': '/small' })).body, 'small');
  let read = 0;
  slow.on('data', (data: Buffer) => (read += data.length));
  await once(slow, 'end');
  t.is(read, most);
});

test.serial('a pod that does not read makes the client wait; other streams go on; then all of it comes', async (t) => {
  let whole = Infinity;
  const { session, origin } = await startTranslatedScene(t, async (wire) => {
    const { startLine } = await readHead(wire);
    if (startLine.startsWith('GET /small')) return wire.send(okWith('small', 'Connection: close\r\n'));
    whole = wire.received.indexOf('\r\n\r\n') + 4 + most;
    wire.socket.pause();
  });
  const upload = session.request({ ':method': 'POST', ':path': '/big', 'content-length': String(most) }, { endStream: false });
  const answer = answerOf(upload);
  let wrote = 0;
  const more = (): void => {
    while (wrote < most) {
      wrote += piece.length;
      if (!upload.write(piece)) return void upload.once('drain', more);
    }
    upload.end();
  };
  more();
  const stalledAt = await settled(() => wrote);
  t.true(stalledAt < mostInBetween, `the client wrote ${stalledAt}`);
  for (let n = 0; n < 3; n += 1) t.is((await ask(session, { ':path': '/small' })).body, 'small');
  const wire = origin.connections[0]!;
  wire.socket.resume();
  await until('the pod has all of it', () => wire.received.length >= whole);
  await wire.send(okWith('taken'));
  t.is((await answer).body, 'taken');
  t.is(wire.received.length, whole);
});

test.serial('messages go both ways at once, each as it is written', async (t) => {
  const { session, counted } = await startTranslatedScene(t, async (wire) => {
    await readHead(wire);
    await wire.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (;;) {
      const size = parseInt(await wire.until('\r\n'), 16);
      const data = await wire.take(size + 2);
      await wire.send(`${size.toString(16)}\r\n${data}`);
      if (size === 0) return wire.send('');
    }
  });
  const stream = session.request({ ':method': 'POST' }, { endStream: false });
  const answer = answerOf(stream);
  let got = '';
  stream.on('data', (chunk: Buffer) => (got += chunk.toString()));
  for (const message of ['one', 'two', 'three']) {
    stream.write(message);
    await until(`${message} is back`, () => got.endsWith(message));
  }
  stream.end();
  t.deepEqual([(await answer).body, (await answer).code], ['onetwothree', 0]);
  t.deepEqual(await counted(), [[200, 1]]);
});
