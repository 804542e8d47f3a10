import test from 'ava';
import { rowsOf, startKubectlScene, tells, untilAnswer, type KubectlScene } from '../support/kubectl-scene.ts';
import { until } from '../support/until.ts';

/** The real kubectl 1.36 in everyday use; what Rouse adds to it is in kubectl-rouse.test.ts. */

let scene: KubectlScene;
test.before(async (t) => {
  t.timeout(240_000);
  scene = await startKubectlScene();
});
test.after.always(() => scene.close());

const plain = { annotations: {}, replicas: 1 };
const pod = (name: string): Promise<string> => scene.kubectl(['get', 'pods', '-l', `app=${name}`, '-o', 'jsonpath={.items[0].metadata.name}']);
const rolledOut = (name: string): Promise<string> => scene.kubectl(['rollout', 'status', `deployment/${name}`, '--timeout=25s']);

test.serial('version and cluster-info know the server', async (t) => {
  t.regex(await scene.kubectl(['version']), /^Server Version: v1\.36\./m);
  t.regex(await scene.kubectl(['cluster-info']), /control plane.* is running at .*https:\/\/127\.0\.0\.1:\d+/);
});

test.serial('api-resources, short names and categories are known', async (t) => {
  t.regex(await scene.kubectl(['api-resources']), /^deployments +deploy +apps\/v1 +true +Deployment$/m);
  t.is(await scene.kubectl(['get', 'deploy/hello', '-o', 'name']), 'deployment.apps/hello\n');
  tells(t, await scene.kubectl(['get', 'all']), [/^service\/hello /m, /^deployment\.apps\/hello /m, /^replicaset\.apps\/hello-/m]);
});

test.serial('apply creates, tells what is unchanged, and configures what changed', async (t) => {
  const manifest = await scene.manifest('applied', plain);
  tells(t, await scene.kubectl(['apply', '-f', manifest]), [/^deployment\.apps\/applied created$/m, /^service\/applied created$/m]);
  t.regex(await rolledOut('applied'), /deployment "applied" successfully rolled out/);
  tells(t, await scene.kubectl(['apply', '-f', manifest]), [/^deployment\.apps\/applied unchanged$/m, /^service\/applied unchanged$/m]);
  const difference = await scene.kubectl.try(['diff', '-f', await scene.manifest('applied', { ...plain, env: { VERSION: '2' } })]);
  t.is(difference.code, 1, difference.stderr);
  t.regex(difference.stdout, /^\+ +- name: VERSION$/m);
  t.regex(
    await scene.kubectl(['apply', '-f', await scene.manifest('applied', { ...plain, env: { VERSION: '2' } })]),
    /^deployment\.apps\/applied configured$/m,
  );
  await rolledOut('applied');
  t.is(await scene.kubectl(['get', 'deploy', 'applied', '-o', 'jsonpath={.spec.template.spec.containers[0].env[0].value}']), '2');
});

test.serial('get prints tables, wide ones, YAML, JSON and paths', async (t) => {
  // The pod of the version before ends at leisure after the rollout.
  await untilAnswer(scene.kubectl, ['get', 'pods', '-l', 'app=applied', '-o', 'name'], (names) => names.trim().split('\n').length === 1);
  const name = await pod('applied');
  const [row] = rowsOf(await scene.kubectl(['get', 'pods', '-l', 'app=applied']));
  t.deepEqual(row?.slice(0, 3), [name, '1/1', 'Running']);
  const wide = await scene.kubectl(['get', 'pods', '-l', 'app=applied', '-o', 'wide']);
  tells(t, wide, [/^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES$/m, / 127\.0\.0\.1 +local /]);
  tells(t, await scene.kubectl(['get', 'deploy', 'applied', '-o', 'yaml']), [/^apiVersion: apps\/v1$/m, /^kind: Deployment$/m, /^ {2}readyReplicas: 1$/m]);
  const list = JSON.parse(await scene.kubectl(['get', 'pods', '-A', '-o', 'json'])) as { kind: string; items: unknown[] };
  t.is(list.kind, 'List');
  t.true(list.items.length > 0);
  t.is(await scene.kubectl(['get', 'deploy', 'applied', '-o', 'jsonpath={.status.readyReplicas}/{.spec.replicas}']), '1/1');
  t.regex(
    await scene.kubectl(['get', 'deploy', '-o', 'custom-columns=N:.metadata.name,R:.spec.replicas', '--sort-by=.metadata.name']),
    /^applied +1\nhello +0$/m,
  );
  const missing = await scene.kubectl.try(['get', 'deploy', 'nobody']);
  t.deepEqual([missing.code, missing.stderr], [1, 'Error from server (NotFound): deployments.apps "nobody" not found\n']);
});

test.serial('get -w shows a pod come and go', async (t) => {
  const watch = scene.kubectl.follow(['get', 'pods', '-l', 'app=applied', '-w', '--output-watch-events']);
  t.teardown(() => watch.stop());
  const old = await pod('applied');
  await until('the first row', () => watch.lines.some((line) => /^ADDED .*Running/.test(line)));
  t.is(await scene.kubectl(['delete', 'pod', old]), `pod "${old}" deleted from default namespace\n`);
  await until(
    'the old one has gone',
    () => watch.lines.some((line) => line.startsWith(`DELETED`) && line.includes(old)),
    20_000,
    () => watch.lines,
  );
  await until(
    'another runs',
    () => watch.lines.some((line) => /^MODIFIED .* 1\/1 +Running/.test(line) && !line.includes(old)),
    20_000,
    () => watch.lines,
  );
  t.pass();
});

test.serial('create -f creates once; a taken name is told', async (t) => {
  const manifest = await scene.file('settings.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: "1"}\n');
  t.is(await scene.kubectl(['create', '-f', manifest]), 'configmap/settings created\n');
  const again = await scene.kubectl.try(['create', '-f', manifest]);
  t.deepEqual([again.code, again.stderr], [1, `Error from server (AlreadyExists): error when creating "${manifest}": configmaps "settings" already exists\n`]);
  const unknown = await scene.kubectl.try(['create', '-f', '-'], { stdin: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndatta: {a: "1"}\n' });
  t.is(unknown.code, 1);
  t.regex(unknown.stderr, /BadRequest.*unknown field "datta"/);
});

for (const [what, args] of Object.entries({
  deployment: ['deployment', 'made', '--image=example.com/made:1'],
  namespace: ['namespace', 'made'],
  configmap: ['configmap', 'made', '--from-literal=a=1'],
  secret: ['secret', 'generic', 'made', '--from-literal=a=1'],
}))
  test.serial(`create ${what}, which sends protobuf, is told what to do instead, and that works`, async (t) => {
    const refused = await scene.kubectl.try(['create', ...args]);
    t.is(refused.code, 1);
    t.regex(
      refused.stderr,
      /^error: failed to create .*protobuf.*--dry-run=client -o yaml \| kubectl apply -f -|^Error from server \(UnsupportedMediaType\): .*--dry-run=client -o yaml \| kubectl apply -f -/,
    );
    const manifest = await scene.kubectl(['create', ...args, '--dry-run=client', '-o', 'yaml']);
    t.regex(await scene.kubectl(['apply', '-f', '-'], { stdin: manifest }), /made created\n$/);
    t.regex(await scene.kubectl(['delete', what, 'made']), /"made" deleted/);
  });

test.serial('label, annotate, patch and set change one thing', async (t) => {
  const { kubectl } = scene;
  t.is(await kubectl(['label', 'deploy', 'applied', 'tier=front']), 'deployment.apps/applied labeled\n');
  t.regex(await kubectl(['get', 'deploy', '-l', 'tier=front', '-o', 'name']), /^deployment\.apps\/applied\n$/);
  t.is(await kubectl(['label', 'deploy', 'applied', 'tier-']), 'deployment.apps/applied unlabeled\n');
  t.is(await kubectl(['annotate', 'deploy', 'applied', 'note=x']), 'deployment.apps/applied annotated\n');
  t.is(
    await kubectl(['patch', 'deploy', 'applied', '--type=json', '-p', '[{"op":"remove","path":"/metadata/annotations/note"}]']),
    'deployment.apps/applied patched\n',
  );
  t.is(
    await kubectl(['patch', 'deploy', 'applied', '--type=merge', '-p', '{"spec":{"revisionHistoryLimit":10}}']),
    'deployment.apps/applied patched (no change)\n',
  );
  t.is(
    await kubectl(['patch', 'deploy', 'applied', '-p', '{"spec":{"template":{"spec":{"containers":[{"name":"app","env":[{"name":"A","value":"b"}]}]}}}}']),
    'deployment.apps/applied patched\n',
  );
  t.is(await kubectl(['set', 'env', 'deploy/applied', 'A-']), 'deployment.apps/applied env updated\n');
  t.is(
    await kubectl([
      'get',
      'deploy',
      'applied',
      '-o',
      'jsonpath={.spec.template.spec.containers[0].env[*].name} {.metadata.annotations.note} {.metadata.labels}',
    ]),
    'VERSION  ',
  );
  const refused = await kubectl.try(['patch', 'deploy', 'applied', '-p', '{"spec":{"replicas":-1}}']);
  t.is(refused.code, 1);
  t.regex(refused.stderr, /The Deployment "applied" is invalid: spec\.replicas/);
});

test.serial('edit opens what is live and sends what was changed', async (t) => {
  const editor = await scene.file('editor.sh', '#!/bin/sh\nsed -i "s/^  progressDeadlineSeconds: 600$/  progressDeadlineSeconds: 120/" "$1"\n');
  const env = { EDITOR: `sh ${editor}` };
  t.is(await scene.kubectl(['edit', 'deploy', 'applied'], { env }), 'deployment.apps/applied edited\n');
  t.is(await scene.kubectl(['get', 'deploy', 'applied', '-o', 'jsonpath={.spec.progressDeadlineSeconds}']), '120');
  t.regex((await scene.kubectl.try(['edit', 'deploy', 'applied'], { env })).stderr, /no changes made/);
});

test.serial('rollout restart, history, undo, pause and resume', async (t) => {
  const { kubectl } = scene;
  await rolledOut('applied');
  const before = await pod('applied');
  t.is(await kubectl(['rollout', 'restart', 'deploy/applied']), 'deployment.apps/applied restarted\n');
  await rolledOut('applied');
  await untilAnswer(kubectl, ['get', 'pods', '-l', 'app=applied', '-o', 'name'], (names) => !names.includes(before) && names.split('\n').length === 2);
  const image = (): Promise<string> => kubectl(['get', 'deploy', 'applied', '-o', 'jsonpath={.spec.template.spec.containers[0].image}']);
  t.is(await kubectl(['set', 'image', 'deploy/applied', 'app=example.com/app:2']), 'deployment.apps/applied image updated\n');
  await rolledOut('applied');
  t.is(await image(), 'example.com/app:2');
  t.regex(await kubectl(['rollout', 'history', 'deploy/applied']), /^REVISION +CHANGE-CAUSE\n1 /m);
  t.is(await kubectl(['rollout', 'undo', 'deploy/applied']), 'deployment.apps/applied rolled back\n');
  t.is(await image(), 'example.com/app:1');
  await rolledOut('applied');
  t.is(await kubectl(['rollout', 'pause', 'deploy/applied']), 'deployment.apps/applied paused\n');
  t.is(await kubectl(['rollout', 'resume', 'deploy/applied']), 'deployment.apps/applied resumed\n');
});

test.serial('scale, with and without a precondition', async (t) => {
  const { kubectl } = scene;
  t.is(await kubectl(['scale', 'deploy/applied', '--replicas=2']), 'deployment.apps/applied scaled\n');
  const refused = await kubectl.try(['scale', 'deploy/applied', '--replicas=3', '--current-replicas=7']);
  t.is(refused.code, 1);
  t.regex(refused.stderr, /Expected replicas to be 7, was 2/);
  t.is(await kubectl(['wait', 'deploy/applied', '--for=jsonpath={.status.readyReplicas}=2', '--timeout=25s']), 'deployment.apps/applied condition met\n');
  t.is(await kubectl(['scale', 'deploy/applied', '--replicas=1', '--current-replicas=2']), 'deployment.apps/applied scaled\n');
});

test.serial('wait sees conditions, and says when they do not come', async (t) => {
  t.is(await scene.kubectl(['wait', 'deploy/applied', '--for=condition=Available', '--timeout=25s']), 'deployment.apps/applied condition met\n');
  const late = await scene.kubectl.try(['wait', 'deploy/hello', '--for=jsonpath={.status.readyReplicas}=1', '--timeout=1s']);
  t.is(late.code, 1);
  t.regex(late.stderr, /timed out waiting for the condition on deployments\/hello/);
});

test.serial('logs: of a Deployment, following, and of what ran before a crash', async (t) => {
  const { kubectl } = scene;
  const command = [process.execPath, '-e', 'let n = 0; console.log("first"); setInterval(() => console.log(`line ${++n}`), 200)'];
  await kubectl(['apply', '-f', await scene.manifest('talking', { ...plain, command, readinessProbe: { exec: { command: ['true'] } } })]);
  await rolledOut('talking');
  await untilAnswer(kubectl, ['logs', 'deploy/talking'], (text) => text.startsWith('first\nline 1\n'));
  t.regex(await kubectl(['logs', 'deploy/talking', '--tail=1', '--timestamps']), /^\d{4}-\d\d-\d\dT[\d:.]+Z line \d+\n$/);
  const follow = kubectl.follow(['logs', '-f', 'deploy/talking', '--tail=1']);
  t.teardown(() => follow.stop());
  await until('three more lines', () => follow.lines.length >= 4);
  const [first, second] = follow.lines.map((line) => Number(line.split(' ')[1]));
  t.is(second, (first ?? 0) + 1, 'in order, none left out');

  await kubectl(['apply', '-f', await scene.manifest('crashing', { ...plain, env: { CRASH: '1' } })]);
  await untilAnswer(kubectl, ['get', 'pods', '-l', 'app=crashing'], (table) => / (CrashLoopBackOff|Error) +[1-9]/.test(table));
  t.is(await kubectl(['logs', await pod('crashing'), '--previous']), 'crashing as asked\n');
  const none = await kubectl.try(['logs', await pod('talking'), '--previous']);
  t.is(none.code, 1);
  t.regex(none.stderr, /BadRequest.*previous terminated container "app" in pod "talking-.*" not found/);
});

test.serial('describe tells a pod that crashes from its events and state', async (t) => {
  // An Event is written when nothing else is under way.
  const text = await untilAnswer(scene.kubectl, ['describe', 'pod', '-l', 'app=crashing'], (said) => said.includes('Back-off restarting failed container'));
  tells(t, text, [/^ +Last State: +Terminated\n +Reason: +Error\n +Exit Code: +3$/m, /^ +Restart Count: +[1-9]/m, /Back-off restarting failed container/]);
  tells(t, await scene.kubectl(['describe', 'node', 'local']), [/^ +Ready +True /m, /^ +default +crashing-/m]);
});

test.serial('events are listed, by object and over all', async (t) => {
  const text = await scene.kubectl(['events', '--for', 'deployment/applied']);
  tells(t, text, [/^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE$/m, /Normal +ScalingReplicaSet +Deployment\/applied +Scaled up replica set applied-/]);
  t.regex(await scene.kubectl(['get', 'events', '--field-selector=type=Warning']), /BackOff +pod\/crashing-/);
});

test.serial('auth can-i asks in protobuf and is told so', async (t) => {
  const asked = await scene.kubectl.try(['auth', 'can-i', 'create', 'pods']);
  t.is(asked.code, 1);
  t.regex(asked.stderr, /UnsupportedMediaType.*protobuf/);
});

test.serial('delete takes everything of a manifest, and waits until it has gone', async (t) => {
  const { kubectl } = scene;
  for (const name of ['applied', 'talking', 'crashing']) {
    tells(t, await kubectl(['delete', 'deploy,svc', name]), [/deployment\.apps "\w+" deleted/, /service "\w+" deleted/]);
    await untilAnswer(kubectl, ['get', 'pods,rs', '-l', `app=${name}`, '-o', 'name'], (names) => names === '');
  }
  t.is(await kubectl(['delete', 'cm', 'settings', '--ignore-not-found']), 'configmap "settings" deleted from default namespace\n');
  t.is(await kubectl(['get', 'pods']), '');
});
