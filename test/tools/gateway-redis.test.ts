import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { freePort, podAt, until } from '../support/gateway-rig.ts';
import { runProgram, startProgram, type ProgramOptions, type ProgramResult } from '../support/real-program.ts';
import { startTcpRig } from '../support/tcp-rig.ts';
import { until as untilAsync } from '../support/until.ts';

/** Redis behind a TCP port of the gateway. */

const startRedis = async (t: ExecutionContext): Promise<number> => {
  const [cwd, port] = await Promise.all([mkdtemp(join(tmpdir(), 'rouse-redis-')), freePort()]);
  t.teardown(() => rm(cwd, { recursive: true }));
  const server = startProgram(t, 'redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], {
    cwd,
    limitMs: 120_000,
  });
  await until('Redis takes commands', () => server.text().includes('Ready to accept connections'));
  return port;
};

const cli = (t: ExecutionContext, port: number, args: readonly string[], options?: ProgramOptions): Promise<ProgramResult> =>
  runProgram(t, 'redis-cli', ['-h', '127.0.0.1', '-p', String(port), ...args], options);

const says = async (t: ExecutionContext, port: number, ...args: readonly string[]): Promise<string> => {
  const { code, text, errors } = await cli(t, port, args);
  if (code !== 0) throw new Error(`redis-cli ${args.join(' ')} ended with ${String(code)}: ${errors}`);
  return text.trimEnd();
};

test('redis-cli at zero waits for the server that it wakes; each call of it is one request', async (t) => {
  const rig = await startTcpRig(t);
  const ping = says(t, rig.port, 'ping');
  await rig.wakeWith(() => startRedis(t));
  t.is(await ping, 'PONG');
  t.is(rig.firstBytes.length, 1);
  t.is(await says(t, rig.port, 'set', 'city', 'Wien'), 'OK');
  t.is(await says(t, rig.port, 'get', 'city'), 'Wien');
  t.is(await rig.allEnded(), 3);
  t.deepEqual([...rig.counters.requests.keys()], [0]);
});

test('a value of 5 MB and any bytes comes back as it went', async (t) => {
  const port = await startRedis(t);
  const rig = await startTcpRig(t, { pods: [podAt(port)] });
  const value = randomBytes(5_000_000);
  t.is((await cli(t, rig.port, ['-x', 'set', 'blob'], { stdin: value })).text, 'OK\n');
  const { output } = await cli(t, rig.port, ['--raw', 'get', 'blob']);
  t.true(output.subarray(0, -1).equals(value)); // redis-cli ends the line
});

test('10,000 commands at once by --pipe, sent to a workload at zero: each is answered, over one connection', async (t) => {
  const rig = await startTcpRig(t);
  const commands = Array.from({ length: 10_000 }, (_, index) => `SET key:${index} value:${index}\r\n`).join('');
  const piped = cli(t, rig.port, ['--pipe'], { stdin: commands });
  let port = 0;
  await rig.wakeWith(async () => (port = await startRedis(t)));
  const { code, text } = await piped;
  t.is(code, 0);
  t.regex(text, /errors: 0, replies: 10000/);
  t.is(await rig.allEnded(), 1);
  t.is(await says(t, port, 'dbsize'), '10000');
  t.is(await says(t, port, 'get', 'key:9999'), 'value:9999');
});

test('a subscriber hears what is published, and is one in flight until it goes, which the server learns', async (t) => {
  const rig = await startTcpRig(t);
  const subscriber = startProgram(t, 'redis-cli', ['-h', '127.0.0.1', '-p', String(rig.port), 'subscribe', 'news']);
  let port = 0;
  await rig.wakeWith(async () => (port = await startRedis(t)));
  await until('subscribed', () => subscriber.text().includes('subscribe\nnews\n1\n'));
  t.is(await says(t, rig.port, 'publish', 'news', 'first'), '1');
  t.is(await says(t, rig.port, 'publish', 'news', 'second'), '1');
  await until('heard', () => subscriber.text().endsWith('message\nnews\nfirst\nmessage\nnews\nsecond\n'));
  await until('the publishers have left', () => rig.counters.inFlight === 1);
  const seen = rig.reports.length;
  await until('a silent second is reported', () =>
    rig.reports.slice(seen).some(({ averageConcurrency, requestCount }) => averageConcurrency > 0.99 && requestCount === 0),
  );
  await subscriber.stop('SIGTERM');
  t.is(await rig.allEnded(), 3);
  await untilAsync('Redis knows', async () => (await says(t, port, 'pubsub', 'numsub', 'news')) === 'news\n0');
});

// Alone: with the others at work an answer may take as long as the silence that cuts off.
test.serial('a subscriber that is silent for idle-timeout is cut off, and told so', async (t) => {
  const port = await startRedis(t);
  const rig = await startTcpRig(t, { pods: [podAt(port)], idleTimeoutMs: 500 });
  const subscriber = startProgram(t, 'redis-cli', ['-h', '127.0.0.1', '-p', String(rig.port), 'subscribe', 'news']);
  await until('subscribed', () => subscriber.text().includes('news\n1\n'));
  const { code, errors } = await subscriber.ended;
  t.is(code, 1);
  t.regex(errors, /Server closed the connection|Connection reset by peer/);
  t.is(await rig.allEnded(), 1);
});

test('redis-benchmark, 50 clients with 16 commands ahead: no error, and a request for each of its connections', async (t) => {
  const port = await startRedis(t);
  const rig = await startTcpRig(t, { pods: [podAt(port)] });
  const before = Number(/total_connections_received:(\d+)/.exec(await says(t, port, 'info', 'stats'))?.[1]);
  const { code, text, errors } = await runProgram(t, 'redis-benchmark', [
    ...['-h', '127.0.0.1', '-p', String(rig.port)],
    ...['-c', '50', '-P', '16', '-n', '20000', '-t', 'set,get', '--csv'],
  ]);
  t.deepEqual([code, errors], [0, '']);
  t.regex(text, /^"SET",.*\n"GET",/m);
  const requests = await rig.allEnded();
  t.true(requests >= 100, String(requests));
  const after = Number(/total_connections_received:(\d+)/.exec(await says(t, port, 'info', 'stats'))?.[1]);
  t.is(after - before - 1, requests);
});
