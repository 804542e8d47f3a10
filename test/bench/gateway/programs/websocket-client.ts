/** `websocket-client.ts PORT CONNECTIONS MESSAGES`: sends messages that are to come back, the next on a connection when the one before is there, and prints a `Load`. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { percentile } from '../../statistics.ts';
import type { Load } from '../load.ts';
import { acceptOf, frameOf, FrameReader } from '../websocket-frames.ts';

const [port = 0, connections = 0, messages = 0] = process.argv.slice(2).map(Number);
const payloadBytes = 32;
const key = Buffer.alloc(16, 'rouse').toString('base64');
const mask = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

/** Resolves when the other side has changed to WebSocket. */
const upgraded = async (): Promise<Socket> => {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  const upgrade = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}`;
  socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${upgrade}\r\n\r\n`);
  let head = '';
  // The echo says nothing before it is spoken to.
  while (!head.endsWith('\r\n\r\n')) head += ((await once(socket, 'data')) as [Buffer])[0].toString('latin1');
  if (!head.startsWith('HTTP/1.1 101 ') || !head.includes(acceptOf(key))) throw new Error(`not a WebSocket: ${head}`);
  return socket;
};

const times: number[] = [];
let left = messages;
let wrong = 0;

const converse = (socket: Socket): Promise<void> =>
  new Promise((resolve, reject) => {
    const payload = Buffer.alloc(payloadBytes);
    let sentAt = 0;
    const send = (): void => {
      if (left === 0) return resolve();
      left -= 1;
      payload.writeUInt32BE(left);
      sentAt = performance.now();
      socket.write(frameOf(payload, mask));
    };
    const reader = new FrameReader((echo) => {
      times.push(performance.now() - sentAt);
      if (!echo.equals(payload)) wrong += 1;
      send();
    });
    socket.on('data', (chunk: Buffer) => reader.read(chunk));
    socket.on('error', reject).on('close', () => reject(new Error('a connection was closed')));
    send();
  });

const sockets = await Promise.all(Array.from({ length: connections }, upgraded));
const begun = performance.now();
await Promise.all(sockets.map(converse));
const load: Load = {
  requests: times.length,
  seconds: (performance.now() - begun) / 1000,
  p50Ms: percentile(times, 0.5),
  p99Ms: percentile(times, 0.99),
  errors: { wrong },
};
console.log(JSON.stringify(load));
process.exit();
