import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { Agent, request } from 'undici';
import { until } from '../support/until.ts';
import { groups } from '../conformance/cases/index.ts';
import { clusterOf } from './harness/cluster.ts';

const main = join(import.meta.dirname, '..', 'conformance', 'main.ts');

test('the conformance suite of the embedded API holds on kube-apiserver, unchanged', async (t) => {
  const cluster = await clusterOf(t);
  // A server that started on an empty etcd remembers everything from the first revision on; one case wants a revision that is forgotten.
  await cluster.restartApiServer();
  // It answers before all of its checks are well, and one case asks for these.
  const dispatcher = new Agent({ connect: { ca: cluster.caPem } });
  const isReady = async (): Promise<boolean> => {
    const { statusCode, body } = await request(`${cluster.server}/readyz`, { dispatcher });
    await body.dump();
    return statusCode === 200;
  };
  await until('the API server says that it is ready', isReady, 60_000);
  await dispatcher.close();
  const [token, ca] = ['conformance.token', 'conformance.ca'].map((name) => join(cluster.directory, name));
  await writeFile(token ?? '', await cluster.token('admin'));
  await writeFile(ca ?? '', cluster.caPem);
  const args = ['--server', cluster.server, '--token-file', token ?? '', '--ca-file', ca ?? '', '--webhook-host', '10.77.220.1'];
  const suite = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  suite.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const [code] = (await once(suite, 'close')) as [number | null];
  const lines = output.trim().split('\n');
  t.deepEqual(
    lines.slice(0, -1).filter((line) => !line.startsWith('ok ')),
    [],
  );
  t.is(lines.at(-1), `${groups.flatMap(({ cases }) => cases).length} passed, 0 failed`);
  t.is(code, 0);
});
