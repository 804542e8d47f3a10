import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { containerScript, type ContainerScript } from './container-script.ts';

const run = promisify(execFile);

/** Stand for util-linux, so that no rights are needed: a bound directory is a link, and the root stays the machine's. */
const stubs: Readonly<Record<string, string>> = {
  mount: 'if [ "$1" = --rbind ]; then mkdir -p "${3%/*}"; ln -s "$2" "$3"; fi',
  chroot: 'shift; exec "$@"',
};

const own = '/usr/local/bin:/usr/bin:/bin';

const scene = async (t: ExecutionContext) => {
  const home = await mkdtemp(join(tmpdir(), 'rouse-script-'));
  t.teardown(() => rm(home, { recursive: true }));
  for (const directory of ['layer', 'bin']) await mkdir(join(home, directory));
  for (const [name, body] of Object.entries(stubs)) await writeFile(join(home, 'bin', name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  const problemFile = join(home, 'problem');
  const start = async (command: readonly string[], more: Partial<ContainerScript> = {}, env: Readonly<Record<string, string>> = { PATH: own }) => {
    const script = containerScript({
      path: `${join(home, 'bin')}:${own}`,
      problemFile,
      layer: join(home, 'layer'),
      machineMounts: [],
      mounts: [],
      files: {},
      isRootReadOnly: false,
      privileges: [],
      cwd: '/',
      ...more,
    });
    const outcome = await run('/bin/sh', ['-c', script, 'container', ...command], { env }).then(
      ({ stdout }) => ({ code: 0, stdout }),
      (failure: unknown) => failure as { readonly code: number; readonly stdout: string },
    );
    return { code: outcome.code, stdout: outcome.stdout, problem: (await readFile(problemFile, 'utf8')).trim() };
  };
  return { home, start };
};

const problems = test.macro<[command: readonly string[], more: Partial<ContainerScript>, problem: string]>(async (t, command, more, problem) => {
  const { start } = await scene(t);
  const outcome = await start(command, more);
  t.is(outcome.problem, problem);
  t.not(outcome.code, 0);
});
test('a command that is nowhere in PATH was never run', problems, ['no-such-program'], {}, 'ENOENT');
test('a file that does not exist was never run', problems, ['/no/such/file'], {}, 'ENOENT');
test('a file that may not be run was not', problems, ['/etc/passwd'], {}, 'EACCES');
test('a directory was not run', problems, ['/etc/'], {}, 'EACCES');
test('without its working directory a command is not run', problems, ['true'], { cwd: '/no/such/dir' }, 'ENOCWD');
test('where the files cannot be put together nothing is run', problems, ['true'], { files: { '/etc/hosts': '/no/such/file' } }, 'EISOLATION');

test('a command runs in its directory; its exit code, whatever it is, is no problem of starting', async (t) => {
  const { start } = await scene(t);
  t.deepEqual(await start(['sh', '-c', 'pwd; exit 127'], { cwd: '/usr' }), { code: 127, stdout: '/usr\n', problem: '' });
});

test('the PATH of a container is for its command, and not for what isolates it', async (t) => {
  const { home, start } = await scene(t);
  await mkdir(join(home, 'theirs'));
  for (const name of ['mount', 'mkdir', 'chroot']) await writeFile(join(home, 'theirs', name), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  await writeFile(join(home, 'theirs', 'program'), '#!/bin/sh\necho "$PATH"\n', { mode: 0o755 });
  const path = join(home, 'theirs');
  t.deepEqual(await start(['program'], {}, { PATH: path }), { code: 0, stdout: `${path}\n`, problem: '' });
});

test('a file over which another is bound keeps what it holds, also where it is one of the machine', async (t) => {
  const { home, start } = await scene(t);
  const machine = join(home, 'machine');
  await mkdir(machine);
  await writeFile(join(machine, 'kept'), 'precious');
  const mounts = ['kept', 'new'].map((name) => ({ source: '/etc/hostname', target: join(machine, name), isReadOnly: true, isFile: true }));
  t.is((await start(['true'], { machineMounts: [machine], mounts })).code, 0);
  t.is(await readFile(join(machine, 'kept'), 'utf8'), 'precious');
  t.is(await readFile(join(machine, 'new'), 'utf8'), '');
});
