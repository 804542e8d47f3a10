import { execFile } from 'node:child_process';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { until } from '../../test/support/until.ts';
import { DirectSocket } from './direct-socket.ts';
import { PodSocket } from './pod-socket.ts';

/** Counts what it was given as a stream. */
class CountingSocket extends DirectSocket {
  streamWrites = 0;

  override _write(chunk: unknown, encoding: BufferEncoding, written: (error?: Error | null) => void): void {
    this.streamWrites += 1;
    super._write(chunk, encoding, written);
  }
}

interface Pair<Near> {
  readonly near: Near;
  /** Paused. */
  readonly far: Socket;
}

const pairOf = (t: ExecutionContext): Promise<Pair<CountingSocket>> => connected(t, new CountingSocket({ allowHalfOpen: true }));

const connected = async <Near extends DirectSocket>(t: ExecutionContext, near: Near): Promise<Pair<Near>> => {
  let accepted: Socket | undefined;
  const server = createServer({ allowHalfOpen: true }, (socket) => (accepted = socket.pause()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
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

/** What has come so far; the other side reads from now on. */
const reading = (far: Socket): (() => string) => {
  const pieces: Buffer[] = [];
  far.on('data', (chunk: Buffer) => pieces.push(chunk)).resume();
  return () => Buffer.concat(pieces).toString('latin1');
};

test('what the kernel takes at once is never a write of the stream, and is counted', async (t) => {
  const { near, far } = await pairOf(t);
  const read = reading(far);
  for (let count = 0; count < 100; count += 1) near.writeText('h\u00e4llo ');
  t.is(near.streamWrites, 0, 'this Node has no stream_wrap: see direct-socket.ts');
  t.is(near.writableLength, 0);
  t.is(near.bytesWritten, 600);
  await until('all has come', () => read() === 'h\u00e4llo '.repeat(100));
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

/** `length` characters, none like those with another `number`. */
const textOf = (number: number, length: number): string => {
  const word = `${number};`;
  return word.repeat(Math.ceil(length / word.length)).slice(0, length);
};

/** Until the other side takes no more: the last of them is begun and not ended. By way of the stream where that is asked for. */
const fill = (near: DirectSocket, { byStream = false } = {}): string => {
  let sent = '';
  while (near.writableLength === 0) {
    const text = textOf(sent.length, 8000);
    if (byStream) near.write(text, 'latin1');
    else near.writeText(text);
    sent += text;
  }
  return sent;
};

test('text that the kernel does not take at once is what the stream has to say: it is waited for, and drains', async (t) => {
  const { near, far } = await pairOf(t);
  let drains = 0;
  near.on('drain', () => (drains += 1));
  let sent = fill(near);
  t.is(near.streamWrites, 1);
  t.is(near.writableLength, 8000);
  while (!near.writableNeedDrain) {
    near.writeText('y'.repeat(8000));
    sent += 'y'.repeat(8000);
  }
  t.is(near.bytesWritten, sent.length);
  const read = reading(far);
  await until('all has come', () => read() === sent);
  await until('drained', () => drains === 1);
  t.is(near.writableLength, 0);
  const before = near.streamWrites;
  near.writeText('again');
  t.is(near.streamWrites, before, 'it is written past the stream again');
  await until('that, too', () => read() === `${sent}again`);
});

test('an end that is asked for behind it comes behind it', async (t) => {
  const { near, far } = await pairOf(t);
  const sent = fill(near);
  near.destroySoon();
  const read = reading(far);
  await until('the end', () => far.readableEnded);
  t.true(read() === sent);
});

test('one piece by way of the stream behind text that waits comes behind it', async (t) => {
  const { near, far } = await pairOf(t);
  const sent = fill(near);
  near.write(Buffer.from('behind'));
  near.end();
  const read = reading(far);
  await until('the end', () => far.readableEnded);
  t.true(read() === `${sent}behind`);
});

test('text waits for as long as the other side does not read', async (t) => {
  const { near, far } = await pairOf(t);
  // More than the kernel's buffers of both sides.
  const length = 64_000_000;
  near.writeText('x'.repeat(length));
  // Turns in which the kernel has its say.
  for (let turns = 0; turns < 100; turns += 1) await new Promise((resolve) => setImmediate(resolve));
  t.is(near.writableLength, length);
  far.resume();
  await until('it has gone', () => near.writableLength === 0);
});

test('corked, text that the kernel would not take goes out once', async (t) => {
  const { near, far } = await pairOf(t);
  const long = 'x'.repeat(12_000_000);
  near.cork();
  near.writeText(long);
  near.write('y', 'latin1');
  near.uncork();
  near.end();
  const read = reading(far);
  await until('the end', () => far.readableEnded);
  t.true(read() === `${long}y`);
});

test('destroyed with text on its way it closes as any socket does', async (t) => {
  const ends = [];
  for (const byStream of [false, true]) {
    const { near } = await pairOf(t);
    const errors: Error[] = [];
    let isClosed = false;
    near.on('error', (error) => errors.push(error)).on('close', () => (isClosed = true));
    fill(near, { byStream });
    near.destroy();
    near.writeText('nothing');
    await until('closed', () => isClosed && near.errored !== null);
    ends.push({ told: errors.map(({ message }) => message), errored: near.errored?.message });
  }
  t.deepEqual(ends[0], ends[1]);
  t.deepEqual(ends[0], { told: [], errored: 'write ECANCELED' });
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

test('behind text that was refused nothing goes out', async (t) => {
  const { near, far } = await pairOf(t);
  const read = reading(far);
  far.on('error', () => undefined);
  const handle: unknown = Reflect.get(near, '_handle');
  if (typeof handle !== 'object' || handle === null) return t.fail('a connection has a handle');
  const writeLatin1String: unknown = Reflect.get(handle, 'writeLatin1String');
  const noBufferSpace = -105;
  Reflect.set(handle, 'writeLatin1String', () => noBufferSpace);
  const failed = failureOf(near, () => {
    near.writeText('first');
    Reflect.set(handle, 'writeLatin1String', writeLatin1String);
    near.writeText('second');
  });
  t.like(await failed, { code: 'ENOBUFS' });
  await until('the end', () => far.readableEnded || far.destroyed);
  t.is(read(), '');
});

test('a pod’s connection that refuses text is read on, and knows that it was reset', async (t) => {
  const { near, far } = await connected(t, new PodSocket({ allowHalfOpen: true }));
  near.on('error', () => undefined).pause();
  far.resetAndDestroy();
  await until('the reset is here', () => far.closed);
  near.writeText('late');
  t.true(near.wasReset);
  t.false(near.destroyed);
  t.is(near.writableLength, 4);
});

test('where `process.binding` is forbidden text goes the stream’s way', async (t) => {
  const program = `
    import { createServer } from 'node:net';
    import { DirectSocket } from ${JSON.stringify(new URL('direct-socket.ts', import.meta.url).href)};
    const server = createServer((socket) => socket.pipe(process.stdout)).listen(0, '127.0.0.1', () => {
      const near = new DirectSocket();
      near.connect(server.address().port, '127.0.0.1', () => { near.writeText('hello'); near.destroySoon(); server.close(); });
    });`;
  // Newer Nodes forbid sockets as well.
  const net = process.allowedNodeEnvironmentFlags.has('--allow-net') ? ['--allow-net'] : [];
  const flags = ['--permission', '--allow-fs-read=*', ...net, '--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, flags);
  t.is(stdout, 'hello');
});

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constantFrom('text', 'bytes'), length: fc.integer({ min: 1, max: 40_000 }) }),
    fc.record({ do: fc.constant('cork'), length: fc.integer({ min: 1, max: 3000 }) }),
    fc.record({ do: fc.constant('fill'), length: fc.integer({ min: 8000, max: 20_000 }) }),
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
        const text = textOf((count += 1), length);
        sent += text;
        return text;
      };
      for (const { do: what, length } of plan) {
        if (what === 'text') near.writeText(next(length));
        else if (what === 'bytes') near.write(Buffer.from(next(length), 'latin1'));
        else if (what === 'fill') while (near.writableLength === 0) near.writeText(next(length));
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
