/**
 * `pod.ts NAME ADDRESS PORT MS`: answers with its name and the id of the request. Says `started` when all is loaded, `ready` when it listens, which is so long after that, `took METHOD ID` for each
 * request that reaches it, and `ending` when it has been told by SIGTERM and takes nothing new; it ends when all that it has is finished, or with its standard input.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { acceptOf, frameOf, FrameReader } from '../../gateway/websocket-frames.ts';
import { downloadBytes, stretch } from '../payload.ts';

const [name = '', host = '', port = '', ms = ''] = process.argv.slice(2);
process.stdin.on('end', () => process.exit()).resume();

type Serve = (response: ServerResponse, query: URLSearchParams, request: IncomingMessage, id: string) => Promise<void> | void;

const routes: Readonly<Record<string, Serve>> = {
  '/small': async (response, query, _request, id) => {
    await sleep(Number(query.get('ms')));
    response.end(`${id} ${name}`);
  },
  '/echo': async (response, _query, request, id) => {
    const hash = createHash('sha256');
    let length = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      hash.update(chunk);
      length += chunk.length;
    }
    response.end(`${id} ${name} ${length} ${hash.digest('hex')}`);
  },
  '/download': (response, query) => {
    if (query.get('chunked') === null) response.setHeader('Content-Length', downloadBytes);
    const [from, half] = [Number(query.get('from')), downloadBytes / 2];
    response.write(stretch(from, half));
    response.end(stretch(from + half, half));
  },
  '/events': async (response, query, _request, id) => {
    const [count, ms] = [Number(query.get('count')), Number(query.get('ms'))];
    response.setHeader('Content-Type', 'text/event-stream');
    for (let index = 0; index < count && !response.destroyed; index += 1) {
      response.write(`data: ${id} ${name} ${index}\n\n`);
      await sleep(ms);
    }
    response.end();
  },
};

/** The id of a request, which it names twice; undefined where the two differ, as they would in a head that was put together of two. */
const idOf = (request: IncomingMessage, query: URLSearchParams): string | undefined => {
  const id = query.get('id') ?? undefined;
  return id === request.headers['x-request-id'] ? id : undefined;
};

const targetOf = (request: IncomingMessage): URL => new URL(request.url ?? '/', 'http://pod');

const took = ({ method = '' }: IncomingMessage, id: string): void => void process.stdout.write(`took ${method} ${id}\n`);

const server = createServer((request, response) => {
  const { pathname, searchParams } = targetOf(request);
  const id = idOf(request, searchParams);
  const serve = routes[pathname];
  if (id === undefined || serve === undefined) {
    response.writeHead(409).end(`${request.url ?? ''} is not ${String(request.headers['x-request-id'])}`);
    return;
  }
  took(request, id);
  response.setHeader('X-Pod', name).setHeader('X-Request-Id', id);
  // A client that goes away in the middle of its request is no fault.
  void Promise.resolve(serve(response, searchParams, request, id)).catch(() => response.destroy());
});

server.on('upgrade', (request: IncomingMessage, socket: Duplex, rest: Buffer) => {
  const id = idOf(request, targetOf(request).searchParams);
  took(request, String(id));
  const reader = new FrameReader((payload) => socket.write(frameOf(payload)));
  const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(request.headers['sec-websocket-key'] ?? '')}`;
  socket.on('error', () => undefined).on('end', () => socket.end());
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\nX-Pod: ${name}\r\nX-Request-Id: ${String(id)}\r\n\r\n`);
  reader.read(rest);
  socket.on('data', (chunk: Buffer) => reader.read(chunk));
});

process.on('SIGTERM', () => {
  // What the kernel has accepted by now is not reset: that would be no end in order.
  setImmediate(() => {
    server.close(() => process.exit());
    // Connections that become idle from now on.
    setInterval(() => server.closeIdleConnections(), 50);
    process.stdout.write('ending\n');
  });
});

process.stdout.write('started\n');
await sleep(Number(ms));
server.listen({ host, port: Number(port), backlog: 1024 }, () => process.stdout.write('ready\n'));
