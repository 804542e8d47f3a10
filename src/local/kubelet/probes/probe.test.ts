import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { connect, createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { Probe } from 'kubernetes-types/core/v1.d.ts';
import { tryProbe, type ProbeResult, type ProbeTarget } from './probe.ts';

const target: ProbeTarget = {
  podIP: '127.0.0.1',
  container: { name: 'app' },
  port: (port) => (typeof port === 'number' ? port : undefined),
  exec: (command) => Promise.resolve(command[0] === 'true' ? { exitCode: 0, output: '' } : { exitCode: 2, output: 'no luck' }),
};

const attempt = (probe: Probe, timeoutMs = 30_000): Promise<ProbeResult> => tryProbe(probe, target, AbortSignal.timeout(timeoutMs));

const listen = async (t: ExecutionContext, server: TcpServer | Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
};
/** A port at which nothing listens, and that nobody else gets meanwhile: the near end of a connection. */
const refusingPort = async (t: ExecutionContext): Promise<number> => {
  const socket = connect(await listen(t, createTcpServer()), '127.0.0.1');
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  return socket.localPort ?? 0;
};
const serve = (t: ExecutionContext, listener: RequestListener): Promise<number> => listen(t, createServer(listener));

test('an HTTP probe succeeds from 200 to 399, with its own headers and a user agent that is not counted', async (t) => {
  const seen: unknown[] = [];
  const port = await serve(t, (request, response) => {
    seen.push([request.url, request.headers['user-agent'], request.headers['x-token'], request.headers.host]);
    response.statusCode = Number(request.url?.slice(1));
    response.end();
  });
  const status = (code: number) =>
    attempt({
      httpGet: {
        port,
        path: String(code),
        httpHeaders: [
          { name: 'X-Token', value: 'abc' },
          { name: 'Host', value: 'web.local' },
        ],
      },
    });
  t.true((await status(200)).isSuccess);
  t.true((await status(399)).isSuccess);
  t.deepEqual(await status(404), { isSuccess: false, message: 'HTTP probe failed with statuscode: 404' });
  t.false((await status(500)).isSuccess);
  t.deepEqual(seen[0], ['/200', 'kube-probe/1.36', 'abc', 'web.local']);
});

test('a redirect is followed on the same host, and counts as success to another', async (t) => {
  const port = await serve(t, (request, response) => {
    const to: Readonly<Record<string, string>> = { '/here': '/bad', '/there': 'http://example.invalid/', '/loop': '/loop' };
    const location = to[request.url ?? ''];
    response.writeHead(location === undefined ? 500 : 302, location === undefined ? {} : { location });
    response.end();
  });
  t.is((await attempt({ httpGet: { port, path: '/here' } })).message, 'HTTP probe failed with statuscode: 500');
  t.true((await attempt({ httpGet: { port, path: '/there' } })).isSuccess);
  t.regex((await attempt({ httpGet: { port, path: '/loop' } })).message, /stopped after 10 redirects/);
});

test('an HTTP probe that gets no answer fails at its timeout, and one that is refused at once', async (t) => {
  const port = await serve(t, () => undefined);
  t.regex((await attempt({ httpGet: { port } }, 100)).message, /context deadline exceeded/);
  t.regex((await attempt({ httpGet: { port: await refusingPort(t) } })).message, /ECONNREFUSED/);
});

test('a TCP probe succeeds when the connection does', async (t) => {
  const server = createTcpServer((socket) => socket.destroy());
  const port = await listen(t, server);
  t.true((await attempt({ tcpSocket: { port } })).isSuccess);
  t.regex((await attempt({ tcpSocket: { port: await refusingPort(t) } })).message, /^dial tcp 127\.0\.0\.1:\d+: .*ECONNREFUSED/);
});

test('an exec probe succeeds with exit code 0 and shows the output of a failure', async (t) => {
  t.true((await attempt({ exec: { command: ['true'] } })).isSuccess);
  t.deepEqual(await attempt({ exec: { command: ['false'] } }), { isSuccess: false, message: 'no luck' });
});

test('a port name that the container does not have is a failure that says so', async (t) => {
  t.is((await attempt({ httpGet: { port: 'admin' } })).message, "couldn't find port: admin");
  t.is((await attempt({ tcpSocket: { port: 'admin' } })).message, "couldn't find port: admin");
});

/** A gRPC server that answers every health check with these bytes and this status. */
const health = async (
  t: ExecutionContext,
  message: readonly number[],
  grpcStatus: string,
): Promise<{ readonly port: number; readonly asked: () => string }> => {
  const server = createHttp2Server();
  let asked = '';
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('data', (chunk: Buffer) => {
      asked += chunk.subarray(7).toString();
    });
    stream.on('end', () => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => {
        stream.sendTrailers({ 'grpc-status': grpcStatus });
      });
      stream.end(grpcStatus === '0' ? Buffer.from([0, 0, 0, 0, message.length, ...message]) : undefined);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return { port: (server.address() as AddressInfo).port, asked: () => asked };
};

test('a gRPC probe asks for the service by name and succeeds only when it serves', async (t) => {
  const serving = await health(t, [8, 1], '0');
  t.deepEqual(await attempt({ grpc: { port: serving.port, service: 'shop.Cart' } }), { isSuccess: true, message: '' });
  t.is(serving.asked(), 'shop.Cart');
  const not = await health(t, [8, 2], '0');
  t.is((await attempt({ grpc: { port: not.port } })).message, 'service unhealthy (responded with "NOT_SERVING")');
  const missing = await health(t, [], '12');
  t.regex((await attempt({ grpc: { port: missing.port } })).message, /does not implement the grpc health protocol/);
  const silent = await serve(t, () => undefined);
  t.false((await attempt({ grpc: { port: silent } }, 200)).isSuccess);
});
