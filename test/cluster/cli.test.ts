import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import test from 'ava';
import { deployment, onboarded, service } from '../support/app.ts';
import type { KubectlResult } from '../support/real-kubectl.ts';
import { until } from '../support/until.ts';
import { clusterOf } from './harness/cluster.ts';
import { install } from './harness/installed.ts';

/** `kubectl rouse` against an installed Rouse: by an administrator, by somebody who may only look, and by nobody; and what `doctor` says of damage. */

const main = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');
const overlay = join(import.meta.dirname, '..', '..', 'deploy', 'overlays', 'default');

interface Diagnosis {
  readonly checks: readonly { readonly id: string; readonly status: string; readonly says: string; readonly mend?: string }[];
}

test('kubectl rouse on a real cluster: what it shows, to whom, and what doctor finds of what is broken', async (t) => {
  t.timeout(290_000);
  const cluster = await clusterOf(t);
  const plugins = await mkdtemp(join(tmpdir(), 'rouse-plugin-'));
  t.teardown(() => rm(plugins, { recursive: true }));
  await symlink(main, join(plugins, 'kubectl-rouse'));
  const env = { PATH: [plugins, dirname(process.execPath), process.env.PATH ?? ''].join(delimiter) };
  const rouse = async (args: readonly string[], user = 'admin'): Promise<KubectlResult> =>
    cluster.kubectl.try(['rouse', ...args], { env: { ...env, KUBECONFIG: await cluster.kubeconfig(user) } });
  const doctor = async (): Promise<ReadonlyMap<string, Diagnosis['checks'][number]>> => {
    const { stdout, stderr } = await rouse(['doctor', '-o', 'json']);
    if (stdout === '') throw new Error(stderr);
    return new Map((JSON.parse(stdout) as Diagnosis).checks.map((check) => [check.id, check]));
  };
  const wrongIn = (checks: Awaited<ReturnType<typeof doctor>>): readonly string[] =>
    [...checks.values()].filter(({ status }) => status === 'problem' || status === 'warning').map(({ id }) => id);

  // Before anything is there.
  const early = await rouse(['status']);
  t.is(early.code, 3);
  t.regex(early.stderr, /knows no Service rouse-system\/rouse-controller: Rouse is not installed there/);
  t.deepEqual(wrongIn(await doctor()).slice(0, 2), ['namespace', 'controller-pods']);

  const installed = await install(t, cluster);
  const namespace = await cluster.namespace(t);
  await cluster.api('POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, deployment('web', { namespace, annotations: { ...onboarded } }));
  await cluster.api('POST', `/api/v1/namespaces/${namespace}/services`, service('web', namespace));

  // An administrator: everything is well.
  await until('the workload is seen', async () => /^web +asleep +0\/0/m.test((await rouse(['status', '-n', namespace])).stdout), 30_000);
  const well = await until(
    'nothing is wrong',
    async () => {
      const checks = await doctor();
      return wrongIn(checks).length === 0 && checks;
    },
    40_000,
    async () => [...(await doctor()).values()].filter(({ status }) => status !== 'ok'),
  );
  t.is(well.get('gateway-link')?.says, '2 linked');
  t.is(well.get('webhooks-answer')?.status, 'ok');
  t.is(well.get('controller-rights')?.status, 'ok');
  // Events are written when there is nothing else to do.
  const onboarding = async (): Promise<boolean> => /Deployment\/web +onboarded with 0 pods/.test((await rouse(['events', 'web', '-n', namespace])).stdout);
  await until('the onboarding is told', onboarding, 20_000);
  t.is((await rouse(['explain', 'web', '-n', namespace])).code, 0);

  // Somebody who may look at the controller, and no more.
  await cluster.api('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'looker' } });
  t.teardown(() => cluster.kubectl(['-n', 'default', 'delete', 'serviceaccount', 'looker']));
  const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/rouse-system';
  await cluster.api('POST', `${rbac}/roles`, {
    metadata: { name: 'rouse-explain' },
    rules: [{ apiGroups: [''], resources: ['services/proxy'], resourceNames: ['rouse-controller:metrics'], verbs: ['get'] }],
  });
  await cluster.api('POST', `${rbac}/rolebindings`, {
    metadata: { name: 'rouse-explain' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'rouse-explain' },
    subjects: [{ kind: 'ServiceAccount', name: 'looker', namespace: 'default' }],
  });
  const looker = 'system:serviceaccount:default:looker';
  t.regex(
    (
      await until('the role is in force', async () => {
        const seen = await rouse(['status', '-A'], looker);
        return seen.code === 0 && seen;
      })
    ).stdout,
    /^\S+ +web +asleep/m,
  );
  const events = await rouse(['events', '-n', namespace], looker);
  t.is(events.code, 3);
  t.regex(events.stderr, /^rouse: you may not list the Events in namespace .*looker.* cannot list resource "events"/m);
  const looked = await rouse(['doctor'], looker);
  t.regex(looked.stdout, /^- +namespace +you may not read the Namespace rouse-system: /m);
  t.regex(looked.stdout, /^ok +controller-answers +rouse-controller-/m);
  const nobody = await rouse(['status'], 'nobody');
  t.is(nobody.code, 3);
  t.regex(nobody.stderr, /you may not read the controller through the API server/);

  // Damage, each with its cause; and the command that mends it does.
  await cluster.kubectl(['-n', 'rouse-system', 'scale', 'deployment', 'rouse-gateway', '--replicas=0']);
  const held = await until(
    'no gateway is linked',
    async () => {
      const checks = await doctor();
      return checks.get('gateway-link')?.status === 'problem' && checks;
    },
    60_000,
  );
  t.regex(held.get('gateway-link')?.says ?? '', /no gateway is linked/);
  t.is(held.get('gateway-pods')?.mend, 'kubectl -n rouse-system scale deployment rouse-gateway --replicas=2');
  await cluster.kubectl((held.get('gateway-pods')?.mend ?? '').split(' ').slice(1));

  await cluster.kubectl(['-n', 'rouse-system', 'scale', 'deployment', 'rouse-controller', '--replicas=0']);
  const down = await until(
    'no controller is there',
    async () => {
      const found = await rouse(['status']);
      return found.code === 3 && /status 503/.test(found.stderr) && found;
    },
    60_000,
  );
  t.regex(down.stderr, /no controller answers through the API server at https:\S+ \(status 503\): .*no endpoints available/);
  // One that is on its way out is an endpoint no more, and still holds the Lease.
  await cluster.kubectl(['-n', 'rouse-system', 'wait', 'pod', '-l', 'app.kubernetes.io/component=controller', '--for=delete', '--timeout=29s']);
  // Only now that nobody uses them: what is denied to a controller fails rights.test.ts.
  await cluster.kubectl(['delete', 'clusterrolebinding', 'rouse-workloads']);
  const without = await until(
    'the right is missed',
    async () => {
      const checks = await doctor();
      return checks.get('controller-rights')?.status === 'problem' && checks;
    },
    60_000,
  );
  t.regex(without.get('controller-rights')?.says ?? '', /the controller may not .*patch deployments\.apps/);
  for (const id of ['controller-pods', 'leader', 'controller-answers', 'webhooks-target', 'webhooks-answer']) t.is(without.get(id)?.status, 'problem', id);
  await cluster.kubectl(['apply', '-k', overlay]);
  await until(
    'all is well again',
    async () => wrongIn(await doctor()).length === 0,
    90_000,
    async () => [wrongIn(await doctor()), await installed.logs()],
  );
});
