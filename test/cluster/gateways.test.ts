import test from 'ava';
import { annotation } from '../../src/core/index.ts';
import { deployment, service } from '../support/app.ts';
import type { RouseProcess } from '../support/rouse-process.ts';
import { until } from '../support/until.ts';
import { clusterLoad } from './harness/cluster-load.ts';
import { clusterOf, type Cluster, type Scope } from './harness/cluster.ts';
import { rouseFromShell } from './harness/rouse-from-shell.ts';

/** Two gateways in front of pods that come and go, with 50 clients at the ClusterIP. */

const closing: (() => unknown)[] = [];
const scope: Scope = { title: 'gateways', teardown: (fn) => void closing.push(fn) };
const addresses = ['10.77.200.1', '10.77.200.2'] as const;
let cluster: Cluster;
let processes: readonly RouseProcess[];

test.before(async () => {
  cluster = await clusterOf(scope);
  const rouse = await rouseFromShell(scope, cluster);
  const controller = await rouse.startController('10.77.200.10');
  processes = [controller, ...(await Promise.all(addresses.map((address) => rouse.startGateway(address))))];
});
test.after.always(async () => {
  for (const close of closing.reverse()) await close();
});

const errors = (): readonly string[] => processes.map((one) => one.errors().slice(-2000));

/** A Deployment of so many pods, not onboarded yet, and its Service, which answers. */
const run = async (t: Scope, replicas: number): Promise<{ readonly namespace: string; readonly clusterIP: string }> => {
  const namespace = await cluster.namespace(t);
  const items = [deployment('web', { namespace, replicas, annotations: {}, env: { DRAIN_MS: '1500' } }), service('web', namespace)];
  await cluster.kubectl(['apply', '-n', namespace, '-f', '-'], { stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
  await cluster.kubectl(['rollout', 'status', 'deployment/web', '-n', namespace, '--timeout=30s']);
  const clusterIP = await cluster.kubectl(['get', 'service', 'web', '-n', namespace, '-o', 'jsonpath={.spec.clusterIP}']);
  const isServing = (): Promise<boolean> =>
    fetch(`http://${clusterIP}/`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until('the Service answers', isServing, 20_000, errors);
  return { namespace, clusterIP };
};

const onboard = (namespace: string, pods: number): Promise<string> => {
  const settings = { [annotation.enabled]: 'true', 'rouse.dev/window': '6s', 'rouse.dev/min-scale': pods, 'rouse.dev/max-scale': pods };
  return cluster.kubectl(['annotate', 'deployment/web', '-n', namespace, '--overwrite', ...Object.entries(settings).map(([key, value]) => `${key}=${value}`)]);
};

/** The addresses that the Service leads to. */
const endpoints = async (namespace: string): Promise<readonly string[]> =>
  (await cluster.kubectl(['get', 'endpointslices', '-n', namespace, '-o', 'jsonpath={.items[*].endpoints[*].addresses[*]}'])).split(' ').sort();

const leadsTo = (namespace: string, wanted: readonly string[]): Promise<unknown> =>
  until(
    `the Service leads to ${wanted.join()}`,
    async () => (await endpoints(namespace)).join() === wanted.join(),
    30_000,
    async () => [await endpoints(namespace), errors()],
  );

test.serial('a gateway that is dead and does not say so holds up no takeover, and no request fails; when it lives again it is an endpoint', async (t) => {
  const { namespace, clusterIP } = await run(t, 2);
  const load = clusterLoad(clusterIP);
  t.teardown(() => load.stop());
  await until('the load is on', () => load.answered > 100, 20_000);
  const dead = processes[2]?.child;
  t.true(dead?.kill('SIGSTOP'));
  t.teardown(() => dead?.kill('SIGCONT'));
  await onboard(namespace, 2);
  await leadsTo(namespace, [addresses[0]]);
  await until('the other one serves', () => load.throughGateway > 500, 30_000, errors);
  t.true(dead?.kill('SIGCONT'));
  await leadsTo(namespace, addresses);
  const before = load.answered;
  await until('the load goes on', () => load.answered > before + 1000, 30_000, errors);
  await load.stop();
  t.deepEqual(load.failures.slice(0, 20), []);
});

test.serial('a scale-in from four pods to two, and from two to four and back, fails no request', async (t) => {
  const { namespace, clusterIP } = await run(t, 4);
  await onboard(namespace, 4);
  await leadsTo(namespace, addresses);
  // Nodes hear of it up to a second later, until then they know pods and gateways; and a connection that is made before stays with its pod.
  for (let inRow = 0; inRow < 50;) {
    const answer = await fetch(`http://${clusterIP}/`, { headers: { connection: 'close' } });
    inRow = (await answer.text()).includes('"x-forwarded-for"') ? inRow + 1 : 0;
  }
  const load = clusterLoad(clusterIP);
  t.teardown(() => load.stop());
  await until('all four pods answer', () => load.pods.size === 4, 20_000, errors);
  const count = async (): Promise<readonly string[]> =>
    (await cluster.kubectl(['get', 'pods', '-n', namespace, '-o', 'jsonpath={.items[*].metadata.name}'])).split(' ').filter((name) => name !== '');
  for (const pods of [2, 4, 2]) {
    await onboard(namespace, pods);
    await until(
      `${pods} pods are left`,
      async () => (await count()).length === pods,
      40_000,
      async () => [await count(), errors()],
    );
    const before = load.answered;
    await until('the load goes on', () => load.answered > before + 500, 30_000, errors);
  }
  await load.stop();
  t.deepEqual(load.failures.slice(0, 20), []);
  t.is(load.throughGateway, load.answered);
});
