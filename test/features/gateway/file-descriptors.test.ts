import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { freePort, startOrigin, until } from '../../support/gateway-rig.ts';

const main = join(import.meta.dirname, '..', '..', '..', 'src', 'cli', 'main.ts');

/** The exit code where something outside failed. */
const portTaken = 3;

interface Gateway {
  readonly process: ChildProcessByStdio<null, Readable, null>;
  readonly port: number;
}

/** With few file descriptors, before the pod at `origin`. */
const startGateway = async (t: ExecutionContext, origin: number, tries = 5): Promise<Gateway> => {
  const directory = await mkdtemp(join(tmpdir(), 'rouse-test-'));
  const port = await freePort();
  const file = join(directory, 'routes.yaml');
  await writeFile(
    file,
    `workloads: [{name: default/app, listeners: [{address: 127.0.0.1, port: ${port}}], endpoints: [{address: 127.0.0.1, port: ${origin}}]}]`,
  );
  const command = [process.execPath, main, 'gateway', '--routes', file, '--listen', '127.0.0.1', '--metrics-port', '0'];
  const gateway = spawn('sh', ['-c', 'ulimit -n 100; exec "$@"', 'sh', ...command], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(gateway, 'close');
  t.teardown(async () => {
    gateway.kill();
    await ended;
    await rm(directory, { recursive: true });
  });
  const [ready] = (await Promise.race([once(createInterface({ input: gateway.stdout }), 'line'), ended])) as [string | number | null];
  if (typeof ready === 'string') return { process: gateway, port };
  // Another process may have taken a port that was free a moment ago.
  if (tries > 1 && ready === portTaken) return startGateway(t, origin, tries - 1);
  throw new Error('the gateway does not start');
};

test('a gateway that runs out of file descriptors ends what it cannot take, serves what it has, and takes connections again when others have ended', async (t) => {
  const origin = await startOrigin((_request, response) => response.end('hello'));
  t.teardown(origin.die);
  const { process: gateway, port } = await startGateway(t, origin.port);
  const clients: Socket[] = [];
  t.teardown(() => {
    for (const client of clients) client.destroy();
  });
  let turnedAway = 0;
  for (let count = 0; count < 150; count += 1)
    clients.push(
      connect(port, '127.0.0.1')
        .on('error', () => undefined)
        .on('close', () => (turnedAway += 1)),
    );
  await until('some are turned away', () => turnedAway > 0);
  let answer = '';
  clients[0]!.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk));
  // The connection to the pod needs one, too.
  clients[1]!.destroy();
  clients[0]!.write('GET / HTTP/1.1\r\nHost: app\r\n\r\n');
  await until('answered', () => answer.endsWith('hello'));
  for (const client of clients) client.destroy();
  t.is(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'hello');
  t.is(gateway.exitCode, null);
});
