import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join, matchesGlob } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import test from 'ava';
import { buildStages, stagesOf } from '../support/dockerfile.ts';

const root = join(import.meta.dirname, '..', '..');
const run = promisify(execFile);
const stages = stagesOf(await readFile(join(root, 'Dockerfile'), 'utf8'));

test('the image is what a cluster of the restricted Pod Security Standard lets run: no shell, no root, the Node that package.json asks for', async (t) => {
  const { engines } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { engines: { node: string } };
  const major = /\d+/.exec(engines.node)?.[0] ?? '';
  for (const { image } of stages) t.regex(image, new RegExp(`(^node:${major}-|/nodejs${major}-)`));
  const last = stages.at(-1);
  t.regex(last?.image ?? '', /distroless.*:nonroot$/);
  t.false(
    last?.instructions.some(({ name }) => name === 'RUN'),
    'there is nothing that could run it',
  );
  const user = last?.instructions.findLast(({ name }) => name === 'USER')?.argument ?? '';
  t.regex(user, /^[1-9]\d*:[1-9]\d*$/, 'as numbers: runAsNonRoot cannot judge a name');
  const manifests = await Promise.all(['controller', 'gateway'].map((name) => readFile(join(root, 'deploy', 'base', `${name}.yaml`), 'utf8')));
  for (const manifest of manifests) t.regex(manifest, new RegExp(`runAsUser: ${user.split(':')[0] ?? ''}\\n +runAsGroup: ${user.split(':')[1] ?? ''}\\n`));
});

test('the steps of the Dockerfile, carried out in empty folders, give a rouse that starts as nobody with nothing to write to', async (t) => {
  t.timeout(600_000);
  const directory = await mkdtemp(join(tmpdir(), 'rouse-image-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o755);
  const context = join(directory, 'context');
  const sent = await sentToDocker();
  t.true(sent.length > 100);
  for (const file of sent) await cp(join(root, file), join(context, file));
  const path = `${dirname(process.execPath)}:${process.env.PATH ?? ''}`;
  const environment = { PATH: path, HOME: process.env.HOME ?? '/', npm_config_prefer_offline: 'true' };
  const image = (await buildStages(stages, { context, into: directory, environment })).at(-1);
  if (image === undefined) return t.fail('there is no last stage');

  t.deepEqual((await readdir(image.root)).sort(), ['app']);
  const modules = await readdir(join(image.root, 'app', 'node_modules'));
  t.true(modules.includes('ws') && modules.includes('@kubernetes'));
  for (const tool of ['typescript', 'ava', 'eslint', 'prettier', '.cache']) t.false(modules.includes(tool), tool);
  const files = await readdir(join(image.root, 'app', 'dist'), { recursive: true });
  t.deepEqual(
    files.filter((file) => /\.test\.|\.ts$/.test(file)),
    [],
  );

  for (const file of ['index.html', 'main.js', 'page.css']) t.true(files.includes(join('api', 'page', file)), `the live page: ${file}`);
  t.true(modules.includes('uplot'));

  const [node = '', main = ''] = image.entrypoint;
  t.is(node, '/nodejs/bin/node', 'where the base image has it');
  const [uid = 0, gid = 0] = (image.user ?? '').split(':').map(Number);
  const start = (args: readonly string[]): ReturnType<typeof spawn> =>
    spawn(process.execPath, [join(image.root, main), ...args], { cwd: join(image.root, image.workDirectory), env: image.environment, uid, gid });

  const controller = start(['controller', '--kubeconfig', '/nowhere']);
  let said = '';
  controller.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  t.deepEqual(await once(controller, 'close'), [2, null], said);
  t.regex(said, /^rouse: .*\/nowhere/);

  const routes = join(directory, 'routes.yaml');
  await writeFile(routes, 'workloads: []', { mode: 0o644 });
  const gateway = start(['gateway', '--routes', routes, '--metrics-port', '0', '--listen', '127.0.0.1']);
  t.teardown(() => gateway.kill('SIGKILL'));
  const [line] = (await once(createInterface({ input: gateway.stdout ?? process.stdin }), 'line')) as [string];
  const [, metrics = ''] = /metrics=(\S+)/.exec(line) ?? [];
  t.is((await fetch(metrics.replace('/metrics', '/readyz'))).status, 200);
  gateway.kill('SIGTERM');
  t.deepEqual(await once(gateway, 'exit'), [0, null]);
});

/** The files that .dockerignore lets through: `*` shuts everything out, a later `!NAME` opens a file or a folder, a later pattern shuts again. */
const sentToDocker = async (): Promise<readonly string[]> => {
  const rules = (await readFile(join(root, '.dockerignore'), 'utf8')).split('\n').filter((rule) => rule !== '' && !rule.startsWith('#'));
  const { stdout } = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, maxBuffer: 1 << 24 });
  return stdout.split('\0').filter((file) => {
    const last = rules.findLast((rule) => [rule.replace(/^!/, ''), `${rule.replace(/^!/, '')}/**`].some((pattern) => matchesGlob(file, pattern)));
    return file !== '' && last?.startsWith('!') === true;
  });
};
