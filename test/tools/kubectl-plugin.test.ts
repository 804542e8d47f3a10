import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import test from 'ava';
import { startKubectlScene } from '../support/kubectl-scene.ts';
import { until } from '../support/until.ts';

const main = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');

test('kubectl rouse: status, explain, doctor and disable by the real kubectl, with its own kubeconfig', async (t) => {
  t.timeout(240_000);
  const scene = await startKubectlScene();
  t.teardown(() => scene.close());
  const plugins = await mkdtemp(join(tmpdir(), 'rouse-plugin-'));
  t.teardown(() => rm(plugins, { recursive: true }));
  // As npm links it from the package's `bin`.
  for (const name of ['kubectl-rouse', 'kubectl_complete-rouse']) await symlink(main, join(plugins, name));
  const env = { PATH: [plugins, dirname(process.execPath), process.env.PATH ?? ''].join(delimiter) };
  const { kubectl } = scene;
  t.regex(await kubectl(['plugin', 'list'], { env }), /kubectl-rouse$/m);
  t.regex(await kubectl(['rouse', 'status', '--help'], { env }), /^Usage: kubectl rouse status /);
  t.is(await kubectl(['rouse', 'status', '-o', 'name'], { env }), 'deployments.apps/hello\n');
  const [workload] = (await kubectl(['rouse', 'status', '-o', 'name'], { env })).split('\n');
  t.regex(await kubectl(['get', workload ?? '', '-o', 'name']), /^deployment\.apps\/hello$/m, 'its names are those of kubectl');
  // What kubectl's scripts for the shells ask at each Tab.
  const offered = (...words: readonly string[]): Promise<string> => kubectl(['__complete', 'rouse', ...words], { env });
  t.regex(await offered(''), /^status\tWhat each workload has and wants[^]*^:4$/m);
  t.regex(await offered('explain', 'h'), /^hello\n:4\n/);
  t.regex(await offered('status', '-n', 'kube-system', ''), /^:4\n/);
  t.regex(await offered('top', '--by', 'h'), /^held\n:4\n/);
  t.regex(
    await until('it is explained', () => kubectl(['rouse', 'explain', 'hello'], { env }).catch(() => undefined)),
    /^default\/hello \(deployments\.apps\)/,
  );
  const unknown = await kubectl.try(['rouse', 'status', 'helo'], { env });
  t.is(unknown.code, 1);
  t.regex(unknown.stderr, /did you mean default\/hello\?/);
  const doctor = await kubectl.try(['rouse', 'doctor'], { env });
  t.is(doctor.code, 0, doctor.stdout + doctor.stderr);
  t.regex(doctor.stdout, /^ok +webhooks-answer +refused, in namespace default$/m);
  const asked = await kubectl.try(['rouse', 'disable', 'hello'], { env });
  t.is(asked.code, 2);
  t.regex(asked.stdout, /^- +rouse\.dev\/enabled: "true"$/m);
  t.regex(await kubectl(['rouse', 'disable', 'hello', '--yes'], { env }), /deployment default\/hello disabled/);
  t.is(await kubectl(['get', 'deployment', 'hello', '-o', "jsonpath={.metadata.annotations['rouse\\.dev/enabled']}"]), '');
});
