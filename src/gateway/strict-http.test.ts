import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { pause, podAt, raw, startOrigin, startRig, until, web, type Rig } from '../../test/support/gateway-rig.ts';

const withOrigin = async (t: ExecutionContext, handler: Parameters<typeof startOrigin>[0]) => {
  const origin = await startOrigin(handler);
  const rig = await startRig({ pods: [podAt(origin.port)] });
  t.teardown(() => Promise.all([rig.stop(), origin.die()]));
  return { origin, rig };
};

/** An origin that answers every request with the same bytes, whatever they are, and keeps what it was sent. */
const withScript = async (t: ExecutionContext, answer: (socket: Socket) => void) => {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      received.push(chunk.toString('latin1'));
      answer(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const rig = await startRig({ pods: [podAt((server.address() as AddressInfo).port)] });
  t.teardown(async () => {
    await rig.stop();
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { rig, received };
};

const refused = test.macro({
  exec: async (t: ExecutionContext, request: string, status: number) => {
    const { origin, rig } = await withOrigin(t, (_request, response) => response.end('forwarded'));
    const answer = await raw(rig.port, request);
    t.is(Number(answer.slice(9, 12)), status, answer);
    t.regex(answer, /\r\nconnection: close\r\n/i);
    t.regex(answer, /"code":"malformed-request"/);
    t.is(origin.requests.length, 0);
    t.is(rig.gateway.counters.unrouted.get('malformed-request') ?? 0, 1);
  },
  title: (_given, request: string, status: number) => `answered ${status} and closed: ${JSON.stringify(request).slice(0, 110)}`,
});
const post = 'POST / HTTP/1.1\r\nHost: a\r\n';
test(refused, `${post}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400);
test(refused, `${post}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`, 400);
test(refused, `${post}Content-Length: +3\r\n\r\nabc`, 400);
test(refused, `${post}Transfer-Encoding: xchunked\r\n\r\n`, 501);
test(refused, `${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501);
test(refused, `${post}Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n`, 501);
test(refused, 'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400);
test(refused, 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400);
test(refused, 'GET / HTTP/1.1\r\n\r\n', 400);
for (const host of ['[a', 'a b', 'a/b', 'a@b', 'a:b', '[::1]x', 'a, b', '"a"', '\xe4']) test(refused, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 400);
test(refused, 'GET http://[a/ HTTP/1.1\r\nHost: a\r\n\r\n', 400);
test(refused, 'GET / HTTP/1.1\r\nHost: a\r\nX: a\n b\r\n\r\n', 400);
test(refused, 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 400);
test(refused, 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 400);
test(refused, 'GET nonsense HTTP/1.1\r\nHost: a\r\n\r\n', 400);
test(refused, 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 501);
test(refused, 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n', 400);
test(refused, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`, 431);

test('hop-by-hop headers and those that Connection names stop at the gateway, both ways; the rest keeps order, case and duplicates', async (t) => {
  const { rig, received } = await withScript(t, (socket) =>
    socket.write(
      'HTTP/1.1 200 OK\r\nX-B: 1\r\nConnection: keep-alive, x-secret\r\nKeep-Alive: timeout=9\r\nX-Secret: no\r\nProxy-Authenticate: Basic\r\nx-b: 2\r\nContent-Length: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nok',
    ),
  );
  const answer = await raw(
    rig.port,
    'GET / HTTP/1.1\r\nhost: a\r\nX-One: 1\r\nconnection: close, x-private, host, content-length\r\nX-Private: no\r\nKeep-Alive: 3\r\nProxy-Authorization: secret\r\nTE: trailers, gzip\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\nx-one: 2\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\n\r\n',
  );
  t.is(
    received[0],
    'GET / HTTP/1.1\r\nhost: a\r\nX-One: 1\r\nTE: trailers\r\nx-one: 2\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 9.9.9.9, 127.0.0.1\r\nX-Forwarded-Host: a\r\n\r\n',
  );
  t.true(answer.startsWith('HTTP/1.1 200 OK\r\nX-B: 1\r\nx-b: 2\r\nContent-Length: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n'), answer);
  t.notRegex(answer, /secret|Proxy-Authenticate|timeout=9/i);
});

const upgrade =
  'GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;

test('requests sent without awaiting answers come to the pod one after the other, and are answered in order', async (t) => {
  let inFlight = 0;
  let most = 0;
  const { origin, rig } = await withOrigin(t, (request, response) => {
    most = Math.max(most, ++inFlight);
    setTimeout(
      () => {
        inFlight -= 1;
        response.end(`answer to ${request.url ?? ''};`);
      },
      request.url === '/1' ? 30 : 0,
    );
  });
  const answer = await raw(
    rig.port,
    `${get('/1')}POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc${get('/3')}${get('/4', 'Connection: close\r\n')}`,
  );
  t.deepEqual(
    origin.requests.map(({ url }) => url),
    ['/1', '/2', '/3', '/4'],
  );
  t.is(most, 1);
  t.deepEqual(answer.match(/answer to \/\d/g), ['answer to /1', 'answer to /2', 'answer to /3', 'answer to /4']);
});

test('an offer to upgrade behind a request that is not answered yet comes to the pod in its turn, and where it is declined nothing follows it', async (t) => {
  const { origin, rig } = await withOrigin(t, (request, response) => setTimeout(() => response.end(`answer to ${request.url ?? ''};`), 20));
  const answer = await raw(rig.port, `${get('/slow')}${upgrade}${get('/last', 'Connection: close\r\n')}`);
  t.deepEqual(answer.match(/answer to \/\w+/g), ['answer to /slow', 'answer to /up']);
  t.is(
    answer.match(/connection: close/gi)?.length,
    1,
    'what came behind it might be of the other protocol: it is dropped, and the client is told that nothing more comes',
  );
  t.deepEqual(
    origin.requests.map(({ headers }) => headers.upgrade),
    [undefined, 'websocket'],
  );
});

test('CONNECT behind a request that is not answered yet is refused after that answer', async (t) => {
  const { rig } = await withOrigin(t, (_request, response) => setTimeout(() => response.end('late'), 20));
  const answer = await raw(rig.port, `${get('/slow')}CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n`);
  t.regex(answer, /^HTTP\/1\.1 200 .*lateHTTP\/1\.1 400 /s);
});

test('hundreds of requests ahead of the first answer wait, and each is answered in its turn', async (t) => {
  const { origin, rig } = await withOrigin(t, (request, response) => response.end(`answer to ${request.url ?? ''};`));
  const paths = Array.from({ length: 300 }, (_, index) => `/${index}`);
  const answer = await raw(rig.port, paths.map((path) => get(path, path === '/299' ? 'Connection: close\r\n' : '')).join(''));
  t.deepEqual(
    answer.match(/answer to \/\d+/g),
    paths.map((path) => `answer to ${path}`),
  );
  t.is(origin.requests.length, 300);
});

test('the authority of an absolute request target counts, and only its path is forwarded', async (t) => {
  const { origin, rig } = await withOrigin(t, (request, response) => response.end(request.url));
  const answer = await raw(rig.port, 'GET http://other.example:81/p?q HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  t.true(answer.includes('/p?q'));
  t.is(origin.requests[0]?.headers.host, 'other.example:81');
});

test('an answer without length goes to HTTP/1.1 in chunks and to HTTP/1.0 up to the end of the connection', async (t) => {
  const { rig } = await withScript(t, (socket) => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end'));
  t.regex(await raw(rig.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'), /transfer-encoding: chunked\r\n\r\nd\r\nuntil the end\r\n0\r\n\r\n$/i);
  const old = await raw(rig.port, 'GET / HTTP/1.0\r\nHost: a\r\n\r\n');
  t.notRegex(old, /transfer-encoding/i);
  t.true(old.endsWith('\r\n\r\nuntil the end'));
});

test('HEAD, 204 and 304 have no body, and keep the length that the pod names', async (t) => {
  const { rig } = await withOrigin(t, (request, response) => {
    if (request.url === '/204') response.writeHead(204).end();
    else if (request.url === '/304') response.writeHead(304, { etag: '"x"' }).end();
    else response.writeHead(200, { 'content-length': '1234' }).end();
  });
  const head = await raw(rig.port, 'HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  t.regex(head, /content-length: 1234\r\n/i);
  t.true(head.endsWith('\r\n\r\n'));
  for (const path of ['/204', '/304']) {
    const answer = await raw(rig.port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    t.true(answer.startsWith(`HTTP/1.1 ${path.slice(1)}`) && answer.endsWith('\r\n\r\n'), answer);
    t.notRegex(answer, /transfer-encoding/i);
  }
});

test('trailers of an answer are passed on', async (t) => {
  const { rig } = await withOrigin(t, (_request, response) => {
    response.writeHead(200, { Trailer: 'X-Sum' });
    response.write('body');
    response.addTrailers({ 'X-Sum': '42' });
    response.end();
  });
  const answer = await raw(rig.port, 'GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: close\r\n\r\n');
  t.regex(answer, /\r\nTrailer: X-Sum\r\n/);
  t.true(answer.endsWith('4\r\nbody\r\n0\r\nX-Sum: 42\r\n\r\n'), answer);
});

test('early hints are passed on before the answer', async (t) => {
  const { rig } = await withOrigin(t, (_request, response) => {
    response.writeEarlyHints({ link: '</a.css>; rel=preload' });
    response.end('page');
  });
  const answer = await raw(rig.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  t.regex(answer, /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK\r\n/i);
});

test('a client that waits for 100 Continue gets it when a pod takes its body, not while it is held', async (t) => {
  const origin = await startOrigin((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => response.end(`got ${body}`));
  });
  const rig = await startRig();
  t.teardown(() => Promise.all([rig.stop(), origin.die()]));
  let answer = '';
  const client = connect(rig.port, '127.0.0.1', () =>
    client.write('PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n'),
  );
  client.on('data', (chunk) => (answer += chunk.toString()));
  await until('held', () => rig.pokes.length === 1);
  await pause(20);
  t.is(answer, '');
  await rig.route({ pods: [podAt(origin.port)] });
  await until('told to go on', () => answer.startsWith('HTTP/1.1 100 Continue\r\n\r\n'));
  client.write('body');
  await until('answered', () => answer.includes('got body'));
  t.is(origin.requests[0]?.headers.expect, '100-continue', 'it is the pod that says so');
});

test('pipelined requests are answered in their order', async (t) => {
  const { rig } = await withOrigin(t, (request, response) => void setTimeout(() => response.end(request.url), request.url === '/1' ? 30 : 0));
  const answer = await raw(rig.port, 'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  t.true(answer.indexOf('/1') > 0 && answer.indexOf('/1') < answer.indexOf('/2'), answer);
});

test('a held client that ends its side is gone', async (t) => {
  const rig: Rig = await startRig();
  t.teardown(rig.stop);
  const client = connect(rig.port, '127.0.0.1', () => client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
  await until('held', () => rig.gateway.counters.workloads.get(web)?.held === 1);
  client.end();
  await until('given up', () => rig.gateway.counters.workloads.get(web)?.held === 0);
  t.is(rig.gateway.counters.workloads.get(web)?.requests.get(499), 1);
});

test('what a pod answers against the protocol becomes 502, and never reaches the client', async (t) => {
  for (const nonsense of [
    'no http\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n',
  ]) {
    const { rig } = await withScript(t, (socket) => socket.write(nonsense, 'latin1'));
    const answer = await raw(rig.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    t.true(answer.startsWith('HTTP/1.1 502 '), `${nonsense} → ${answer}`);
    t.regex(answer, /"code":"upstream-reset"/);
  }
});

test('an upload that the pod answers early is dropped, and the answer arrives', async (t) => {
  const { rig } = await withOrigin(t, (_request, response) => {
    response.writeHead(413);
    response.end('too much');
  });
  const body = 'x'.repeat(2_000_000);
  const answer = await raw(rig.port, `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
  t.true(answer.startsWith('HTTP/1.1 413'), answer);
  t.true(answer.includes('too much'));
});
