import { connect, type Socket } from 'node:net';
import test from 'ava';
import { pause, startRig, until } from '../../test/support/gateway-rig.ts';

const clients = 200;
const bodyBytes = 100_000_000;
/** What may have come to it: the clients' own sockets are in it too, each with a buffer that waits to be sent. */
const mostBytes = 100_000_000;

/** Of this thread alone, buffers outside of its heap too: other test files run in the same process. */
const memory = (): number => {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

test('200 held uploads of 100 MB take no memory to speak of (KEDA http-add-on 1732)', async (t) => {
  const rig = await startRig({ holdQueueDepth: clients });
  t.teardown(rig.stop);
  const chunk = Buffer.alloc(64 * 1024, 'x');
  const before = memory();
  let sent = 0;
  const sockets: Socket[] = [];
  t.teardown(() => sockets.forEach((socket) => socket.destroy()));
  for (let index = 0; index < clients; index += 1) {
    const socket = connect(rig.port, '127.0.0.1', () => {
      socket.write(`POST /upload HTTP/1.1\r\nHost: web\r\nContent-Length: ${bodyBytes}\r\n\r\n`);
      /** As much as is taken, and not a byte beyond. */
      const push = (): void => {
        for (;;) {
          sent += chunk.length;
          if (!socket.write(chunk)) break;
        }
      };
      socket.on('drain', push);
      push();
    });
    socket.on('error', () => undefined);
    sockets.push(socket);
  }
  await until('all are held', () => [...rig.gateway.counters.workloads.values()].some(({ held }) => held === clients));
  // Nobody may go on to take what nobody reads.
  let last = -1;
  while (last !== sent) {
    last = sent;
    await pause(300);
  }
  const grown = memory() - before;
  t.true(grown < mostBytes, `grown by ${Math.round(grown / 1e6)} MB for ${clients} uploads; ${Math.round(sent / 1e6)} MB were taken`);
  t.true(sent < (clients * bodyBytes) / 10, 'the kernel holds the rest back at the client');
});
