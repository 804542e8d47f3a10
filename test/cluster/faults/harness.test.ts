import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import test from 'ava';
import { deployment } from '../../support/app.ts';
import { until } from '../../support/until.ts';
import { clusterOf } from '../harness/cluster.ts';

/** That the harness itself breaks what it says it breaks, and nothing more. */

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly uid: string; readonly deletionTimestamp?: string };
    readonly spec: { readonly nodeName?: string };
    readonly status: { readonly podIP?: string; readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  }[];
}

const main = join(import.meta.dirname, '..', 'main.ts');
const run = promisify(execFile);

test.serial('a node that comes back before it was given up goes on with its pods, which have other addresses then', async (t) => {
  const cluster = await clusterOf(t);
  const namespace = await cluster.namespace(t);
  await cluster.api('POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, deployment('web', { namespace, replicas: 2, annotations: {} }));
  const pods = async (): Promise<PodList['items']> => ((await cluster.api('GET', `/api/v1/namespaces/${namespace}/pods`)).body as unknown as PodList).items;
  const answering = async (): Promise<readonly string[]> => {
    const found = (await pods()).map(({ metadata, status }) => [metadata.uid, status.podIP ?? ''] as const);
    const answers = await Promise.all(
      found.map(([, address]) =>
        fetch(`http://${address}:8080/`).then(
          ({ ok }) => ok,
          () => false,
        ),
      ),
    );
    return found
      .filter((_, index) => answers[index])
      .map(([uid]) => uid)
      .sort();
  };
  const before = await until('two pods answer', async () => ((await answering()).length === 2 ? answering() : undefined), 30_000);
  for (const name of cluster.nodes) await cluster.node(name).kill();
  t.deepEqual(await answering(), []);
  for (const name of cluster.nodes) await cluster.node(name).start();
  await until(
    'the same pods answer',
    async () => (await answering()).join() === before.join(),
    30_000,
    () => cluster.kubectl(['get', 'nodes,pods', '-n', namespace, '-o', 'wide']),
  );
  t.deepEqual((await pods()).map(({ metadata }) => metadata.uid).sort(), before);
});

test.serial('a node that is killed takes its pods along; others come in their place elsewhere, and the node comes back empty', async (t) => {
  const cluster = await clusterOf(t);
  const namespace = await cluster.namespace(t);
  await cluster.api('POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, deployment('web', { namespace, replicas: 4, annotations: {} }));
  const pods = async (): Promise<PodList['items']> => ((await cluster.api('GET', `/api/v1/namespaces/${namespace}/pods`)).body as unknown as PodList).items;
  const ready = async (): Promise<PodList['items']> =>
    (await pods()).filter(({ status, metadata }) => {
      const isReady = status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true;
      return isReady && metadata.deletionTimestamp === undefined;
    });
  const before = await until('four pods are ready', async () => ((await ready()).length === 4 ? ready() : undefined), 30_000);
  const lost = before.filter(({ spec }) => spec.nodeName === 'n2');
  t.true(lost.length > 0);
  await cluster.node('n2').kill();
  for (const { status } of lost) await t.throwsAsync(fetch(`http://${status.podIP ?? ''}:8080/`, { signal: AbortSignal.timeout(1000) }));
  await until(
    'four pods are ready without it',
    async () => (await ready()).filter(({ spec }) => spec.nodeName === 'n1').length === 4,
    60_000,
    () => cluster.kubectl(['get', 'nodes,pods', '-n', namespace, '-o', 'wide']),
  );
  await cluster.node('n2').start();
  const kubectl = (...args: readonly string[]): Promise<string> => cluster.kubectl([...args]);
  await kubectl('wait', 'node', 'n2', '--for=condition=Ready', '--timeout=25s');
  await until(
    'nothing of it is left',
    async () => (await pods()).every(({ metadata }) => !lost.some((pod) => pod.metadata.uid === metadata.uid)),
    30_000,
    () => cluster.kubectl(['get', 'nodes,pods', '-n', namespace, '-o', 'wide']),
  );
});

test.serial('a run that is killed with SIGKILL leaves no process, and the next run takes the rest away', async (t) => {
  const killed = spawn(process.execPath, [main, '--nodes', '1', '--', 'sh', '-c', 'echo up; sleep 300'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const name = `rouse-${killed.pid ?? 0}`;
  await once(killed.stdout, 'data');
  t.not((await run('ip', ['netns', 'pids', name])).stdout, '');
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  await until('its processes are gone', async () => (await run('ip', ['netns', 'pids', name])).stdout === '');
  const next = spawn(process.execPath, [main, '--nodes', '0', '--', 'true'], { stdio: 'inherit' });
  t.deepEqual(await once(next, 'exit'), [0, null]);
  const left = (await run('ip', ['netns', 'list'])).stdout.split('\n').map((line) => line.split(' ')[0]);
  t.false(left.includes(name));
  t.false(left.includes(`rouse-${next.pid ?? 0}`));
});

test.serial('a run that fails keeps its logs and says where; one that is told to end does, and leaves nothing else', async (t) => {
  const failing = spawn(process.execPath, [main, '--nodes', '0', '--', 'sh', '-c', 'exit 3'], { stdio: ['ignore', 'inherit', 'pipe'] });
  const [said] = await Promise.all([text(failing.stderr), once(failing, 'close')]);
  t.is(failing.exitCode, 3);
  const [, logs = ''] = /the logs are in (\/tmp\/kept-rouse-\d+\/logs)/.exec(said) ?? [];
  t.teardown(() => rm(dirname(logs), { recursive: true }));
  t.true((await readdir(logs)).includes('kube-apiserver.log'), said);
  const ended = spawn(process.execPath, [main, '--nodes', '1', '--', 'sh', '-c', 'echo up; sleep 300'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => rm(`/tmp/kept-rouse-${ended.pid ?? 0}`, { recursive: true }));
  await once(ended.stdout, 'data');
  ended.kill('SIGTERM');
  const [code] = (await once(ended, 'exit')) as [number];
  t.not(code, 0);
  t.false((await run('ip', ['netns', 'list'])).stdout.includes(`rouse-${ended.pid ?? 0}`));
  t.false(existsSync(`/tmp/rouse-cluster-${ended.pid ?? 0}`));
});

test.serial('without a Go that can build the control plane a run says which one is wanted', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'rouse-go-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const said = async (path: string): Promise<string> => {
    const env = { ...process.env, XDG_CACHE_HOME: join(directory, 'cache'), PATH: path };
    const { code, stderr } = (await run(process.execPath, [main, '--', 'true'], { env }).catch((failure: unknown) => failure)) as {
      code: number;
      stderr: string;
    };
    t.is(code, 1);
    return stderr;
  };
  t.regex(await said(directory), /there is no "go" in PATH: the control plane is built with Go 1\.26 or newer/);
  await writeFile(join(directory, 'go'), '#!/bin/sh\necho go version go1.21.3 linux/amd64\n', { mode: 0o755 });
  t.regex(await said(`${directory}:/usr/bin:/bin`), /go1\.21\.3 linux\/amd64 is too old: .* Go 1\.26 or newer/);
});
