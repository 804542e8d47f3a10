import { execFile } from 'node:child_process';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { freePort, startOrigin } from '../../support/gateway-rig.ts';
import { ask, dialHttp2, startHttp2Origin, startHttp2Scene } from '../../support/http2-rig.ts';
import { startOtlpReceiver, type ReceivedSpan } from '../../support/otlp-receiver.ts';
import { readAnswer, type RawAnswer } from '../../support/raw-message.ts';
import { startRouse, type RouseProcess } from '../../support/rouse-process.ts';
import { eachRequest, okWith, startScene } from '../../support/scripted-origin.ts';
import { until } from '../../support/until.ts';
import { dial } from '../../support/wire.ts';

/** W3C Trace Context (https://www.w3.org/TR/trace-context/): passed as it came, and with tracing made into spans that a collector gets. */

const traceId = '0af7651916cd43dd8448eb211c80319c';
const parentId = 'b7ad6b7169203331';
const sampled = `00-${traceId}-${parentId}-01`;

test('without tracing a trace context passes as it came: unknown versions, nonsense, several states, in order', async (t) => {
  const { origin, dial: another } = await startScene(
    t,
    eachRequest((wire) => wire.send(okWith(''))),
  );
  const fields = `Traceparent: ${sampled}\r\ntracestate: a=1,b=2\r\nTRACESTATE:  c=3 \r\ntraceparent: zz-nonsense\r\nbaggage: k=v;p\r\n`;
  const client = await another();
  await client.send(`GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
  await readAnswer(client);
  t.true(origin.received().includes(fields), origin.received());
  const { origin: other, session } = await startHttp2Scene(t, (stream) => stream.respond({ ':status': 204 }, { endStream: true }));
  await ask(session, { traceparent: sampled, tracestate: 'a=1,b=2', baggage: 'k=v' });
  t.like(other.requests[0]?.headers, { traceparent: sampled, tracestate: 'a=1,b=2', baggage: 'k=v' });
});

test('neither a gateway nor a controller nor rouse local loads OpenTelemetry where nobody asks for it', async (t) => {
  const cli = (file: string): string => JSON.stringify(join(import.meta.dirname, '../../../src/cli', file));
  const source = `
    const { registerHooks } = await import('node:module');
    const asked = [];
    registerHooks({ resolve: (specifier, context, next) => (asked.push(specifier), next(specifier, context)) });
    delete process.env.OTEL_METRICS_EXPORTER;
    const { startTelemetry } = await import(${cli('operations/start-telemetry.ts')});
    await (await startTelemetry({ service: 'rouse', tracing: false })).end();
    for (const file of [${['gateway/single-gateway.ts', 'gateway/workers/parent.ts', 'controller/controller-command.ts', 'local/local.ts'].map(cli).join()}]) await import(file);
    console.log(JSON.stringify(asked.filter((name) => name.includes('opentelemetry') || name.includes('/tracing/'))));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', source]);
  t.deepEqual(JSON.parse(stdout), []);
});

interface Traced {
  readonly gateway: RouseProcess;
  readonly port: number;
  readonly http2Port: number;
  readonly spans: readonly ReceivedSpan[];
  readonly route: (endpoints: Readonly<Record<'web' | 'grpc', number | undefined>>) => Promise<void>;
  readonly send: (fields?: string, path?: string) => Promise<RawAnswer>;
  /** Resolves when a request waits for a pod. */
  readonly holds: () => Promise<unknown>;
}

const startTraced = async (t: ExecutionContext, env: Readonly<Record<string, string>> = {}, tries = 5): Promise<Traced> => {
  t.timeout(120_000);
  const { url, spans } = await startOtlpReceiver(t);
  const directory = await mkdtemp(join(tmpdir(), 'rouse-tracing-'));
  const file = join(directory, 'routes.json');
  const [port, http2Port] = [await freePort(), await freePort()];
  const route: Traced['route'] = async ({ web, grpc }) => {
    const workload = (name: string, at: number, protocol: string, endpoint: number | undefined): object => ({
      name: `default/${name}`,
      listeners: [{ address: '127.0.0.1', port: at, protocol }],
      endpoints: endpoint === undefined ? [] : [{ address: '127.0.0.1', port: endpoint }],
      holdTimeout: '10s',
    });
    await writeFile(`${file}.new`, JSON.stringify({ workloads: [workload('web', port, 'http1', web), workload('grpc', http2Port, 'h2c', grpc)] }));
    await rename(`${file}.new`, file);
  };
  await route({ web: undefined, grpc: undefined });
  const gateway = startRouse(['gateway', '--routes', file, '--metrics-port', '0', '--tracing'], {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: '50',
    ...env,
  });
  t.teardown(async () => {
    await gateway.stop('SIGKILL');
    await rm(directory, { recursive: true });
  });
  let metrics: string;
  try {
    metrics = (await gateway.line(/^ready: .*metrics=(\S+)/))[1] ?? '';
  } catch (failure) {
    // Another process may have taken a port that was free a moment ago.
    if (tries > 1 && gateway.errors().includes('EADDRINUSE')) return startTraced(t, env, tries - 1);
    throw failure;
  }
  return {
    gateway,
    port,
    http2Port,
    spans,
    route,
    send: async (fields = '', path = '/') => {
      const client = await dial(t, port);
      await client.send(`GET ${path} HTTP/1.1\r\nHost: a.example\r\n${fields}\r\n`);
      return readAnswer(client);
    },
    holds: () => until('a request is held', async () => /^rouse_gateway_held_requests\{.*\} 1$/m.test(await (await fetch(metrics)).text())),
  };
};

const named = async (spans: readonly ReceivedSpan[], name: string, count = 1): Promise<ReceivedSpan> =>
  until(
    `${count} spans ${name}`,
    () => spans.filter((span) => span.name === name)[count - 1],
    15_000,
    () => spans,
  );

test('with tracing a request that wakes a workload is a span below its client’s, with accept, hold, pick and forward below it, each where the one before it ends, and the pod sees the last as its parent', async (t) => {
  const seen: IncomingHttpHeaders[] = [];
  const origin = await startOrigin((request, response) => {
    seen.push(request.headers);
    response.end('hello');
  });
  t.teardown(origin.die);
  const { send, spans, route, holds } = await startTraced(t);
  const answer = send(`traceparent: ${sampled}\r\ntracestate: a=1\r\ntracestate: b=2\r\nbaggage: k=v;p\r\nUser-Agent: curl/8\r\n`, '/p?q=1');
  await holds();
  await new Promise((resolve) => setTimeout(resolve, 100));
  await route({ web: origin.port, grpc: undefined });
  t.is((await answer).status, 200);
  const [server, accept, hold, pick, forward] = await Promise.all(['GET', 'accept', 'hold', 'pick', 'forward'].map((name) => named(spans, name)));
  t.deepEqual(seen[0]?.traceparent, `00-${traceId}-${forward!.spanId}-01`);
  t.is(seen[0]?.tracestate, 'a=1,b=2');
  t.is(seen[0]?.baggage, 'k=v;p');
  const below = [accept!, hold!, pick!, forward!];
  t.is(spans.length, 5);
  for (const span of [server!, ...below]) t.is(span.traceId, traceId);
  t.is(server!.parentSpanId, parentId);
  for (const span of below) t.is(span.parentSpanId, server!.spanId);
  t.deepEqual(
    [server!, ...below].map(({ kind }) => kind),
    [2, 1, 1, 1, 3],
  );
  t.is(server!.service, 'rouse-gateway');
  t.deepEqual(server!.attributes, {
    'http.request.method': 'GET',
    'url.scheme': 'http',
    'url.path': '/p',
    'url.query': 'q=1',
    'server.address': 'a.example',
    'client.address': '127.0.0.1',
    'network.protocol.version': '1.1',
    'user_agent.original': 'curl/8',
    'k8s.namespace.name': 'default',
    'rouse.workload': 'web',
    'http.response.status_code': 200,
    'http.request.body.size': 0,
    'http.response.body.size': 5,
  });
  t.deepEqual([accept!.attributes, hold!.attributes], [{}, { 'rouse.wake': true }]);
  t.like(pick!.attributes, { 'rouse.pods.usable': 1, 'rouse.pod.requests.in_flight': 1, 'k8s.pod.name': forward!.attributes['k8s.pod.name'] });
  t.like(forward!.attributes, { 'http.request.method': 'GET', 'server.address': '127.0.0.1', 'server.port': origin.port, 'http.response.status_code': 200 });
  for (const [index, span] of below.entries()) t.is(span.startMs, below[index - 1]?.endMs ?? server!.startMs, span.name);
  t.is(forward!.endMs, server!.endMs);
  t.true(hold!.endMs - hold!.startMs > 50);
  for (const span of [server!, ...below]) t.deepEqual(span.status.code ?? 0, 0);
});

test('a request without a context, or with one that is none, begins a trace; one whose parent is not sampled is exported to nobody', async (t) => {
  const seen: IncomingHttpHeaders[] = [];
  const origin = await startOrigin((request, response) => {
    seen.push(request.headers);
    response.end();
  });
  t.teardown(origin.die);
  const { send, spans, route } = await startTraced(t, { OTEL_SERVICE_NAME: 'edge' });
  await route({ web: origin.port, grpc: undefined });
  await send(`traceparent: 00-${traceId}-${parentId}-00\r\n`, '/unsampled');
  await send('traceparent: nonsense\r\ntracestate: a=1\r\n', '/nonsense');
  const server = await named(spans, 'GET');
  t.is(server.attributes['url.path'], '/nonsense');
  t.is(server.parentSpanId, undefined);
  t.is(server.service, 'edge');
  const forward = await named(spans, 'forward');
  t.true(spans.every((span) => span.traceId === server.traceId));
  t.regex(String(seen[0]?.traceparent), new RegExp(`^00-${traceId}-(?!${parentId})[0-9a-f]{16}-00$`));
  t.deepEqual([seen[1]?.traceparent, seen[1]?.tracestate], [`00-${server.traceId}-${forward.spanId}-01`, undefined]);
});

test('a collector that is not there costs no request, and keeps no gateway from ending', async (t) => {
  const origin = await startOrigin((_request, response) => response.end());
  t.teardown(origin.die);
  const { gateway, send, route } = await startTraced(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
    OTEL_EXPORTER_OTLP_TIMEOUT: '300',
  });
  await route({ web: origin.port, grpc: undefined });
  for (let count = 0; count < 20; count += 1) t.is((await send('Connection: close\r\n')).status, 200);
  await until('it is told', () => gateway.errors().includes('OpenTelemetry'), 15_000);
  const toldAt = performance.now();
  t.is(await gateway.stop('SIGTERM'), 0);
  t.true(performance.now() - toldAt < 8000);
  t.is(gateway.errors().match(/OpenTelemetry/g)?.length, 1, gateway.errors());
});

test('a collector that never answers costs no request: what waits for it is bounded, the rest is dropped with one line', async (t) => {
  const origin = await startOrigin((_request, response) => response.end());
  t.teardown(origin.die);
  const mute = createServer(() => undefined);
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    mute.closeAllConnections();
    mute.close();
  });
  const { gateway, port, send, route } = await startTraced(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(mute.address() as { readonly port: number }).port}`,
    OTEL_BSP_MAX_QUEUE_SIZE: '20',
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10',
    OTEL_BSP_EXPORT_TIMEOUT: '500',
    OTEL_EXPORTER_OTLP_TIMEOUT: '500',
  });
  await route({ web: origin.port, grpc: undefined });
  t.is((await send('Connection: close\r\n')).status, 200);
  const client = await dial(t, port);
  for (let count = 0; count < 200; count += 1) {
    await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    t.is((await readAnswer(client)).status, 200);
  }
  await until('it is told', () => gateway.errors().includes('OpenTelemetry'), 15_000);
  t.is(await gateway.stop('SIGTERM'), 0);
  t.is(gateway.errors().match(/OpenTelemetry/g)?.length, 1, gateway.errors());
});

test('HTTP/2 is traced in the same way, and so is what fails; spans that have not left are exported at the end', async (t) => {
  const origin = await startHttp2Origin((stream) => stream.respond({ ':status': 200 }, { endStream: true }));
  t.teardown(origin.die);
  const broken = createServer((request) => request.socket.destroy());
  await new Promise<void>((resolve) => broken.listen(0, '127.0.0.1', resolve));
  t.teardown(() => broken.close());
  const { port: brokenPort } = broken.address() as { readonly port: number };
  const { gateway, http2Port, spans, route, send } = await startTraced(t, { OTEL_BSP_SCHEDULE_DELAY: '60000' });
  await route({ web: brokenPort, grpc: origin.port });
  const session = await dialHttp2(t, http2Port);
  await ask(session, { ':method': 'PURGE', traceparent: sampled, tracestate: 'a=1' });
  session.close();
  t.is((await send('Connection: close\r\n')).status, 502);
  t.is(spans.length, 0);
  t.is(await gateway.stop('SIGTERM'), 0);
  const [server, forward] = [await named(spans, 'HTTP'), await named(spans, 'forward')];
  const { headers } = origin.requests[0]!;
  t.deepEqual([headers.traceparent, headers.tracestate], [`00-${traceId}-${forward.spanId}-01`, 'a=1']);
  t.like(server.attributes, { 'http.request.method': '_OTHER', 'http.request.method_original': 'PURGE', 'network.protocol.version': '2' });
  const [failed, failedForward] = [await named(spans, 'GET'), await named(spans, 'forward', 2)];
  t.like(failed.attributes, { 'http.response.status_code': 502, 'error.type': 'upstream-reset', 'rouse.reason': 'upstream-reset', 'rouse.aborted_by': 'pod' });
  t.like(failedForward.attributes, { 'error.type': 'upstream-reset' });
  t.deepEqual([failed.status.code, failedForward.status.code], [2, 2]);
});

test('accept begins with the first of the head, however slowly the rest of that comes', async (t) => {
  const origin = await startOrigin((_request, response) => response.end());
  t.teardown(origin.die);
  const { port, spans, route, send } = await startTraced(t);
  await route({ web: origin.port, grpc: undefined });
  const client = await dial(t, port);
  await client.send('GET /slow HTTP/1.1\r\n');
  // When another one has been to the pod and back, the gateway has read that.
  t.is((await send()).status, 200);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await client.send('Host: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n');
  t.is((await readAnswer(client)).status, 200);
  t.is((await readAnswer(client)).status, 200);
  const of = async (path: string): Promise<ReceivedSpan> => {
    const server = await until(`the request ${path}`, () => spans.find(({ attributes }) => attributes['url.path'] === path), 15_000);
    return until(`its accept`, () => spans.find(({ name, parentSpanId }) => name === 'accept' && parentSpanId === server.spanId), 15_000);
  };
  const [slow, next] = [await of('/slow'), await of('/next')];
  t.true(slow.endMs - slow.startMs > 48, String(slow.endMs - slow.startMs));
  t.true(next.startMs >= slow.endMs, 'what waits behind another one is not accepted before its turn');
});
