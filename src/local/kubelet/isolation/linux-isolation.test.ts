import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { instant, ManualClock, millis, seconds, silentLogger, systemClock } from '../../../core/index.ts';
import { ProcessGuard } from '../guard/process-guard.ts';
import type { Files } from '../volumes/volume-sources.ts';
import { LinuxIsolation } from './linux-isolation.ts';

/** In the machine's network, so that no rights are needed. */
const pod: Pod = { spec: { hostNetwork: true, containers: [], volumes: [{ name: 'key', secret: { secretName: 'key' } }] } };
const ref = { namespace: 'default', name: 'web', uid: 'u1' };
const allotment = { podIP: '10.77.0.2', ports: undefined, environment: () => ({}), release: () => undefined };

const scene = async (t: ExecutionContext, secretFiles: () => Promise<Files | undefined>) => {
  const directory = await mkdtemp(join(tmpdir(), 'rouse-isolation-'));
  const guard = await ProcessGuard.start(systemClock, silentLogger);
  t.teardown(async () => {
    await guard.close();
    await rm(directory, { recursive: true });
  });
  const clock = new ManualClock(instant(0));
  const sources = { configMapFiles: () => Promise.resolve(undefined), secretFiles, requestToken: () => Promise.reject(new Error('not asked for here')) };
  const isolation = new LinuxIsolation({ guard, sources, clock, logger: silentLogger, directory, hostIP: '10.77.0.1', dns: '10.77.128.10' });
  return { isolation, clock, directory };
};

test('a pod that cannot be opened leaves nothing behind, and one that is closed neither', async (t) => {
  const secrets = new Map<string, Files>();
  const { isolation, directory } = await scene(t, () => Promise.resolve(secrets.get('key')));
  await t.throwsAsync(isolation.open(ref, pod, allotment), { message: /secret "key" not found/ });
  t.deepEqual(await readdir(directory), []);
  secrets.set('key', { tls: Buffer.from('hidden') });
  const opened = await isolation.open(ref, pod, allotment);
  t.deepEqual(await readdir(directory), ['u1']);
  await opened.close();
  t.deepEqual(await readdir(directory), []);
});

test('a pod that is closed while its volumes are brought up to date leaves nothing behind', async (t) => {
  const asked = Promise.withResolvers<undefined>();
  const answer = Promise.withResolvers<Files>();
  let reads = 0;
  const { isolation, clock, directory } = await scene(t, () => {
    reads += 1;
    if (reads === 1) return Promise.resolve({ tls: Buffer.from('hidden') });
    asked.resolve(undefined);
    return answer.promise;
  });
  const opened = await isolation.open(ref, pod, allotment);
  await clock.advance(millis(60_000));
  await asked.promise;
  const closed = opened.close();
  answer.resolve({ tls: Buffer.from('renewed') });
  await closed;
  t.deepEqual(await readdir(directory), []);
});

test('what is to run beside a container waits until that has files of its own, or has ended', async (t) => {
  const { isolation, clock } = await scene(t, () => Promise.resolve({}));
  const opened = await isolation.open(ref, pod, allotment);
  const outside = spawn('sleep', ['60']);
  const seen = { isSettled: false };
  const beside = opened.beside(outside.pid ?? 0, { name: 'c' }, { argv: ['true'], cwd: '/' }, new AbortController().signal).finally(() => {
    seen.isSettled = true;
  });
  await clock.advance(seconds(1));
  t.false(seen.isSettled, 'its files are the machine’s');
  const over = new AbortController();
  over.abort();
  await t.throwsAsync(opened.beside(outside.pid ?? 0, { name: 'c' }, { argv: ['true'], cwd: '/' }, over.signal));
  outside.kill('SIGKILL');
  while (!seen.isSettled) {
    await clock.advance(millis(5));
    await systemClock.sleep(millis(5), new AbortController().signal);
  }
  t.true((await beside).argv.includes(String(outside.pid)));
});
