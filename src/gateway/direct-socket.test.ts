import { createServer, type AddressInfo, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { until } from '../../test/support/until.ts';
import { DirectSocket } from './direct-socket.ts';

/** Counts what it was given as a stream. */
class CountingSocket extends DirectSocket {
  streamWrites = 0;

  override _write(chunk: unknown, encoding: BufferEncoding, written: (error?: Error | null) => void): void {
    this.streamWrites += 1;
    super._write(chunk, encoding, written);
  }
}

interface Pair {
  readonly near: CountingSocket;
  /** Paused. */
  readonly far: Socket;
}

const pairOf = async (t: ExecutionContext): Promise<Pair> => {
  let accepted: Socket | undefined;
  const server = createServer({ allowHalfOpen: true }, (socket) => (accepted = socket.pause()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const near = new CountingSocket({ allowHalfOpen: true });
  near.connect((server.address() as AddressInfo).port, '127.0.0.1').setNoDelay(true);
  const far = await until('accepted', () => accepted);
  await until('connected', () => !near.connecting);
  server.close();
  t.teardown(() => {
    near.destroy();
    far.destroy();
  });
  return { near, far };
};

test('what the kernel takes at once is never a write of the stream, and is counted', async (t) => {
  const { near, far } = await pairOf(t);
  let read = '';
  far.on('data', (chunk) => (read += chunk.toString('latin1'))).resume();
  for (let count = 0; count < 100; count += 1) near.writeText('h\u00e4llo ');
  t.is(near.streamWrites, 0, 'this Node has no stream_wrap: see direct-socket.ts');
  t.is(near.writableLength, 0);
  t.is(near.bytesWritten, 600);
  await until('all has come', () => read === 'h\u00e4llo '.repeat(100));
});

test('before it is connected text waits as it does in any socket', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const come = new Promise<string>((resolve) => server.once('connection', (socket) => socket.once('data', (chunk) => resolve(chunk.toString('latin1')))));
  const near = new DirectSocket();
  t.teardown(() => near.destroy());
  near.connect((server.address() as AddressInfo).port, '127.0.0.1');
  near.writeText('early');
  t.is(await come, 'early');
});

/** Until the other side takes no more: the last of them is begun and not ended. */
const fill = (near: CountingSocket, text: string): string => {
  let sent = '';
  while (near.writableLength === 0) {
    near.writeText(text);
    sent += text;
  }
  return sent;
};

test('text that the kernel does not take at once is what the stream has to say: it is waited for, and drains', async (t) => {
  const { near, far } = await pairOf(t);
  let drains = 0;
  near.on('drain', () => (drains += 1));
  let sent = fill(near, 'x'.repeat(8000));
  t.is(near.streamWrites, 1);
  t.is(near.writableLength, 8000);
  while (!near.writableNeedDrain) {
    near.writeText('y'.repeat(8000));
    sent += 'y'.repeat(8000);
  }
  t.is(near.bytesWritten, sent.length);
  let read = '';
  far.on('data', (chunk) => (read += chunk.toString('latin1'))).resume();
  await until('all has come', () => read.length === sent.length);
  t.is(read, sent);
  await until('drained', () => drains === 1);
  t.is(near.writableLength, 0);
  const before = near.streamWrites;
  near.writeText('again');
  t.is(near.streamWrites, before, 'it is written past the stream again');
  await until('that, too', () => read === `${sent}again`);
});

test('an end that is asked for behind it comes behind it', async (t) => {
  const { near, far } = await pairOf(t);
  const sent = fill(near, 'x'.repeat(8000));
  near.destroySoon();
  let read = 0;
  let isEnded = false;
  far.on('data', (chunk: Buffer) => (read += chunk.length)).on('end', () => (isEnded = true));
  far.resume();
  await until('the end', () => isEnded);
  t.is(read, sent.length);
});

test('destroyed with text on its way it closes, and says nothing of an error', async (t) => {
  const { near } = await pairOf(t);
  const errors: Error[] = [];
  let isClosed = false;
  near.on('error', (error) => errors.push(error)).on('close', () => (isClosed = true));
  fill(near, 'x'.repeat(8000));
  near.destroy();
  near.writeText('nothing');
  await until('closed', () => isClosed);
  t.deepEqual(
    errors.map(({ message }) => message),
    [],
  );
});

/** As `{ code, errno, syscall, message }`. */
const failureOf = async (socket: Socket, write: () => void): Promise<object> => {
  let failure: NodeJS.ErrnoException | undefined;
  socket.on('error', (error) => (failure = error));
  write();
  const { code, errno, syscall, message } = await until('it fails', () => failure);
  return { code, errno, syscall, message };
};

test('a write that fails says so as a write of the stream does', async (t) => {
  const failures = [];
  for (const write of [(near: DirectSocket) => near.writeText('late'), (near: DirectSocket) => void near.write('late', 'latin1')]) {
    const { near, far } = await pairOf(t);
    near.pause();
    far.resetAndDestroy();
    await until('the reset is here', () => far.destroyed && far.closed);
    failures.push(await failureOf(near, () => write(near)));
  }
  t.deepEqual(failures[0], failures[1]);
  t.like(failures[0], { syscall: 'write' });
});

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constantFrom('text', 'bytes'), length: fc.integer({ min: 1, max: 40_000 }) }),
    fc.record({ do: fc.constant('cork'), length: fc.integer({ min: 1, max: 3000 }) }),
    fc.record({ do: fc.constant('read'), length: fc.integer({ min: 1, max: 400_000 }) }),
  ),
  { minLength: 1, maxLength: 60 },
);

test('whatever is written, as text or by way of the stream, to whoever reads when they like: it comes once and in order', async (t) => {
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const { near, far } = await pairOf(t);
      const pieces: Buffer[] = [];
      let count = 0;
      let sent = '';
      const next = (length: number): string => {
        const text = `${(count += 1)};`.repeat(length).slice(0, length);
        sent += text;
        return text;
      };
      for (const { do: what, length } of plan) {
        if (what === 'text') near.writeText(next(length));
        else if (what === 'bytes') near.write(Buffer.from(next(length), 'latin1'));
        else if (what === 'cork') {
          near.cork();
          near.writeText(next(length));
          near.write(next(length), 'latin1');
          near.writeText(next(length));
          near.uncork();
        } else {
          const chunk = far.read(Math.min(length, far.readableLength)) as Buffer | null;
          if (chunk !== null) pieces.push(chunk);
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      far.on('data', (chunk: Buffer) => pieces.push(chunk)).resume();
      near.end();
      await until('the end', () => far.readableEnded);
      t.true(near.bytesWritten === sent.length && Buffer.concat(pieces).toString('latin1') === sent);
      near.destroy();
      far.destroy();
    }),
    { numRuns: 200 },
  );
});
