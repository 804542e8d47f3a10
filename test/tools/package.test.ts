import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { startRouse } from '../support/rouse-process.ts';
import { until } from '../support/until.ts';

const root = join(import.meta.dirname, '..', '..');
const run = promisify(execFile);

test('the packed package installs into an empty folder and runs, compiled', async (t) => {
  t.timeout(240_000);
  const directory = await mkdtemp(join(tmpdir(), 'rouse-package-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));

  // A copy: packing rewrites `bin` in package.json and puts it back, which nobody else should see.
  const copy = join(directory, 'copy');
  const { stdout: files } = await run('git', ['ls-files', '-z'], { cwd: root, maxBuffer: 1 << 24 });
  for (const file of files.split('\0').filter((name) => name !== '')) await cp(join(root, file), join(copy, file));
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
  const before = await readFile(join(copy, 'package.json'), 'utf8');
  await run('npm', ['pack', '--pack-destination', directory], { cwd: copy });
  t.is(await readFile(join(copy, 'package.json'), 'utf8'), before, 'packing leaves package.json as it was');

  const { version } = JSON.parse(before) as { version: string };
  const user = join(directory, 'user');
  await run('npm', ['install', '--prefix', user, '--no-audit', '--no-fund', join(directory, `rouse-${version}.tgz`)]);
  const main = join(user, 'node_modules', 'rouse', 'dist', 'cli', 'main.js');
  const bin = join(user, 'node_modules', '.bin', 'rouse');
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}` };
  t.regex((await run(bin, ['--help'], { env })).stdout, /zero to N/);
  t.is((await run(bin, ['--version'], { env })).stdout, `${version}\n`);
  t.regex((await run(join(dirname(bin), 'kubectl-rouse'), ['status', '--help'], { env })).stdout, /^Usage: kubectl rouse status /);
  t.is((await run(join(dirname(bin), 'kubectl_complete-rouse'), ['top', '--by', 'h'], { env })).stdout, 'held\n:4\n');
  t.regex((await run(bin, ['replay', join(root, 'test', 'data', 'kpa-golden.jsonl.gz')], { env })).stdout, / 0 mismatches\n$/);

  const local = startRouse(
    ['local', '-f', join(user, 'node_modules', 'rouse', 'deploy', 'examples', 'hello.yaml'), '--api-port', '0', '--gateway-port', '0', '--metrics-port', '0'],
    {},
    main,
  );
  t.teardown(() => local.stop());
  const [, app, metrics = ''] = await local.line(/^ready: app=(\S+) .*metrics=(\S+)/);
  for (const file of ['', 'main.js', 'page.css', 'chart/uPlot.esm.js'])
    t.is((await fetch(new URL(`/ui/${file}`, metrics))).status, 200, `the live page: ${file}`);
  const answer = await fetch(app ?? '');
  t.is(answer.status, 200);
  const [, pod] = /^Hello from (hello-\S+)/.exec(await answer.text()) ?? [];
  t.is((await processesOf(pod ?? '')).length, 1);
  t.is(await local.stop('SIGKILL'), null);
  await until('the guard, compiled too, has ended what a killed rouse left', async () => (await processesOf(pod ?? '')).length === 0);
});

/** Processes that run for a pod, by the host name in their environment. */
const processesOf = async (pod: string): Promise<readonly string[]> => {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const environment = await readFile(join('/proc', pid, 'environ'), 'latin1').catch(() => '');
    if (environment.split('\0').includes(`HOSTNAME=${pod}`)) found.push(pid);
  }
  return found;
};
