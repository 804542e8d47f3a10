import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { freePort } from './free-port.ts';

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
