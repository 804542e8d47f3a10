import { readFile } from 'node:fs/promises';
import test from 'ava';
import { startKubectlScene, tells, untilAnswer, type KubectlScene } from '../support/kubectl-scene.ts';

/** What users do to an onboarded workload with the real kubectl 1.36. */

let scene: KubectlScene;
test.before(async (t) => {
  t.timeout(240_000);
  scene = await startKubectlScene();
});
test.after.always(() => scene.close());

const always = { 'rouse.dev/enabled': 'true', 'rouse.dev/window': '6s' };
const staysUp = { ...always, 'rouse.dev/scale-to-zero-pod-retention-period': '5m' };

/** Deployment, Service and slices as far as traffic and pods hang on them: without versions, times and who wrote what. */
const live = async (name: string): Promise<string> => {
  const deployment = await scene.kubectl(['get', 'deploy', name, '-o', 'jsonpath={.spec}{.status.replicas}']);
  const service = await scene.kubectl(['get', 'service', name, '-o', "jsonpath={.spec}{.metadata.annotations['rouse\\.dev/gateway-ports']}"]);
  const slices = await scene.kubectl([
    'get',
    'endpointslices',
    '-l',
    `kubernetes.io/service-name=${name}`,
    '-o',
    'jsonpath={.items[*].metadata.uid}{.items[*].endpoints}',
  ]);
  return [deployment, service, slices, await podsOf(name)].join('\n');
};
const podsOf = (name: string): Promise<string> => scene.kubectl(['get', 'pods', '-l', `app=${name}`, '-o', 'jsonpath={.items[*].metadata.uid}']);
/**
 * Until nobody but a user writes: Rouse has published its count (in the background, at most 10 s later), the Deployment controller has noted that, and
 * the second of their writes is over. managedFields are sorted by their times in whole seconds, and an order that changes is a write of its own,
 * also on a real API server (`fieldmanager/equality.go` leaves out the times, not the order).
 */
const settles = async (name: string): Promise<void> => {
  const what = "{.metadata.annotations['rouse\\.dev/status']}|{.metadata.generation}|{.status.observedGeneration}|{.metadata.managedFields[*].time}";
  await untilAnswer(scene.kubectl, ['get', 'deploy', name, '--show-managed-fields', '-o', `jsonpath=${what}`], (answer) => {
    const [status = '', generation, observed, times = ''] = answer.split('|');
    const isPast = times.split(' ').every((time) => Date.parse(time) + 1_000 <= Date.now());
    return status.includes('"desired":1,') && generation === observed && isPast;
  });
};
const versions = (name: string): Promise<string> =>
  scene.kubectl(['get', `deploy/${name}`, `service/${name}`, '-o', 'jsonpath={.items[*].metadata.resourceVersion}']);
const replicasOf = (name: string): Promise<string> => scene.kubectl(['get', 'deploy', name, '-o', 'jsonpath={.spec.replicas}']);
const said = (pattern: RegExp): Promise<unknown> => scene.rouse.line(pattern);

const wake = async (url: string): Promise<void> => {
  const answer = await fetch(url);
  await answer.text();
  if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}`);
};

test.serial('kubectl top shows what the pods use, and pods are still pods', async (t) => {
  const { url } = await scene.onboard('topped', { annotations: staysUp });
  await wake(url);
  const shown = await untilAnswer(scene.kubectl, ['top', 'pods', '-l', 'app=topped', '--containers'], (stdout) => /^topped-/m.test(stdout));
  tells(t, shown, [/^POD +NAME +CPU\(cores\) +MEMORY\(bytes\)/m, /^topped-\S+ +app +\d+m +\d+Mi/m]);
  t.regex(await scene.kubectl(['get', 'pods', '-l', 'app=topped', '-o', 'jsonpath={.items[*].kind}']), /^Pod$/);
  tells(t, await scene.kubectl(['api-resources', '--api-group=metrics.k8s.io']), [/^pods +metrics\.k8s\.io\/v1beta1 +true +PodMetrics/m]);
});

test.serial('a request wakes the app of the example, and its Events tell how', async (t) => {
  await wake(scene.appUrl);
  // Its pod first: it goes again 10 s after the request, and Events are written in a quiet moment.
  await untilAnswer(scene.kubectl, ['get', 'pods', '-l', 'app=hello'], (table) => / 1\/1 +Running /.test(table));
  await untilAnswer(scene.kubectl, ['events', '--for', 'deployment/hello'], (text) => /wake-request .*0 → 1: a request is waiting/.test(text));
  t.is(await scene.kubectl(['get', 'service', 'hello', '-o', 'jsonpath={.spec.selector}']), '');
  tells(t, await scene.kubectl(['describe', 'service', 'hello']), [/^Selector: +<none>$/m, /^Endpoints: +127\.0\.0\.1:2\d{4}$/m]);
});

test.serial('applying the manifest again on the client keeps count, Service and pods, and says why', async (t) => {
  const { manifest, url } = await scene.onboard('kept', { annotations: staysUp });
  await wake(url);
  await untilAnswer(scene.kubectl, ['get', 'deploy', 'kept', '-o', 'jsonpath={.status.readyReplicas}'], (ready) => ready === '1');
  await settles('kept');
  const before = await live('kept');
  const again = await scene.kubectl.try(['apply', '-f', manifest]);
  t.is(again.code, 0, again.stderr);
  tells(t, again.stderr, [/^Warning: Rouse: spec\.replicas stays 1 \(sent: 0\)/m, /^Warning: Rouse: the Service stays pointed at the gateways/m]);
  t.is(await live('kept'), before);
  const settled = await versions('kept');
  await scene.kubectl(['apply', '-f', manifest]);
  t.is(await versions('kept'), settled, 'from then on nothing at all is written');
  await wake(url);
});

test.serial('a manifest without replicas is applied server-side again without a conflict, and nothing changes', async (t) => {
  const { kubectl } = scene;
  const path = await scene.manifest('gitops', { annotations: staysUp });
  const list = JSON.parse(await readFile(path, 'utf8')) as { items: { spec: { replicas?: number } }[] };
  delete list.items[0]!.spec.replicas;
  const manifest = await scene.file('gitops.json', JSON.stringify(list));
  const apply = ['apply', '--server-side', '--field-manager=flux', '-f', manifest];
  tells(t, await kubectl(apply), [/^deployment\.apps\/gitops serverside-applied$/m, /^service\/gitops serverside-applied$/m]);
  await untilAnswer(kubectl, ['get', 'service', 'gitops', '-o', 'jsonpath={.spec.selector}'], (selector) => selector === '');
  await untilAnswer(kubectl, ['get', 'deploy', 'gitops', '-o', 'jsonpath={.status.readyReplicas}'], (ready) => ready === '1');
  await settles('gitops');
  const before = await live('gitops');
  const again = await kubectl.try(apply);
  t.is(again.code, 0, again.stderr);
  t.is(await live('gitops'), before);
  const settled = await versions('gitops');
  await kubectl(apply);
  t.is(await versions('gitops'), settled, 'from then on nothing at all is written');
  t.is((await kubectl.try(['diff', '--server-side', '--field-manager=flux', '-f', manifest])).code, 0);
});

test.serial('a manifest with replicas conflicts with Rouse server-side, and keeps the live count if it is forced', async (t) => {
  const { kubectl } = scene;
  const manifest = await scene.manifest('forced', { annotations: staysUp, replicas: 0 });
  const apply = ['apply', '--server-side', '--field-manager=argo', '-f', manifest];
  await kubectl(apply);
  await untilAnswer(kubectl, ['get', 'service', 'forced', '-o', 'jsonpath={.spec.selector}'], (selector) => selector === '');
  await kubectl(['annotate', 'deploy', 'forced', 'rouse.dev/min-scale=2']);
  await untilAnswer(kubectl, ['get', 'deploy', 'forced', '-o', 'jsonpath={.status.readyReplicas}'], (ready) => ready === '2');
  const before = await live('forced');
  const refused = await kubectl.try(apply);
  t.is(refused.code, 1);
  t.regex(refused.stderr, /Apply failed with 1 conflict: conflict with "rouse".*: \.spec\.replicas/s);
  const again = await kubectl.try([...apply, '--force-conflicts']);
  t.is(again.code, 0, again.stderr);
  t.regex(again.stderr, /^Warning: Rouse: spec\.replicas stays 2 \(sent: 0\)/m);
  t.is(await live('forced'), before);
});

test.serial('onboarding a live Deployment by annotation restarts no pod; taking the annotation away hands everything back', async (t) => {
  const { kubectl } = scene;
  await kubectl(['apply', '-f', await scene.manifest('live', { annotations: {}, replicas: 2 })]);
  await kubectl(['rollout', 'status', 'deploy/live', '--timeout=25s']);
  const spec = (): Promise<string> => kubectl(['get', 'service', 'live', '-o', 'jsonpath={.spec} {.metadata.annotations}']);
  const [service, pods] = [await spec(), await podsOf('live')];
  const names = (await kubectl(['get', 'pods', '-l', 'app=live', '-o', 'jsonpath={.items[*].metadata.name}'])).split(' ').sort();

  t.is(await kubectl(['annotate', 'deploy', 'live', 'rouse.dev/enabled=true', 'rouse.dev/window=1h']), 'deployment.apps/live annotated\n');
  await untilAnswer(kubectl, ['get', 'service', 'live', '-o', 'jsonpath={.spec.selector}'], (selector) => selector === '');
  await said(/^live onboarded with 2 pods/);
  t.is(await podsOf('live'), pods);

  t.is(await kubectl(['annotate', 'deploy', 'live', 'rouse.dev/enabled-']), 'deployment.apps/live annotated\n');
  await said(/^live handed back with 2 pods/);
  await untilAnswer(kubectl, ['get', 'service', 'live', '-o', 'jsonpath={.spec} {.metadata.annotations}'], (text) => text === service);
  await untilAnswer(
    kubectl,
    ['get', 'endpointslices', '-l', 'kubernetes.io/service-name=live', '-o', 'jsonpath={.items[*].endpoints[*].targetRef.name}'],
    (text) => text.split(' ').sort().join() === names.join(),
  );
  t.is(await podsOf('live'), pods);
  await untilAnswer(kubectl, ['get', 'deploy', 'live', '-o', 'jsonpath={.metadata.annotations}'], (text) => !/rouse\.dev\/(state|status)/.test(text));
});

test.serial('annotations that cannot be are refused, all of them at once, and nothing changes', async (t) => {
  const refused = await scene.kubectl.try(['annotate', 'deploy', 'kept', '--overwrite', 'rouse.dev/window=5ms', 'rouse.dev/min-scal=1', 'rouse.dev/target=x']);
  t.is(refused.code, 1);
  tells(t, refused.stderr, [/rouse\.dev\/window/, /rouse\.dev\/min-scal\b.*rouse\.dev\/min-scale/s, /rouse\.dev\/target/]);
  t.is(await scene.kubectl(['get', 'deploy', 'kept', '-o', "jsonpath={.metadata.annotations['rouse\\.dev/window']}"]), '6s');
});

test.serial('an autoscaler for an onboarded workload is refused', async (t) => {
  const manifest = await scene.kubectl(['autoscale', 'deploy', 'kept', '--max=3', '--dry-run=client', '-o', 'yaml']);
  const refused = await scene.kubectl.try(['apply', '-f', '-'], { stdin: manifest });
  t.is(refused.code, 1);
  t.regex(refused.stderr, /denied the request.*rouse\.dev\/adopt-hpa/s);
});

test.serial('a count set by kubectl scale is honoured for a while, told, and taken back', async (t) => {
  const { kubectl } = scene;
  await scene.onboard('byhand', { annotations: { ...always, 'rouse.dev/manual-override': '5s' } });
  await said(/^byhand onboarded/);
  t.is(await kubectl(['scale', 'deploy/byhand', '--replicas=3']), 'deployment.apps/byhand scaled\n');
  await said(/^byhand 3 pods set by hand \(kubectl\)/);
  // There, not ready: how long programs take to start is the machine's affair, and may be more than 5 s.
  await untilAnswer(kubectl, ['get', 'deploy', 'byhand', '-o', 'jsonpath={.status.replicas}'], (there) => there === '3');
  await said(/^byhand the count set by hand \(3\) is no longer honoured/);
  await untilAnswer(kubectl, ['get', 'deploy', 'byhand', '-o', 'jsonpath={.spec.replicas}'], (replicas) => replicas === '0', 25_000);
  await untilAnswer(kubectl, ['events', '--for', 'deployment/byhand'], (text) => text.includes('3 pods set by hand (kubectl)'));
});

test.serial('edit changes a setting of a live workload, and neither its count nor its pods', async (t) => {
  const editor = await scene.file(
    'settings-editor.sh',
    '#!/bin/sh\nsed -i "s/^    rouse.dev\\/window: 6s/    rouse.dev\\/window: 9s/; s/^  replicas: 1/  replicas: 7/" "$1"\n',
  );
  const pods = await podsOf('kept');
  const edited = await scene.kubectl.try(['edit', 'deploy', 'kept'], { env: { EDITOR: `sh ${editor}` } });
  t.deepEqual([edited.code, edited.stdout], [0, 'deployment.apps/kept edited\n'], edited.stderr);
  t.regex(edited.stderr, /Warning: Rouse: spec\.replicas stays 1 \(sent: 7\)/);
  t.is(await scene.kubectl(['get', 'deploy', 'kept', '-o', "jsonpath={.spec.replicas} {.metadata.annotations['rouse\\.dev/window']}"]), '1 9s');
  t.is(await podsOf('kept'), pods);
});

test.serial('rollout restart keeps the count; rollout undo past the onboarding keeps the workload onboarded', async (t) => {
  const { kubectl } = scene;
  await kubectl(['apply', '-f', await scene.manifest('undone', { annotations: {}, replicas: 1, env: { VERSION: '1' } })]);
  await kubectl(['rollout', 'status', 'deploy/undone', '--timeout=25s']);
  const onboarding = await scene.onboard('undone', { annotations: staysUp, replicas: 1, env: { VERSION: '2' } });
  await kubectl(['rollout', 'status', 'deploy/undone', '--timeout=25s']);
  await said(/^undone onboarded/);
  const settings = (): Promise<string> =>
    kubectl(['get', 'deploy', 'undone', '-o', "jsonpath={.metadata.annotations['rouse\\.dev/enabled']} {.spec.template.spec.containers[0].env[0].value}"]);
  t.is(await settings(), 'true 2');
  const undo = await kubectl.try(['rollout', 'undo', 'deploy/undone']);
  t.deepEqual([undo.code, undo.stdout], [0, 'deployment.apps/undone rolled back\n'], undo.stderr);
  t.regex(undo.stderr, /Warning: Rouse: rouse\.dev\/\* annotations are kept/);
  t.is(await settings(), 'true 1');
  await kubectl(['rollout', 'status', 'deploy/undone', '--timeout=25s']);
  t.is(await kubectl(['get', 'service', 'undone', '-o', 'jsonpath={.spec.selector}']), '');
  await wake(onboarding.url);

  const before = await podsOf('undone');
  await kubectl(['rollout', 'restart', 'deploy/undone']);
  await kubectl(['rollout', 'status', 'deploy/undone', '--timeout=25s']);
  t.is(await replicasOf('undone'), '1');
  t.not(await podsOf('undone'), before);
  await wake(onboarding.url);
});

test.serial('deleting an onboarded workload and its Service leaves nothing of Rouse behind', async (t) => {
  const { kubectl } = scene;
  await kubectl(['delete', 'deploy,service', 'kept', 'undone', 'byhand', 'gitops', 'forced', 'live', 'topped']);
  await untilAnswer(kubectl, ['get', 'endpointslices,endpoints', '-o', 'name'], (names) => !/kept|undone|byhand|gitops|forced|live|topped/.test(names));
  await untilAnswer(kubectl, ['get', 'pods,rs', '-o', 'name'], (names) => !/kept|undone|byhand|gitops|forced|live|topped/.test(names));
  t.is(await kubectl(['get', 'deploy', '-o', 'name']), 'deployment.apps/hello\n');
});
