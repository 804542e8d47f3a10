import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import test from 'ava';
import { pause, podAt, startRig, until } from '../../support/gateway-rig.ts';
import { liveBytes } from '../../support/live-memory.ts';

/** More than the kernel takes for a client that does not read. */
const answerBytes = 96_000_000;
/** Divides no size that anybody reads or writes by. */
const period = 99_991;

/** Endless content in which every place tells what is there: four bytes of a number of its own for each place in the period. */
const pattern = (seed: number): Buffer => {
  const bytes = Buffer.alloc(period * 4);
  for (let place = 0; place < period; place += 1) bytes.writeUInt32LE((Math.imul(place + seed, 2_654_435_761) ^ seed) >>> 0, place * 4);
  return bytes;
};

/** Compares what comes with what should be at its place. */
class Expected {
  at = 0;
  wrongAt: number | undefined;
  readonly #pattern: Buffer;

  constructor(seed: number) {
    this.#pattern = pattern(seed);
  }

  take(chunk: Buffer): void {
    for (let from = 0; from < chunk.length;) {
      const place = this.at % this.#pattern.length;
      const length = Math.min(chunk.length - from, this.#pattern.length - place);
      if (this.wrongAt === undefined && chunk.compare(this.#pattern, place, place + length, from, from + length) !== 0) this.wrongAt = this.at;
      from += length;
      this.at += length;
    }
  }
}

const pathOf = (head: string): number => Number(/GET \/(\d+)/.exec(head)?.[1]);

/** Answers `/SEED` with what belongs to it: in small pieces one by one, so that the gateway reads each by itself, or as fast as it is taken. */
const answer = (socket: Socket, seed: number, progress: { at: number }): void => {
  const bytes = pattern(seed);
  const isSmall = seed % 2 === 1;
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${answerBytes}\r\n\r\n`);
  const push = (): void => {
    for (let goesOn = true; goesOn && progress.at < answerBytes && !socket.destroyed;) {
      const place = progress.at % bytes.length;
      const piece = bytes.subarray(place, Math.min(bytes.length, place + (isSmall ? 12_000 : 61_000), place + answerBytes - progress.at));
      progress.at += piece.length;
      const isTaken = socket.write(piece);
      goesOn = isTaken && !isSmall;
      if (!isTaken) socket.once('drain', push);
      else if (isSmall) setImmediate(push);
    }
  };
  push();
};

test.serial('two clients that stop reading and go on get their answers byte for byte, one after the other over the same connections', async (t) => {
  const progress = new Map<number, { at: number }>();
  const server = createServer((socket) => {
    socket
      .on('error', () => undefined)
      .on('data', (chunk) => {
        const seed = pathOf(chunk.toString('latin1'));
        const sent = { at: 0 };
        progress.set(seed, sent);
        answer(socket, seed, sent);
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const rig = await startRig({ pods: [podAt((server.address() as AddressInfo).port)] });
  t.teardown(async () => {
    await rig.stop();
    server.close();
  });
  const read = async (client: Socket, seed: number): Promise<number | undefined> => {
    const expected = new Expected(seed);
    client.pause().write(`GET /${seed} HTTP/1.1\r\nHost: a\r\n\r\n`);
    let last = -1;
    while (last !== (progress.get(seed)?.at ?? 0) || last === 0) {
      last = progress.get(seed)?.at ?? 0;
      await pause(100);
    }
    t.true(last < answerBytes, 'the pod has to wait');
    let head = '';
    const take = (chunk: Buffer): void => {
      if (head.includes('\r\n\r\n')) return expected.take(chunk);
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end >= 0) expected.take(Buffer.from(head.slice(end + 4), 'latin1'));
    };
    client.on('data', take).resume();
    await until('the answer is whole', () => expected.at === answerBytes);
    client.off('data', take);
    return expected.wrongAt;
  };
  const clients = [1, 2].map(() => connect(rig.port, '127.0.0.1'));
  t.teardown(() => clients.forEach((client) => client.destroy()));
  for (const round of [0, 1]) t.deepEqual(await Promise.all(clients.map((client, index) => read(client, 10 * round + index))), [undefined, undefined]);
});

test.serial('clients that do not read hold not much more memory than what waits for them, though the pod sends it in small pieces', async (t) => {
  const count = 16;
  /** Of one client, in the gateway: what the socket keeps at most, twice over, and all that else belongs to it here. */
  const mostEach = 320 * 1024;
  const piece = Buffer.alloc(12_000, 'x');
  const sent = Array.from({ length: count }, () => 0);
  const pods: Socket[] = [];
  const server = createServer((socket) => {
    const index = pods.push(socket) - 1;
    socket
      .on('error', () => undefined)
      .once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${answerBytes}\r\n\r\n`);
        const push = (): void => {
          if (socket.destroyed) return;
          sent[index] = (sent[index] ?? 0) + piece.length;
          if (socket.write(piece)) setImmediate(push);
          else socket.once('drain', push);
        };
        push();
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const rig = await startRig({ pods: [podAt((server.address() as AddressInfo).port)] });
  const clients: Socket[] = [];
  t.teardown(async () => {
    for (const socket of [...clients, ...pods]) socket.destroy();
    await rig.stop();
    server.close();
  });
  const before = await liveBytes();
  for (let index = 0; index < count; index += 1) {
    const client = connect(rig.port, '127.0.0.1').pause();
    client.on('error', () => undefined).write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    clients.push(client);
  }
  for (let last = -1, total = 0; total === 0 || last !== total;) {
    await pause(200);
    last = total;
    total = sent.reduce((sum, bytes) => sum + bytes, 0);
  }
  t.is(pods.length, count);
  const each = ((await liveBytes()) - before) / count;
  t.true(each <= mostEach, `${Math.round(each / 1024)} KiB each`);
});
