import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test, { type ExecutionContext } from 'ava';
import { pause, podAt, startRig, until, web } from '../../support/gateway-rig.ts';

// One after the other: what they measure is the memory of this thread.

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const megabyte = 1_000_000;
const total = 200 * megabyte;
/** What two pairs of sockets may have in the kernel, with room to spare. */
const mostInKernel = 60 * megabyte;

/** Of this thread alone, unlike the resident set. */
const memory = (): number => {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** The figure at which `count` has stopped. */
const settled = async (count: () => number): Promise<number> => {
  let last = -1;
  while (count() !== last) {
    last = count();
    await pause(250);
  }
  return last;
};

interface Writing {
  /** Bytes that the socket took. */
  written: number;
}

/** Writes `piece` over and over, `bytes` in all, as fast as it is taken and no faster. */
const writeAll = (socket: Socket, piece: Buffer, bytes: number): Writing => {
  const writing = { written: 0 };
  const push = (): void => {
    while (writing.written < bytes && !socket.destroyed) {
      writing.written += piece.length;
      if (!socket.write(piece)) return;
    }
  };
  socket.on('drain', push);
  push();
  return writing;
};

const startPod = async (t: ExecutionContext, serve: (socket: Socket) => void): Promise<number> => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
};

const startClient = (t: ExecutionContext, port: number): Socket => {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  t.teardown(() => socket.destroy());
  return socket;
};

const downloads = {
  'with a length': { head: `Content-Length: ${total}`, piece: Buffer.alloc(100_000, 'x'), content: 100_000 },
  'in chunks': { head: 'Transfer-Encoding: chunked', piece: Buffer.from(`C350\r\n${'x'.repeat(50_000)}\r\n`.repeat(2)), content: 100_000 },
  'up to its end': { head: 'Connection: close', piece: Buffer.alloc(100_000, 'x'), content: 100_000 },
};
for (const [framing, { head, piece, content }] of Object.entries(downloads))
  test.serial(`a client that does not read an answer ${framing} stops the pod, and the gateway keeps next to nothing of it`, async (t) => {
    let writing: Writing = { written: 0 };
    const pieces = total / content;
    const port = await startPod(t, (socket) => {
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`);
        writing = writeAll(socket, piece, pieces * piece.length);
      });
    });
    const rig = await startRig({ pods: [podAt(port)] });
    t.teardown(rig.stop);
    const before = memory();
    const client = startClient(t, rig.port);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until('begun', () => writing.written > 0);
    const stalled = await settled(() => writing.written);
    const grown = memory() - before;
    t.true(stalled < mostInKernel, `the pod could write ${stalled / megabyte} MB`);
    t.true(grown < 30 * megabyte, `grown by ${grown / megabyte} MB`);
    if (framing !== 'with a length') return;
    let received = 0;
    client.on('data', (chunk: Buffer) => (received += chunk.length));
    await until('it all arrives in the end', () => received > total);
    t.true(memory() - before < 30 * megabyte);
  });

const uploads = {
  'with a length': { head: `Content-Length: ${total}`, piece: Buffer.alloc(100_000, 'x') },
  'in chunks': { head: 'Transfer-Encoding: chunked', piece: Buffer.from(`C350\r\n${'x'.repeat(50_000)}\r\n`.repeat(2)) },
};
for (const [framing, { head, piece }] of Object.entries(uploads))
  test.serial(`a pod that does not read an upload ${framing} stops the client, and the gateway keeps next to nothing of it`, async (t) => {
    let pod: Socket | undefined;
    const port = await startPod(t, (socket) => (pod = socket.pause()));
    const rig = await startRig({ pods: [podAt(port)] });
    t.teardown(rig.stop);
    const before = memory();
    const client = startClient(t, rig.port);
    client.write(`POST / HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n`);
    const writing = writeAll(client, piece, (total / 100_000) * piece.length);
    await until('at the pod', () => pod !== undefined);
    const stalled = await settled(() => writing.written);
    const grown = memory() - before;
    t.true(stalled < mostInKernel, `the client could write ${stalled / megabyte} MB`);
    t.true(grown < 30 * megabyte, `grown by ${grown / megabyte} MB`);
    if (framing !== 'with a length') return;
    let received = 0;
    pod?.on('data', (chunk: Buffer) => (received += chunk.length)).resume();
    await until('it all arrives in the end', () => received > total);
    t.true(memory() - before < 30 * megabyte);
  });

test.serial('uploads of 50 clients that are held stay with the clients, and arrive whole when a pod is there', async (t) => {
  const body = Buffer.alloc(megabyte, 'x');
  const rig = await startRig();
  t.teardown(rig.stop);
  const before = memory();
  const clients = Array.from({ length: 50 }, () => startClient(t, rig.port));
  let answers = '';
  for (const client of clients) {
    client.on('data', (chunk) => (answers += chunk.toString('latin1')));
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
    client.write(body);
  }
  await until('all are held', () => rig.gateway.counters.workloads.get(web)?.held === 50);
  await settled(() => clients.reduce((sum, client) => sum + client.bytesWritten - client.writableLength, 0));
  const grown = memory() - before;
  t.true(grown < 15 * megabyte, `grown by ${grown / megabyte} MB`);
  let received = 0;
  const port = await startPod(t, (socket) => {
    let [headLeft, left] = ['', 0];
    socket.on('data', (chunk) => {
      let { length } = chunk;
      if (left === 0) {
        headLeft += chunk.toString('latin1');
        const end = headLeft.indexOf('\r\n\r\n');
        if (end < 0) return;
        length = headLeft.length - end - 4;
        [headLeft, left] = ['', body.length];
      }
      received += length;
      left -= length;
      if (left === 0) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
  });
  await rig.route({ pods: [podAt(port)] });
  await until('all are answered', () => answers.match(/HTTP\/1\.1 200 OK\r\n/g)?.length === 50);
  t.is(received, 50 * body.length);
});
