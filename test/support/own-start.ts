import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

/** A loopback port that was free a moment ago. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

/** Milliseconds that a program needs by itself from spawn to accepting on `PORT`; it is ended afterwards. */
export const ownStart = async (command: string, args: readonly string[]): Promise<number> => {
  const port = await freePort();
  const from = performance.now();
  const child = spawn(command, args, { stdio: 'ignore', env: { ...process.env, PORT: String(port) } });
  const ended = once(child, 'close');
  while (!(await accepts(port))) await turn();
  const took = performance.now() - from;
  child.kill('SIGKILL');
  await ended;
  return took;
};
