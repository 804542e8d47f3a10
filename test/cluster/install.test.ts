import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { fetch } from 'undici';
import { deployment, onboarded, service } from '../support/app.ts';
import { codeBlocks } from '../support/document.ts';
import { helmBinary, kubectlBinary } from '../support/real-kubectl.ts';
import { helmTemplate, manifestsIn } from '../support/rendered.ts';
import { startRouse } from '../support/rouse-process.ts';
import { until } from '../support/until.ts';
import { clusterOf, type Cluster } from './harness/cluster.ts';
import { install, systemNamespace } from './harness/installed.ts';
import { removeRouse } from './harness/remove-rouse.ts';

/** Rouse installed as an administrator does, into a cluster of its own rights and nothing else: the pods run `rouse`, everything else is deploy/ as it is. */

const root = join(import.meta.dirname, '..', '..');

interface Live {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly clusterIP: string; readonly replicas?: number; readonly selector?: Readonly<Record<string, string>> };
  readonly status?: { readonly availableReplicas?: number };
}

/** A Deployment at zero and its Service; resolves with its address when its Service leads to the gateways. */
const onboard = async (t: ExecutionContext, cluster: Cluster, name: string, namespace: string): Promise<string> => {
  const services = `/api/v1/namespaces/${namespace}/services`;
  t.is((await cluster.api('POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, deployment(name, { namespace, annotations: onboarded }))).status, 201);
  const created = await cluster.api('POST', services, service(name, namespace));
  t.is(created.status, 201);
  await until(
    `the Service of ${name} is taken over`,
    async () => ((await cluster.api('GET', `${services}/${name}`)).body as unknown as Live).spec.selector === undefined,
    30_000,
  );
  return (created.body as unknown as Live).spec.clusterIP;
};

const answerOf = (address: string): Promise<number> =>
  until(
    'the Service answers',
    () =>
      fetch(`http://${address}/`, { signal: AbortSignal.timeout(30_000) }).then(
        ({ status }) => status,
        () => undefined,
      ),
    30_000,
  );

test.serial('docs/install.md, command by command: install, onboard, look, upgrade, take back, uninstall; nothing is left', async (t) => {
  t.timeout(400_000);
  const cluster = await clusterOf(t);
  const kubeconfig = await cluster.kubeconfig('admin');
  const env = {
    ...process.env,
    KUBECONFIG: kubeconfig,
    PATH: `${join(root, 'node_modules', '.bin')}:${dirname(process.execPath)}:${process.env.PATH ?? ''}`,
    npm_config_update_notifier: 'false',
  };
  const tools = `kubectl() { ${await kubectlBinary()} "$@"; }\n`;
  const shell = async (text: string): Promise<{ readonly code: number | null; readonly output: string }> => {
    const child = spawn('bash', ['-euo', 'pipefail', '-c', `${tools}${text}`], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 200_000 });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, output };
  };
  t.teardown(async () => {
    await removeRouse(cluster);
    await shell('kubectl delete --ignore-not-found -f deploy/examples/hello.yaml');
    await shell('kubectl delete --ignore-not-found clusterrole rouse-workers; kubectl annotate namespace default rouse.dev/max-scale-');
  });
  const page = await readFile(join(root, 'docs', 'install.md'), 'utf8');
  const said: string[] = [];
  for (const { language, name, text } of codeBlocks(page)) {
    // The image is built without Docker in test/tools/image.test.ts; YAML is for reading.
    if (language !== 'sh' || name === 'image') continue;
    const { code, output } = await shell(text);
    t.is(code, 0, `${text}\n${output}\n${(await cluster.kubectl.try(['-n', 'rouse-system', 'get', 'pods', '-o', 'wide'])).stdout}`);
    said.push(output);
    // Each Deployment has both of its pods, on a node each.
    if (text.includes('condition=Available'))
      for (const each of ['rouse-controller', 'rouse-gateway'])
        t.is(((await cluster.api('GET', `/apis/apps/v1/namespaces/rouse-system/deployments/${each}`)).body as unknown as Live).status?.availableReplicas, 2);
  }
  const all = said.join('\n');
  t.regex(all, /Hello from hello-/, all);
  t.regex(all, /"name":"hello"/, 'what /workloads says');
  t.regex(all, /^rouse_leader [01]$/m);
  t.regex(all, /Rouse is uninstalled/);
  t.is((await cluster.api('GET', systemNamespace)).status, 404);
  for (const path of [
    '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/rouse',
    '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/rouse',
    '/apis/rbac.authorization.k8s.io/v1/clusterroles/rouse-controller',
    '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/rouse-workloads',
  ])
    t.is((await cluster.api('GET', path)).status, 404, path);
});

test.serial('every overlay and the Helm chart pass the validation of the API server, without a warning', async (t) => {
  const cluster = await clusterOf(t);
  await cluster.kubectl(['apply', '-f', 'deploy/base/namespace.yaml'].map((part) => (part.startsWith('deploy') ? join(root, part) : part)));
  t.teardown(() => removeRouse(cluster));
  for (const overlay of ['default', 'high-availability', 'namespaced', 'placement']) {
    const { code, stderr } = await cluster.kubectl.try(['apply', '--dry-run=server', '--validate=strict', '-k', join(root, 'deploy', 'overlays', overlay)]);
    t.deepEqual({ overlay, code, stderr }, { overlay, code: 0, stderr: '' });
  }
  for (const args of [
    [],
    ['-f', join(root, 'deploy', 'helm', 'values-high-availability.yaml')],
    ['--set', 'namespaces={default}'],
    ['--set', 'placement.enabled=true,placement.filter=true'],
  ]) {
    const { code, stderr } = await cluster.kubectl.try(['apply', '--dry-run=server', '--validate=strict', '-f', '-'], { stdin: await helmTemplate(args) });
    t.deepEqual({ args, code, stderr }, { args, code: 0, stderr: '' });
  }
});

test.serial(
  'installed by Helm, with the webhooks called by Service: a bad setting is refused at admission, and helm uninstall takes its objects away',
  async (t) => {
    const cluster = await clusterOf(t);
    const namespace = await cluster.namespace(t);
    const helm = async (...args: readonly string[]): Promise<string> => {
      const child = spawn(await helmBinary(), args, {
        cwd: root,
        env: { ...process.env, KUBECONFIG: await cluster.kubeconfig('admin') },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
      const [code] = (await once(child, 'close')) as [number | null];
      t.is(code, 0, output);
      return output;
    };
    t.teardown(() => removeRouse(cluster));
    await helm('install', 'rouse', 'deploy/helm', '--wait', '--timeout', '100s', '--set', 'config.window=6s');
    const refused = await until(
      'admission knows better',
      async () => {
        const answer = await cluster.api(
          'POST',
          `/apis/apps/v1/namespaces/${namespace}/deployments`,
          deployment('bad', { namespace, annotations: { ...onboarded, 'rouse.dev/target': 'many' } }),
        );
        if (answer.status === 201) await cluster.api('DELETE', `/apis/apps/v1/namespaces/${namespace}/deployments/bad`);
        return answer.status !== 201 && answer;
      },
      20_000,
    );
    t.regex(JSON.stringify(refused.body), /admission webhook .*workloads\.rouse\.dev.*rouse\.dev\/target/);
    t.is(await answerOf(await onboard(t, cluster, 'web', namespace)), 200);
    t.is(manifestsIn(await helm('get', 'manifest', 'rouse')).size, manifestsIn(await helmTemplate()).size);
    await cluster.kubectl(['-n', namespace, 'delete', 'deployment,service', 'web']);
    await helm('uninstall', 'rouse', '--wait', '--timeout', '150s');
  },
);

test.serial('the namespaced overlay: workloads of the named namespace are scaled, others are neither seen nor may they be', async (t) => {
  const cluster = await clusterOf(t);
  const other = await cluster.namespace(t);
  const installed = await install(t, cluster, 'namespaced');
  t.teardown(() => cluster.kubectl(['-n', 'default', 'delete', 'deployment,service', 'inside', '--ignore-not-found']));
  t.is(
    (
      await cluster.api(
        'POST',
        `/apis/apps/v1/namespaces/${other}/deployments`,
        deployment('outside', { namespace: other, annotations: { ...onboarded, 'rouse.dev/target': 'many' } }),
      )
    ).status,
    201,
  );
  t.is((await cluster.api('POST', `/api/v1/namespaces/${other}/services`, service('outside', other))).status, 201);
  t.is(await answerOf(await onboard(t, cluster, 'inside', 'default')), 200, await installed.logs());
  const left = (await cluster.api('GET', `/apis/apps/v1/namespaces/${other}/deployments/outside`)).body as unknown as Live;
  t.deepEqual(
    Object.keys(left.metadata.annotations ?? {}).filter((key) => /state|status/.test(key)),
    [],
  );
  t.deepEqual(((await cluster.api('GET', `/api/v1/namespaces/${other}/services/outside`)).body as unknown as Live).spec.selector, { app: 'outside' });
  const token = await cluster.token('system:serviceaccount:rouse-system:rouse-controller');
  const may = async (...what: readonly string[]): Promise<string> => (await cluster.kubectl.try(['auth', 'can-i', ...what, '--token', token])).stdout.trim();
  t.is(await may('patch', 'services', '-n', 'default'), 'yes');
  t.is(await may('patch', 'services', '-n', other), 'no');
  t.is(await may('list', 'deployments', '--all-namespaces'), 'no');
  await cluster.kubectl(['-n', 'default', 'annotate', 'deployment', 'inside', 'rouse.dev/enabled-']);
  await until(
    'handed back',
    async () => ((await cluster.api('GET', '/api/v1/namespaces/default/services/inside')).body as unknown as Live).spec.selector !== undefined,
    30_000,
  );
});

test.serial('a gateway has no token that the API server takes, only one gateway at a time may be evicted, and a second installation is refused', async (t) => {
  const cluster = await clusterOf(t);
  const installed = await install(t, cluster, 'high-availability');
  const list = (await cluster.api('GET', '/api/v1/namespaces/rouse-system/pods?labelSelector=app.kubernetes.io/component=gateway')).body as unknown as {
    readonly items: readonly {
      readonly metadata: { readonly name: string };
      readonly spec: { readonly nodeName: string; readonly volumes: readonly { readonly name: string }[] };
    }[];
  };
  t.is(list.items.length, 3, await installed.logs());
  t.is(new Set(list.items.map(({ spec }) => spec.nodeName)).size, cluster.nodes.length);
  for (const { spec } of list.items) t.deepEqual(spec.volumes.map(({ name }) => name).sort(), ['ca', 'token'], 'nothing that the API server added');
  const token = await cluster.token('system:serviceaccount:rouse-system:rouse-gateway', ['rouse-controller']);
  const { stderr } = await cluster.kubectl.try(['get', 'namespaces', '--token', token]);
  t.regex(stderr, /Unauthorized|logged in/);
  const outside = ['--kubeconfig', await cluster.kubeconfig('admin'), '--advertise', '10.77.200.10', '--port', '0', '--metrics-port', '0'];
  const outsider = startRouse(['controller', ...outside]);
  t.teardown(() => outsider.stop('SIGKILL'));
  t.is(await outsider.ended, 3);
  t.regex(
    outsider.errors(),
    /^rouse: another controller runs in the cluster already: rouse-controller-\S+ leads, and the webhooks lead to the Service rouse-system\/rouse-controller; /m,
  );
  const evict = async (name: string): Promise<number> =>
    (
      await cluster.api('POST', `/api/v1/namespaces/rouse-system/pods/${name}/eviction`, {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name, namespace: 'rouse-system' },
      })
    ).status;
  // The controllers count the pods of a budget a moment after these are available, and until then none may go.
  const mayGo = ['-n', 'rouse-system', 'get', 'poddisruptionbudget', 'rouse-gateway', '-o', 'jsonpath={.status.disruptionsAllowed}'];
  await until('the budget has been counted', async () => (await cluster.kubectl(mayGo)) === '1', 20_000);
  const [first = '', second = ''] = list.items.map(({ metadata }) => metadata.name);
  t.deepEqual([await evict(first), await evict(second)], [201, 429]);
});

test.serial('without its rights a controller does not start, and names every one that is missing', async (t) => {
  const cluster = await clusterOf(t);
  const rouse = startRouse([
    'controller',
    '--kubeconfig',
    await cluster.kubeconfig('nobody'),
    '--port',
    '0',
    '--metrics-port',
    '0',
    '--advertise',
    '10.77.200.10',
  ]);
  t.teardown(() => rouse.stop('SIGKILL'));
  t.is(await rouse.ended, 3);
  t.regex(
    rouse.errors(),
    /^rouse: the controller may not list, watch namespaces; create tokenreviews\.authentication\.k8s\.io; .*patch deployments\/scale\.apps; .*get, patch secrets "rouse-ca" in rouse-system; .*; the roles in deploy\/base\/controller-roles\.yaml grant it\n/m,
  );
});
