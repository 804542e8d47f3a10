import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http2';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { freePort, podAt, startRig, until, web, type Rig } from '../support/gateway-rig.ts';
import { goTool } from '../support/go-tool.ts';

/** Real clients and servers of HTTP/2 and gRPC through the gateway: grpc-go's interop pair, h2spec, h2load. */

const grpc = 'v1.85.0';
const h2spec = 'v2.2.1+incompatible';

/** Runs a program to its end; what it said, and its exit code. */
const run = async (
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly said: string }> => {
  const child = spawn(command, args, { timeout: 120_000, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said };
};

/** A gateway whose one workload is at `podPort`. */
const startGateway = async (t: ExecutionContext, podPort: number, protocol: 'grpc' | 'h2c' | 'http1'): Promise<Rig & { readonly port: number }> => {
  const port = await freePort();
  const rig = await startRig({ listeners: [{ address: '127.0.0.1', port, protocol, target: 'http' }], pods: [podAt(podPort, { state: 'starting' })] });
  t.teardown(rig.stop);
  return { ...rig, port };
};

/** Node's own server, which answers everything with a few bytes. */
const startPlainServer = async (t: ExecutionContext): Promise<number> => {
  const server = createServer();
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200 });
    stream.end('hello');
  });
  server.on('sessionError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
};

/** A pod of HTTP/1.1 that sends every body back, or says hello, and names the request in a field. */
const startHttp1Pod = async (t: ExecutionContext): Promise<number> => {
  const server = createHttpServer((request, response) => {
    response.setHeader('x-request', `${request.method ?? ''} ${request.url ?? ''} HTTP/${request.httpVersion}`);
    if (request.method === 'GET') response.end('hello');
    else request.pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
};

const cases = [
  'empty_unary',
  'large_unary',
  'client_streaming',
  'server_streaming',
  'ping_pong',
  'empty_stream',
  'status_code_and_message',
  'special_status_message',
  'unimplemented_method',
  'unimplemented_service',
  'custom_metadata',
  'cancel_after_begin',
  'cancel_after_first_response',
  'timeout_on_sleeping_server',
];

test.serial("grpc-go's interop client and server understand each other through the gateway", async (t) => {
  t.timeout(900_000, 'the first build takes some minutes');
  const [client, server] = [await goTool('google.golang.org/grpc/interop/client', grpc), await goTool('google.golang.org/grpc/interop/server', grpc)];
  const podPort = await freePort();
  const pod = spawn(server, ['-port', String(podPort)], { stdio: 'ignore' });
  t.teardown(() => pod.kill('SIGKILL'));
  const rig = await startGateway(t, podPort, 'grpc');
  for (const name of cases) {
    const { code, said } = await run(client, ['-server_host', '127.0.0.1', '-server_port', String(rig.port), '-test_case', name], {
      GRPC_GO_LOG_SEVERITY_LEVEL: 'error',
    });
    t.is(code, 0, `${name}: ${said}`);
  }
  const counters = rig.gateway.counters.workloads.get(web)!;
  await until('nothing is in flight', () => counters.inFlight === 0);
  t.is(counters.refused.size, 0);
});

/** The cases of h2spec that `port` does not pass, by section and title. */
const failuresOf = async (program: string, port: number): Promise<{ readonly cases: number; readonly failed: ReadonlySet<string> }> => {
  const directory = await mkdtemp(join(tmpdir(), 'rouse-h2spec-'));
  try {
    const report = join(directory, 'report.xml');
    await run(program, ['-h', '127.0.0.1', '-p', String(port), '-o', '2', '-j', report]);
    // Not by a parser of XML: the report has raw bytes of frames in it.
    const found = [...(await readFile(report, 'latin1')).matchAll(/<testcase package="([^"]*)" classname="([^"]*)"[^>]*>([\s\S]*?)<\/testcase>/g)];
    const failed = found.filter(([, , , result = '']) => /<(?:failure|error)/.test(result)).map(([, section = '', title = '']) => `${section} ${title}`);
    return { cases: found.length, failed: new Set(failed) };
  } finally {
    await rm(directory, { recursive: true });
  }
};

/** A port that speaks HTTP/1.1 too reads what is no preface as that, and says 400; h2spec takes its text for frames. */
const readAsHttp1 = 'http2/3.5 Sends invalid connection preface';

for (const protocol of ['h2c', 'http1'] as const)
  test.serial(`h2spec finds nothing in a port of ${protocol}`, async (t) => {
    t.timeout(900_000, 'the first build takes some minutes');
    const program = await goTool('github.com/summerwind/h2spec/cmd/h2spec', h2spec);
    const { port } = await startGateway(t, protocol === 'h2c' ? await startPlainServer(t) : await startHttp1Pod(t), protocol);
    const { cases, failed: first } = await failuresOf(program, port);
    t.true(cases >= 145, String(cases));
    let failed = [...first].filter((name) => protocol === 'h2c' || name !== readAsHttp1);
    // It waits 2 s for each answer and takes a busy machine for a fault: what fails, fails twice.
    if (failed.length > 0) {
      const again = await failuresOf(program, port);
      failed = failed.filter((name) => again.failed.has(name));
    }
    t.deepEqual(failed, []);
  });

for (const protocol of ['h2c', 'http1'] as const)
  test.serial(`h2load at a port of ${protocol} runs clean: 5,000 requests, none lost, each counted once`, async (t) => {
    t.timeout(120_000);
    const rig = await startGateway(t, protocol === 'h2c' ? await startPlainServer(t) : await startHttp1Pod(t), protocol);
    const { said } = await run('h2load', ['-n', '5000', '-c', '10', '-m', '20', `http://127.0.0.1:${rig.port}/`]);
    t.regex(said, /requests: 5000 total, 5000 started, 5000 done, 5000 succeeded, 0 failed, 0 errored, 0 timeout/);
    const counters = rig.gateway.counters.workloads.get(web)!;
    await until('nothing is in flight', () => counters.inFlight === 0);
    t.deepEqual([...counters.requests], [[200, 5000]]);
  });

test.serial('curl speaks HTTP/2 with prior knowledge to a pod of HTTP/1.1: answers, uploads, HEAD', async (t) => {
  const rig = await startGateway(t, await startHttp1Pod(t), 'http1');
  const curl = async (...args: string[]): Promise<string> =>
    (await run('curl', ['-q', '-sS', '--http2-prior-knowledge', '-w', ' %{http_version} %{http_code} %header{x-request}', ...args])).said;
  const url = `http://127.0.0.1:${rig.port}/a%2Fb?c`;
  t.is(await curl(url), 'hello 2 200 GET /a%2Fb?c HTTP/1.1');
  t.is(await curl('-d', 'body', url), 'body 2 200 POST /a%2Fb?c HTTP/1.1');
  t.is(await curl('-X', 'PUT', '-H', 'Expect: 100-continue', '--data-binary', 'x'.repeat(100_000), url), `${'x'.repeat(100_000)} 2 200 PUT /a%2Fb?c HTTP/1.1`);
  t.regex(await curl('-I', url), /^HTTP\/2 200[^]* 2 200 HEAD \/a%2Fb\?c HTTP\/1\.1$/);
  t.deepEqual([...rig.gateway.counters.workloads.get(web)!.requests], [[200, 4]]);
});
