import { createServer } from 'node:net';
import { pid } from 'node:process';
import { threadId } from 'node:worker_threads';

/**
 * NodePorts, which nothing here opens: below them are the ports of pods and of gateways that a local cluster hands out, above them those that the kernel gives to connections. Test
 * files that run at the same time each have a share, so that what one has found free is not taken by another before it is opened.
 */
const first = 30_000;
const perShare = 69;
const shares = 40;

const from = first + ((pid + threadId) % shares) * perShare;
let next = 0;

/** A port of 127.0.0.1 that was free a moment ago. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = from + next;
    next = (next + 1) % perShare;
    if (await isFree(port)) return port;
  }
};

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
