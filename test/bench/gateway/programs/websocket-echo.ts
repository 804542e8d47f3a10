/** `websocket-echo.ts PORT`: accepts WebSocket connections and sends every small frame back. Ends with its standard input. */
import { createServer, type Socket } from 'node:net';
import { acceptOf, FrameReader, frameOf } from '../websocket-frames.ts';

process.stdin.on('end', () => process.exit()).resume();

const serve = (socket: Socket): void => {
  let head = '';
  const reader = new FrameReader((payload) => socket.write(frameOf(payload)));
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    if (head.endsWith('\r\n\r\n')) return reader.read(chunk);
    // Clients say nothing more before they are answered.
    head += chunk.toString('latin1');
    if (!head.endsWith('\r\n\r\n')) return;
    const key = /^sec-websocket-key: *(\S+)/im.exec(head)?.[1] ?? '';
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`);
  });
};

createServer({ noDelay: true }, serve).listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 });
