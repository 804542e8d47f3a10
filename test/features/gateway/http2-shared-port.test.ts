import test, { type ExecutionContext } from 'ava';
import { podAt, raw, startSharedRig, web, type SharedRig } from '../../support/gateway-rig.ts';
import { ask, dialHttp2, grpcHeaders, startHttp2Origin, type Http2Origin } from '../../support/http2-rig.ts';
import { valuesOf } from '../../support/raw-message.ts';
import { namesRequest, startScriptedOrigin, type ScriptedOrigin } from '../../support/scripted-origin.ts';

/** HTTP/2 where workloads are told apart by host name: each stream goes to the one that it names, in the protocol that its pods speak. */

interface Scene {
  readonly rig: SharedRig;
  readonly port: number;
  readonly http1: ScriptedOrigin;
  readonly h2c: Http2Origin;
}

const start = async (t: ExecutionContext): Promise<Scene> => {
  const http1 = await startScriptedOrigin(namesRequest);
  const h2c = await startHttp2Origin((stream, headers) => {
    stream.respond({ ':status': 200 });
    stream.end(`h2c ${String(headers[':authority'])}`);
  });
  const rig = await startSharedRig([
    { listeners: [], hosts: [{ host: 'old.example', protocol: 'http1', target: 'http' }], pods: [podAt(http1.port)] },
    {
      listeners: [],
      hosts: [
        { host: 'new.example', protocol: 'h2c', target: 'http' },
        { host: 'calls.example', protocol: 'grpc', target: 'http' },
      ],
      pods: [podAt(h2c.port)],
    },
  ]);
  t.teardown(() => Promise.all([rig.stop(), http1.die(), h2c.die()]));
  return { rig, port: rig.gateway.sharedPort!, http1, h2c };
};

test('streams of one connection go to the workloads that they name, each in the protocol of its pods', async (t) => {
  const { rig, port, http1, h2c } = await start(t);
  const session = await dialHttp2(t, port);
  const answers = await Promise.all([
    ask(session, { ':authority': 'old.example', ':path': '/a' }),
    ask(session, { ':authority': 'NEW.example:80' }),
    ask(session, { ...grpcHeaders(), ':authority': 'calls.example' }, 'x'),
  ]);
  t.deepEqual(
    answers.map(({ status, body }) => [status, body]),
    [
      [200, 'GET /a'],
      [200, 'h2c NEW.example:80'],
      [200, 'h2c calls.example'],
    ],
  );
  t.is(http1.requests.length, 1);
  t.is(h2c.requests.length, 2);
  t.deepEqual([...rig.gateway.counters.workloads.get(web)!.requests], [[200, 1]]);
});

test('a host that nobody serves is told so, as HTTP and as gRPC', async (t) => {
  const { rig, port } = await start(t);
  const session = await dialHttp2(t, port);
  t.is((await ask(session, { ':authority': 'nobody.example' })).status, 404);
  const grpc = await ask(session, { ...grpcHeaders(), ':authority': 'nobody.example' }, 'x');
  t.is(grpc.headers['grpc-status'], '12');
  t.is(rig.gateway.counters.unrouted.get('unknown-host'), 2);
});

test('HTTP/1.1 to a workload of HTTP/2 is told what is spoken there: 505, and the connection goes on', async (t) => {
  const { rig, port, h2c } = await start(t);
  const answer = await raw(port, 'GET / HTTP/1.1\r\nHost: new.example\r\n\r\nGET /b HTTP/1.1\r\nHost: old.example\r\nConnection: close\r\n\r\n');
  t.regex(answer, /^HTTP\/1\.1 505 HTTP Version Not Supported\r\n[^]*"code":"http-version-not-supported"[^]*HTTP\/1\.1 200 OK[^]*GET \/b$/);
  t.is(h2c.requests.length, 0);
  t.deepEqual([...rig.gateway.counters.unrouted], [['http-version-not-supported', 1]]);
});

test('there the gateway is the edge: whatever says where a request comes from is replaced', async (t) => {
  const { port, http1, h2c } = await start(t);
  const session = await dialHttp2(t, port);
  const lies = {
    'x-forwarded-for': '9.9.9.9',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'bank.example',
    'x-forwarded-port': '443',
    x_forwarded_for: '9.9.9.9',
    forwarded: 'for=9.9.9.9',
    'x-real-ip': '9.9.9.9',
  };
  for (const authority of ['old.example', 'new.example']) t.is((await ask(session, { ...lies, ':authority': authority, ':scheme': 'https' })).status, 200);
  const { fields } = http1.requests[0]!;
  const { headers } = h2c.requests[0]!;
  const expected = { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http', 'x-forwarded-port': undefined, x_forwarded_for: undefined };
  for (const [name, value] of Object.entries({ ...expected, forwarded: undefined, 'x-real-ip': undefined })) {
    t.deepEqual(valuesOf(fields, name), value === undefined ? [] : [value], name);
    t.is(headers[name], value, name);
  }
  t.deepEqual([valuesOf(fields, 'x-forwarded-host')[0], headers['x-forwarded-host']], ['old.example', 'new.example']);
});
