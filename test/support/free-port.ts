import { createServer } from 'node:net';
import { threadId } from 'node:worker_threads';

/**
 * Above the ports that the kernel gives to connections, and so above those of pods and of gateways too, which local clusters of other tests hand out at the same time. Test files that
 * run at the same time have shares of their own as a rule, so that what one has found free is not opened by another one first.
 */
const first = 61_000;
const last = 65_535;
const shares = 6;
const perShare = Math.floor((last - first + 1) / shares);

const from = first + (threadId % shares) * perShare;
let next = Math.floor(Math.random() * perShare);

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
