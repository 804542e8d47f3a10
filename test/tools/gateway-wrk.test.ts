import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { freePort, startOrigin, until } from '../support/gateway-rig.ts';
import { startProgram } from '../support/real-program.ts';
import { startRouse } from '../support/rouse-process.ts';
import { until as untilAsync } from '../support/until.ts';

/** A load by wrk on a gateway that is a process of its own and follows a routes file; what it counts is held against what the pod and wrk have counted. */

const clients = 64;

test('4 seconds of 64 connections, begun at zero: no error, and the gateway counts every request exactly once', async (t) => {
  t.timeout(120_000);
  const directory = await mkdtemp(join(tmpdir(), 'rouse-wrk-'));
  t.teardown(() => rm(directory, { recursive: true }));
  let [seen, finished, cut] = [0, 0, 0];
  const pod = await startOrigin((_request, response) => {
    seen += 1;
    response.on('close', () => {
      if (response.writableFinished) finished += 1;
      else cut += 1;
    });
    response.end('hello, world');
  });
  t.teardown(pod.die);
  const [routes, port] = [join(directory, 'routes.json'), await freePort()];
  const route = async (...endpoints: readonly object[]): Promise<void> => {
    await writeFile(`${routes}.new`, JSON.stringify({ workloads: [{ name: 'default/web', listeners: [{ address: '127.0.0.1', port }], endpoints }] }));
    await rename(`${routes}.new`, routes);
  };
  await route();
  const gateway = startRouse(['gateway', '--routes', routes, '--metrics-port', '0']);
  t.teardown(() => gateway.stop('SIGKILL'));
  const [, metrics = ''] = await gateway.line(/^ready: .*metrics=(\S+)/);
  const figures = async (): Promise<string> => (await fetch(metrics)).text();
  const sum = (text: string, name: string): number =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\d+)$`, 'gm'))].reduce((total, [, value]) => total + Number(value), 0);

  // It is ended, as by ^C, when it has done enough: how long a wake takes, and how much is answered in a second, is the machine's affair.
  const wrk = startProgram(t, 'wrk', ['-t', '2', '-c', String(clients), '-d', '100s', '--timeout', '30s', `http://127.0.0.1:${port}/`], { limitMs: 110_000 });
  await untilAsync('all are held', async () => sum(await figures(), 'rouse_gateway_held_requests') === clients);
  await route({ address: '127.0.0.1', port: pod.port });
  await Promise.all([sleep(4000), untilAsync('thousands are answered', () => finished > 2000, 60_000)]);
  const { code, text: report, errors } = await wrk.stop('SIGINT');
  t.is(code, 0, errors);
  t.notRegex(report, /Socket errors|Non-2xx/);
  const completed = Number(/(\d+) requests in/.exec(report)?.[1]);
  const after = await untilAsync('nothing is in flight', async () => {
    const text = await figures();
    return sum(text, 'rouse_gateway_in_flight') === 0 && sum(text, 'rouse_gateway_held_requests') === 0 && text;
  });
  await until('the pod is done', () => finished + cut === seen);

  const byStatus: Record<string, number> = {};
  for (const [, status = '', value] of after.matchAll(/^rouse_gateway_requests_total\{.*code="(\d+)",code_class="\w+"\} (\d+)$/gm))
    byStatus[status] = (byStatus[status] ?? 0) + Number(value);
  const { 200: answered = 0, 499: gone = 0, ...others } = byStatus;
  const total = answered + gone;
  t.log({ completed, seen, answered, gone });
  t.deepEqual(others, {});
  t.true(completed > 1000, report);
  // wrk counts what it has read to the end. When its time is over each of its connections has one request under way, which it does not count and we do.
  t.true(completed <= answered && total <= completed + clients, `${completed} of ${total}`);
  // The pod has seen all of them, but for any that wrk cut off before they were written to the pod.
  t.true(seen <= total && total <= seen + gone, `${seen} of ${total}`);
  t.is(finished + cut, seen);
});
