import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import type { WorkloadRoute } from '../../../src/core/index.ts';
import { compileAccessLog } from '../../../src/gateway/index.ts';
import { freePort, podAt, startOrigin, startRig, type Rig } from '../../support/gateway-rig.ts';
import { ask, dialHttp2 } from '../../support/http2-rig.ts';
import { readAnswer } from '../../support/raw-message.ts';
import { startRouse } from '../../support/rouse-process.ts';
import { eachRequest, okWith, startScriptedOrigin } from '../../support/scripted-origin.ts';
import { until } from '../../support/until.ts';
import { dial } from '../../support/wire.ts';

/** A line for each request: what it says, and that nobody waits for whoever reads it. */

type Line = Readonly<Record<string, unknown>>;

const startLogged = async (t: ExecutionContext, patch: Partial<WorkloadRoute>): Promise<{ readonly rig: Rig; readonly line: () => Promise<Line> }> => {
  const compiled = compileAccessLog('json');
  if (!compiled.ok || compiled.value === undefined) throw new Error('not compiled');
  let [text, read] = ['', 0];
  const out = { write: (more: string) => (text += more), writableLength: 0 };
  const rig = await startRig(patch, { accessLog: { print: compiled.value, out } });
  t.teardown(rig.stop);
  return {
    rig,
    line: async () => {
      await until('a line', () => text.includes('\n', read));
      const end = text.indexOf('\n', read);
      const line = JSON.parse(text.slice(read, end)) as Line;
      read = end + 1;
      return line;
    },
  };
};

const pods = async (t: ExecutionContext): Promise<WorkloadRoute['pods']> => {
  const origin = await startScriptedOrigin(eachRequest(async (wire, { target }) => (target === '/reset' ? wire.reset() : wire.send(okWith('12345')))));
  t.teardown(origin.die);
  return [podAt(origin.port, { name: 'web-1' })];
};

test('a request has a line when it is over: what it was, where it went, how long it took', async (t) => {
  const { rig, line } = await startLogged(t, { pods: await pods(t) });
  const client = await dial(t, rig.port);
  await client.send(
    'POST /p?q="%C3 HTTP/1.1\r\nHost: a:80\r\nUser-Agent: \xe9"\\\r\nX-Request-Id: 7\r\nTraceparent: 00-1-2-01\r\nContent-Length: 3\r\n\r\nabc',
  );
  await readAnswer(client);
  const { time, duration_ms: took, ...rest } = await line();
  t.true(Math.abs(Date.parse(String(time)) - Date.now()) < 60_000);
  t.true(Number(took) > 0 && Number(took) < 60_000);
  t.deepEqual(rest, {
    method: 'POST',
    path: '/p?q="%C3',
    host: 'a',
    protocol: 'HTTP/1.1',
    status: 200,
    held_ms: null,
    request_bytes: 3,
    response_bytes: 5,
    namespace: 'default',
    workload: 'web',
    revision: 'r1',
    pod: 'web-1',
    pod_address: '127.0.0.1',
    client_address: '127.0.0.1',
    user_agent: '\xe9"\\',
    reason: null,
    aborted_by: null,
    request_id: '7',
    traceparent: '00-1-2-01',
  });
});

test('a request that was held, refused, reset or given up says so', async (t) => {
  const { rig, line } = await startLogged(t, { holdTimeoutMs: 10_000 });
  const woken = await dial(t, rig.port);
  await woken.send('GET /woken HTTP/1.1\r\nHost: a\r\n\r\n');
  await until('it is held', () => rig.pokes.length > 0);
  await new Promise((resolve) => setTimeout(resolve, 30));
  const present = await pods(t);
  await rig.route({ pods: present });
  await readAnswer(woken);
  const held = await line();
  t.true(Number(held.held_ms) >= 25 && Number(held.held_ms) <= Number(held.duration_ms), JSON.stringify(held));

  const broken = await dial(t, rig.port);
  await broken.send('POST /reset HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
  await readAnswer(broken);
  t.like(await line(), { status: 502, reason: 'upstream-reset', aborted_by: 'pod', pod: 'web-1' });

  await rig.route({ pods: [] });
  const gone = await dial(t, rig.port);
  await gone.send('GET /gone HTTP/1.1\r\nHost: a\r\n\r\n');
  await until('it is held', () => rig.pokes.length > 1);
  gone.reset();
  t.like(await line(), { path: '/gone', status: 499, aborted_by: 'client', pod: null, revision: null, reason: null });

  await rig.route({ holdTimeoutMs: 0 });
  const refused = await dial(t, rig.port);
  await refused.send('GET / HTTP/1.0\r\nHost: a\r\n\r\n');
  await readAnswer(refused);
  t.like(await line(), { status: 503, reason: 'hold-queue-full', protocol: 'HTTP/1.0', held_ms: null, workload: 'web' });
});

test('what belongs to no workload has a line as well; what is to be ignored has none', async (t) => {
  const { rig, line } = await startLogged(t, { pods: await pods(t), ignoreRequests: [{ path: '/healthz' }] });
  const shared = rig.gateway.sharedPort ?? 0;
  const strange = await dial(t, shared);
  await strange.send('GET /x HTTP/1.1\r\nHost: nobody.example\r\n\r\n');
  await readAnswer(strange);
  t.like(await line(), {
    status: 404,
    reason: 'unknown-host',
    host: 'nobody.example',
    path: '/x',
    workload: null,
    namespace: null,
    client_address: '127.0.0.1',
  });
  await strange.send('nonsense\r\n\r\n');
  t.like(await line(), { status: 400, reason: 'malformed-request', method: null, path: null, protocol: null });
  for (const path of ['/healthz', '/seen']) {
    const client = await dial(t, rig.port);
    await client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await readAnswer(client);
  }
  t.like(await line(), { path: '/seen' });
});

test('a stream of HTTP/2 and a TCP connection have their lines too', async (t) => {
  const listeners = [
    { address: '127.0.0.1', port: await freePort(), protocol: 'h2c', target: 'http' },
    { address: '127.0.0.1', port: await freePort(), protocol: 'tcp', target: 'tcp' },
  ] as const;
  const origin = await startScriptedOrigin(async (wire) => {
    await wire.send(await wire.until('\n'));
    await wire.rest();
    wire.finish();
  });
  t.teardown(origin.die);
  const pod = podAt(origin.port, { name: 'web-1', ports: { tcp: origin.port } });
  const { rig, line } = await startLogged(t, { listeners, pods: [pod], holdTimeoutMs: 50 });
  const session = await dialHttp2(t, listeners[0].port);
  const answer = await ask(session, { ':path': '/h2', 'user-agent': 'h2', 'x-request-id': 'abc' });
  t.is(answer.status, 504);
  t.like(await line(), { protocol: 'HTTP/2', method: 'GET', path: '/h2', user_agent: 'h2', request_id: 'abc', status: 504, reason: 'hold-timeout' });
  const client = await dial(t, listeners[1].port);
  await client.send('ping\n');
  await client.until('ping\n');
  client.finish();
  t.like(await line(), { protocol: 'TCP', method: null, status: 0, request_bytes: 5, response_bytes: 5, pod: 'web-1', client_address: '127.0.0.1' });
  t.deepEqual({ ...rig.gateway.counters.accessLog }, { written: 2, dropped: 0 });
});

interface LoggingProcess {
  readonly child: ChildProcessByStdio<null, Readable, null>;
  /** Sends a request of 16 KB and waits for its answer. */
  readonly ask: () => Promise<void>;
  /** Lines so far. */
  readonly lines: () => Promise<{ readonly written: number; readonly dropped: number }>;
  /** Tells it to end, and gives its exit code. */
  readonly end: () => Promise<number | null>;
}

/** The exit code where something outside failed. */
const portTaken = 3;

const startProcess = async (t: ExecutionContext, tries = 5): Promise<LoggingProcess> => {
  t.timeout(120_000);
  const directory = await mkdtemp(join(tmpdir(), 'rouse-access-log-'));
  const origin = await startOrigin((_request, response) => response.end('ok'));
  t.teardown(async () => {
    await origin.die();
    await rm(directory, { recursive: true });
  });
  const port = await freePort();
  const routes = join(directory, 'routes.json');
  const endpoints = [{ address: '127.0.0.1', port: origin.port }];
  await writeFile(routes, JSON.stringify({ workloads: [{ name: 'default/web', listeners: [{ address: '127.0.0.1', port }], endpoints }] }));
  const args = ['src/cli/main.ts', 'gateway', '--routes', routes, '--metrics-port', '0', '--access-log', '{"path":"%path%"}'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  t.teardown(() => child.kill('SIGKILL'));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const ready = await Promise.race([once(child.stdout, 'data'), ended]);
  child.stdout.pause();
  const [, url] = Array.isArray(ready) ? (/^ready: metrics=(\S+)/.exec(String(ready[0])) ?? []) : [];
  if (url === undefined) {
    // Another process may have taken a port that was free a moment ago.
    if (tries > 1 && ready === portTaken) return startProcess(t, tries - 1);
    throw new Error('the gateway does not start');
  }
  const metrics = async (): Promise<string> => (await fetch(url)).text();
  const client = await dial(t, port);
  const request = `GET /${'x'.repeat(16_000)} HTTP/1.1\r\nHost: a\r\n\r\n`;
  return {
    child,
    ask: async () => {
      await client.send(request);
      t.is((await readAnswer(client)).status, 200);
    },
    lines: async () => {
      const found = (await metrics()).matchAll(/^rouse_gateway_access_log_lines_total\{outcome="(\w+)"\} (\d+)$/gm);
      const { written = 0, dropped = 0 } = Object.fromEntries([...found].map(([, outcome = '', value]) => [outcome, Number(value)]));
      return { written, dropped };
    },
    end: () => {
      client.finish();
      child.kill('SIGTERM');
      return ended;
    },
  };
};

test('while nobody reads standard output requests are answered, lines that find no room are dropped and counted, and the process ends when it is told to', async (t) => {
  const gateway = await startProcess(t);
  for (let count = 0; count < 120; count += 1) await gateway.ask();
  const { written, dropped } = await gateway.lines();
  t.is(written + dropped, 120);
  // 64 are the 1 MiB that may wait in the gateway, and the kernel takes some; what has come into this process before it stopped reading has been taken.
  const waiting = written - Math.floor(gateway.child.stdout.readableLength / 16_000);
  t.true(written >= 60 && waiting <= 76, `${waiting} of ${written} lines of 16 KB wait`);
  t.is(await gateway.end(), 0);
});

test('a reader that has gone ends the log, not the gateway', async (t) => {
  const gateway = await startProcess(t);
  gateway.child.stdout.destroy();
  await until('lines are dropped', async () => {
    await gateway.ask();
    return (await gateway.lines()).dropped > 0;
  });
  t.is(await gateway.end(), 0);
});

test('a template that is none keeps the gateway from starting, with a sentence that says what is legal', async (t) => {
  const rouse = startRouse(['gateway', '--routes', 'none.yaml', '--access-log', '{"a":"%stats%"}']);
  t.is(await rouse.ended, 2);
  t.regex(rouse.errors(), /--access-log: a: "%stats%" names the unknown field %stats%: want off, json, or a JSON object .*, e\.g\. \{/);
});
