import test from 'ava';
import { annotation } from '../../src/core/index.ts';
import { deployment, onboarded, service } from '../support/app.ts';
import { startRouse } from '../support/rouse-process.ts';
import { until } from '../support/until.ts';
import type { Cluster } from './harness/cluster.ts';
import { clusterWithRouse, workloadScene, type ClusterWithRouse } from './harness/rouse-for-file.ts';

/** A custom resource with `/scale` as a workload: listed in `allow-kinds`, its rights in an aggregated ClusterRole. */

let rouse: ClusterWithRouse;
test.before(async () => {
  rouse = await clusterWithRouse('further kinds');
});
test.after.always(() => rouse.close());

const group = 'example.com';
/** Its count and its selector stand where nobody would guess. */
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `widgets.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        subresources: { status: {}, scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.pods', labelSelectorPath: '.status.labels' } },
      },
    ],
  },
};

const role = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name: 'rouse-widgets', labels: { 'rbac.rouse.dev/aggregate-to-controller': 'true' } },
  rules: [
    { apiGroups: [group], resources: ['widgets'], verbs: ['get', 'list', 'watch', 'patch'] },
    { apiGroups: [group], resources: ['widgets/scale'], verbs: ['get', 'patch'] },
  ],
};

/** What an operator for widgets does: a ReplicaSet of as many pods, and a status. Ends with `signal`. */
const operate = async ({ api }: Cluster, namespace: string, signal: AbortSignal): Promise<void> => {
  const widget = `/apis/${group}/v1/namespaces/${namespace}/widgets/web`;
  const sets = `/apis/apps/v1/namespaces/${namespace}/replicasets`;
  const { spec } = deployment('web') as { readonly spec: { readonly selector: object; readonly template: object } };
  await api('POST', sets, { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'widget-web' }, spec: { ...spec, replicas: 0 } });
  for (let last = -1; !signal.aborted; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const { size = 0 } = ((await api('GET', widget)).body as { readonly spec?: { readonly size?: number } }).spec ?? {};
    if (size === last) continue;
    await api.patch(`${sets}/widget-web`, { spec: { replicas: size } });
    await api.patch(`${widget}/status`, { status: { pods: size, labels: 'app=web' } });
    last = size;
  }
};

test('a kind is of no use without its definition and its rights, which is said; with both its objects sleep and wake, and go back, without a controller too', async (t) => {
  const { cluster } = rouse;
  const { kubectl } = cluster;
  const configEvents = (): Promise<string> =>
    kubectl(['get', 'events', '-n', 'rouse-system', '--field-selector', 'involvedObject.name=rouse-config', '-o', 'jsonpath={.items[*].message}']);
  const said = (what: RegExp): Promise<unknown> => until(String(what), async () => what.test(await configEvents()), 40_000, rouse.errors);
  const allow = (kinds: string): Promise<string> =>
    kubectl(['patch', 'configmap/rouse-config', '-n', 'rouse-system', '--type=merge', '-p', JSON.stringify({ data: { 'allow-kinds': kinds } })]);
  t.teardown(async () => {
    await allow('deployments.apps,statefulsets.apps');
    await kubectl(['delete', `crd/widgets.${group}`, 'clusterrole/rouse-widgets', '--ignore-not-found']);
  });
  await allow(`deployments.apps,statefulsets.apps,widgets.${group}`);
  await said(/widgets\.example\.com: the API server has no such kind; install its CustomResourceDefinition/);
  await kubectl(['apply', '-f', '-'], { stdin: JSON.stringify(definition) });
  await said(/widgets\.example\.com: it cannot be followed: .*forbidden.*aggregate-to-controller/);
  await kubectl(['apply', '-f', '-'], { stdin: JSON.stringify(role) });

  const namespace = await cluster.namespace(t);
  const stop = new AbortController();
  const made = workloadScene(rouse, namespace, `widgets.${group}/web`);
  await made.apply(service('web', namespace));
  const rules = (): Promise<string> => kubectl(['get', 'mutatingwebhookconfiguration/rouse', '-o', 'jsonpath={.webhooks[*].rules[*].resources}']);
  await until('the webhook is told of widgets', async () => (await rules()).includes('widgets'), 30_000, rouse.errors);
  await made.apply({ apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'web' }, spec: { size: 2 } });
  const operating = operate(cluster, namespace, stop.signal);
  t.teardown(async () => {
    stop.abort();
    await operating;
  });
  // The API server follows the configuration a moment later: until then a dry run leaves nothing behind.
  const bad = await until(
    'a setting that does not exist is refused',
    async () => {
      const tried = await kubectl.try(['annotate', made.target, '-n', namespace, 'rouse.dev/enabled=true', 'rouse.dev/windw=6s', '--dry-run=server']);
      return tried.code !== 0 && tried;
    },
    20_000,
    rouse.errors,
  );
  t.regex(bad.stderr, /did you mean rouse\.dev\/window/);
  await made.annotate(...Object.entries(onboarded).map(([key, value]) => `${key}=${value}`));
  await made.untilTaken();
  await made.untilReplicas(0, 40_000);
  t.regex(await made.annotation(annotation.state), /"replicasBefore":2/);
  const woken = await made.ask();
  t.is(woken.status, 200, woken.text);
  t.is(await made.replicas(), 1);
  await until(
    'the onboarding is told',
    async () => (await made.events()).some((event) => /^onboarded: onboarded with 2 pods/.test(event)),
    20_000,
    rouse.errors,
  );

  await allow('deployments.apps,statefulsets.apps');
  await made.untilBack();
  await made.untilReplicas(2);
  const nothingIsLeft = (): Promise<unknown> =>
    until('nothing of ours is left', async () => (await made.annotation(annotation.state)) === '', 20_000, rouse.errors);
  await nothingIsLeft();

  // Once more, and then Rouse is gone and its settings say nothing of widgets: the Service tells whose it is.
  await allow(`deployments.apps,statefulsets.apps,widgets.${group}`);
  await made.untilTaken();
  await made.untilReplicas(0, 40_000);
  await rouse.controller.stop();
  await allow('deployments.apps,statefulsets.apps');
  const restore = startRouse(['restore', '--kubeconfig', await cluster.kubeconfig('admin')]);
  t.teardown(() => restore.stop('SIGKILL'));
  t.is(await restore.ended, 0, `${restore.lines.join('\n')}\n${restore.errors()}`);
  await made.untilBack();
  await made.untilReplicas(2);
  await nothingIsLeft();
});
