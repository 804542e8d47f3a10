import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';
import { deployment, service } from '../support/app.ts';
import { codeBlocks } from '../support/document.ts';
import { kubectlBinary } from '../support/real-kubectl.ts';
import { until } from '../support/until.ts';
import { clusterOf } from './harness/cluster.ts';

const root = join(import.meta.dirname, '..', '..');

interface Shell {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  readonly output: () => string;
}

test('docs/development.md, command by command: Rouse runs from a shell, an app sleeps and is woken, and everything is put back', async (t) => {
  const cluster = await clusterOf(t);
  const namespace = await cluster.namespace(t);
  const kubeconfig = await cluster.kubeconfig('admin');
  for (const [path, object] of [
    [`/apis/apps/v1/namespaces/${namespace}/deployments`, deployment('hello', { namespace, annotations: {}, replicas: 1 })],
    [`/api/v1/namespaces/${namespace}/services`, service('hello', namespace)],
  ] as const)
    t.is((await cluster.api('POST', path, object)).status, 201);
  const shells: Shell[] = [];
  t.teardown(async () => {
    for (const { child, ended } of shells) {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGKILL');
      await ended;
    }
    await cluster.kubectl(['delete', 'mutatingwebhookconfiguration,validatingwebhookconfiguration', 'rouse', '--ignore-not-found']);
  });
  /** Its own process group, as npx leaves its children behind. */
  const shell = (text: string): Shell => {
    const env = {
      ...process.env,
      ADDRESS: '10.77.210.1',
      KUBECONFIG: kubeconfig,
      PATH: `${join(root, 'node_modules', '.bin')}:${dirname(process.execPath)}:${process.env.PATH ?? ''}`,
      npm_config_update_notifier: 'false',
    };
    const child = spawn('bash', ['-euo', 'pipefail', '-c', text], { cwd: root, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (output = (output + chunk).slice(-16_384)));
    const made = { child, ended: once(child, 'close').then(([code]) => code as number | null), output: () => output };
    shells.push(made);
    return made;
  };
  const kubectl = `kubectl() { ${await kubectlBinary()} "$@"; }\n`;
  await cluster.kubectl(['--kubeconfig', kubeconfig, 'config', 'set-context', '--current', '--namespace', namespace]);
  t.teardown(() => cluster.kubectl(['--kubeconfig', kubeconfig, 'config', 'set-context', '--current', '--namespace', 'default']));
  const page = await readFile(join(root, 'docs', 'development.md'), 'utf8');
  const said: string[] = [];
  for (const { language, name, text } of codeBlocks(page)) {
    t.is(language, 'sh');
    if (text.includes('export ADDRESS=')) continue;
    const started = shell(`${kubectl}${text}`);
    if (name !== '') {
      await until(`${name} is ready`, () => started.output().includes('ready: ') || started.child.exitCode !== null, 60_000, started.output);
      t.is(started.child.exitCode, null, `${text}\n${started.output()}`);
      continue;
    }
    t.is(
      await started.ended,
      0,
      `${text}\n${started.output()}\n${shells
        .slice(0, -1)
        .map(({ output }) => output())
        .join('\n')}`,
    );
    said.push(started.output());
  }
  t.true(
    said.some((output) => /"pod":"hello-/.test(output)),
    said.join('\n'),
  );
  t.regex(said.at(-1) ?? '', /Rouse is uninstalled/);
  for (const { child, ended } of shells.filter(({ child: { exitCode } }) => exitCode === null)) {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
    await ended;
  }
  const { status } = await cluster.api('GET', '/api/v1/namespaces/rouse-system');
  t.is(status, 404);
});
