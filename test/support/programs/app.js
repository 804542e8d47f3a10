// A small web program for tests; what it does wrong is asked for by environment: CRASH=1, NEVER_READY=1, START_MS=500. DRAIN_MS=500: serves on for so long after SIGTERM.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const { PORT, HOST = '127.0.0.1', HOSTNAME, CRASH, NEVER_READY, START_MS = '0', DRAIN_MS = '0', VERSION = '1' } = process.env;
if (CRASH !== undefined) {
  console.error('crashing as asked');
  process.exit(3);
}
let inFlight = 0;
let most = 0;

const answers = {
  '/ready': (_request, response) => response.writeHead(NEVER_READY === undefined ? 200 : 503).end(),
  // Holds the request for ?ms=, then says which pod it was and how many it had at once.
  '/sleep': (_request, response, query) => {
    inFlight += 1;
    most = Math.max(most, inFlight);
    const timer = setTimeout(
      () => {
        inFlight -= 1;
        response.end(JSON.stringify({ pod: HOSTNAME, version: VERSION, most, pid: process.pid }));
      },
      Number(query.get('ms')),
    );
    response.on('close', () => {
      if (response.writableEnded) return;
      clearTimeout(timer);
      inFlight -= 1;
    });
  },
  // The size and digest of what came.
  '/digest': (request, response) => {
    const hash = createHash('sha256');
    let bytes = 0;
    request.on('data', (chunk) => {
      bytes += chunk.length;
      hash.update(chunk);
    });
    request.on('end', () => response.end(JSON.stringify({ pod: HOSTNAME, bytes, sha256: hash.digest('hex') })));
  },
  // Uses ?ms= of CPU, however busy the machine is.
  '/burn': (_request, response, query) => {
    const until = process.cpuUsage().user + Number(query.get('ms')) * 1000;
    while (process.cpuUsage().user < until);
    response.end(JSON.stringify({ pod: HOSTNAME }));
  },
  '/exit': () => process.exit(1),
};

const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://app');
  const answer = answers[url.pathname];
  if (answer !== undefined) answer(request, response, url.searchParams);
  else response.end(JSON.stringify({ pod: HOSTNAME, version: VERSION, method: request.method, url: request.url, headers: request.headers }));
});
new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
setTimeout(() => server.listen(Number(PORT), HOST), Number(START_MS));
process.on('SIGTERM', () => setTimeout(() => server.close(() => process.exit(0)), Number(DRAIN_MS)));
