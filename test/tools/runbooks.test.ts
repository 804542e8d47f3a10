import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { startKubectlScene, untilAnswer, type KubectlScene } from '../support/kubectl-scene.ts';
import { kubectlBinary } from '../support/real-kubectl.ts';
import { filledIn, isCommand, runbooks } from '../support/runbooks.ts';

/** Every command of docs/runbooks as it stands there, with the real kubectl and our own command line; what would change something only as a dry run. */

const root = join(import.meta.dirname, '..', '..');
const ours = `namespace: rouse-system, labels: {app.kubernetes.io/name: rouse, app.kubernetes.io/component: `;
/** `rouse local` is one process: of an installation there is what runbooks look at. */
const installation = ['controller', 'gateway']
  .map(
    (part) => `apiVersion: apps/v1
kind: Deployment
metadata: {name: rouse-${part}, ${ours}${part}}}
spec:
  selector: {matchLabels: {app.kubernetes.io/component: ${part}}}
  template:
    metadata: {labels: {app.kubernetes.io/name: rouse, app.kubernetes.io/component: ${part}}}
    spec: {containers: [{name: ${part}, image: node, command: [node, -e, "console.log('a line'); setInterval(() => {}, 1000)"]}]}
`,
  )
  .join('---\n');

const pages = await runbooks();

let scene: KubectlScene;
let env: NodeJS.ProcessEnv;
let pod = '';
let ownPod = '';
test.before(async (t) => {
  t.timeout(240_000);
  scene = await startKubectlScene();
  await scene.kubectl(['apply', '-f', await scene.file('installation.yaml', installation)]);
  await untilAnswer(
    scene.kubectl,
    ['-n', 'rouse-system', 'get', 'pods', '-o', 'jsonpath={.items[*].status.containerStatuses[0].ready}'],
    (ready) => ready === 'true true',
  );
  // Ready as soon as they run: what they say comes a moment later.
  await untilAnswer(
    scene.kubectl,
    ['-n', 'rouse-system', 'logs', '-l', 'app.kubernetes.io/name=rouse', '--tail=-1'],
    (text) => text.split('a line').length === 3,
  );
  await scene.kubectl(['annotate', 'deployment', 'hello', 'rouse.dev/min-scale=1']);
  await scene.kubectl([
    'apply',
    '-f',
    await scene.file('config.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: rouse-config, namespace: rouse-system}\ndata: {windw: 6s}\n'),
  ]);
  await untilAnswer(scene.kubectl, ['-n', 'rouse-system', 'get', 'events', '-o', 'jsonpath={.items[*].reason}'], (reasons) =>
    reasons.includes('ConfigInvalid'),
  );
  await fetch(scene.appUrl);
  pod = await scene.kubectl(['get', 'pods', '-l', 'app=hello', '-o', 'jsonpath={.items[0].metadata.name}']);
  ownPod = await scene.kubectl(['-n', 'rouse-system', 'get', 'pods', '-o', 'jsonpath={.items[0].metadata.name}']);
  const kubeconfig = /export KUBECONFIG=(\S+)/.exec(scene.rouse.lines.join('\n'))?.[1];
  env = {
    ...process.env,
    KUBECONFIG: kubeconfig,
    NO_COLOR: '1',
    PATH: `${dirname(await kubectlBinary())}:${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
  };
});
test.after.always(() => scene.close());

const changes = /^kubectl (-n \S+ )?(delete|rollout undo) /;
/** What there need not be any of: a pod that never restarted has no log of before, a template that never changed nothing to go back to. */
const nothingToSay: readonly (readonly [RegExp, RegExp])[] = [
  [/--previous$/, /previous terminated container/],
  [/rollout undo/, /no rollout history found|no last revision to roll back to/],
  // The embedded API has no quotas.
  [/describe quota$/, /the server doesn't have a resource type "quota"/],
];

/** Runs it to its end; again, a few times, where the controller says that it has answered much lately, as one on a slow machine soon has. */
const ran = async (shell: string, tries = 5): Promise<{ readonly code: number | null; readonly said: string }> => {
  const child = spawn('bash', ['-euo', 'pipefail', '-c', shell], { cwd: root, env, timeout: 60_000 });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  const [, wait] = /^rouse: this controller has answered much lately: ask again in (\d+) s$/m.exec(said) ?? [];
  if (wait === undefined || tries === 1) return { code, said };
  await sleep(Number(wait) * 1000);
  return ran(shell, tries - 1);
};

for (const { alert, spans } of pages) {
  const commands = [...new Set(spans.filter((span) => isCommand(span) && span.includes(' ')))];
  // One after the other: all at once, each would take as long as two dozen programs do.
  if (commands.length > 0)
    test.serial(`the commands of ${alert} run`, async (t) => {
      for (const command of commands) {
        const text = filledIn(command, { namespace: 'default', name: 'hello', pod: command.includes('rouse-system') ? ownPod : pod });
        const shell = `rouse() { node ${join(root, 'src', 'cli', 'main.ts')} "$@"; }; ${text}${changes.test(text) ? ' --dry-run=server' : ''}`;
        const { code, said } = await ran(shell);
        t.log(`${text}: ${String(code)} ${said.slice(0, 200)}`);
        const [, excused] = nothingToSay.find(([of]) => of.test(command)) ?? [];
        t.true((code === 0 && said.trim() !== '') || excused?.test(said) === true, `${text}: ${String(code)}\n${said}`);
        if (excused === undefined) t.notRegex(said, /No resources found|[Ee]rror/, text);
      }
    });
}
