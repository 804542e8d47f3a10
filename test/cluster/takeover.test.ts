import test, { type ExecutionContext } from 'ava';
import { annotation, fieldManager, parseSavedSelector, selectorOwners } from '../../src/core/index.ts';
import { until } from '../support/until.ts';
import type { RouseProcess } from '../support/rouse-process.ts';
import { clusterLoad } from './harness/cluster-load.ts';
import { clusterOf, type Cluster, type Scope } from './harness/cluster.ts';
import { rouseFromShell } from './harness/rouse-from-shell.ts';
import {
  applications,
  applyAll,
  both,
  deploymentManifest,
  manager,
  on,
  serverSide,
  serviceManifest,
  takeoverScene,
  type Live,
  type TakeoverScene,
} from './harness/takeover-scene.ts';

/** Takeover and hand-back on the real controllers: 50 clients at the ClusterIP see no failed request, whatever is done to the Service meanwhile. */

const closing: (() => unknown)[] = [];
const scope: Scope = { title: 'takeover', teardown: (fn) => void closing.push(fn) };
let cluster: Cluster;
let processes: readonly RouseProcess[] = [];

test.before(async () => {
  cluster = await clusterOf(scope);
  const rouse = await rouseFromShell(scope, cluster);
  const controller = await rouse.startController('10.77.200.10');
  processes = [controller, ...(await Promise.all([rouse.startGateway('10.77.200.1'), rouse.startGateway('10.77.200.2')]))];
});
test.after.always(async () => {
  for (const close of closing.reverse()) await close();
});

const errors = (): readonly string[] => processes.map((one) => one.errors().slice(-2000));
const scene = (t: ExecutionContext, prepare: (namespace: string) => Promise<void>): Promise<TakeoverScene> => takeoverScene(t, cluster, errors, prepare);

test.serial(
  'onboarding and off-boarding fail no request, and leave the Service as it was: its owner’s next server-side apply conflicts with nobody',
  async (t) => {
    const web = await scene(t, async (namespace) => {
      await cluster.kubectl(['apply', '--server-side', '--field-manager=flux', '-n', namespace, '-f', '-'], { stdin: both(namespace, {}) });
    });
    const before = await web.get('service');
    for (let round = 1; round <= 2; round += 1) {
      await cluster.kubectl(['annotate', 'deployment/web', '-n', web.namespace, ...Object.entries(on).map(([key, value]) => `${key}=${value}`)]);
      await web.untilTaken(`round ${round}: taken over`);
      await web.untilServedBy('gateways');
      await cluster.kubectl(['annotate', 'deployment/web', '-n', web.namespace, `${annotation.enabled}-`]);
      await web.untilBack();
      await web.untilServedBy('pods');
    }
    const after = await web.get('service');
    t.deepEqual(after.spec, before.spec);
    t.deepEqual(after.metadata.annotations, before.metadata.annotations);
    t.deepEqual(
      selectorOwners(after.metadata.managedFields).map(({ manager, operation }) => [manager, operation]),
      [['flux', 'Apply']],
    );
    const changed = serviceManifest(web.namespace, { selector: { app: 'web', also: 'this' } });
    await untilNotOurs(web);
    await web.finish(t);
    await web.apply(changed, '--server-side', '--field-manager=flux');
    t.deepEqual((await web.get('service')).spec.selector, { app: 'web', also: 'this' });
    await web.apply(deploymentManifest(web.namespace, { replicas: 1 }, {}), '--server-side', '--field-manager=flux');
    t.is((await web.get('deployment')).spec.replicas, 1, 'nor of the Deployment');
  },
);

/** Whether we are among its managers. */
const isOurs = ({ metadata: { managedFields = [] } }: Live): boolean => JSON.stringify(managedFields).includes(`"${fieldManager}"`);

/** The count before is restored when nothing comes through us any more, and our last write is that nothing is ours. */
const untilNotOurs = (web: TakeoverScene): Promise<unknown> =>
  until(
    'nothing of the Deployment is ours',
    async () => !isOurs(await web.get('deployment')),
    20_000,
    async () => [await web.get('deployment'), errors()],
  );

test.serial('re-applying with the real kubectl in every way changes nothing and fails no request', async (t) => {
  const web = await scene(t, async (namespace) => {
    // One is not enough for Rouse, which owns the count from then on.
    await cluster.kubectl(['apply', '-n', namespace, '-f', '-'], { stdin: both(namespace, on, 1) });
  });
  await web.untilTaken();
  await web.untilTwo('at first');
  const live = async (): Promise<unknown> => {
    const [one, other] = [await web.get('service'), await web.get('deployment')];
    return [one.spec, other.spec, one.metadata.annotations?.[annotation.gatewayPorts], other.metadata.annotations?.[annotation.state]];
  };
  const before = await live();
  const conflict = await cluster.kubectl.try(['apply', '--server-side', ...manager('flux'), '-n', web.namespace, '-f', '-'], {
    stdin: web.deployment({ replicas: 7 }),
  });
  t.regex(conflict.stderr, /conflict with "rouse"[^\n]*\.spec\.replicas/, 'a server-side apply that says another count is told whose it is');
  for (const applied of applications) {
    await applyAll(web, applied);
    t.deepEqual(await live(), before, applied.how);
  }
  await cluster.kubectl(['annotate', 'deployment/web', '-n', web.namespace, `${annotation.enabled}-`]);
  await web.untilBack();
  await web.untilServedBy('pods');
  t.false(isOurs(await web.get('service')));
  await untilNotOurs(web);
  t.is((await web.get('deployment')).spec.replicas, 1);
  await web.finish(t);
  t.deepEqual((await web.get('service')).spec.selector, { app: 'web' });
  for (const name of ['flux', 'kubectl'])
    await web.apply(web.service({ selector: { app: 'web', by: name } }), ...serverSide, ...manager(name), '--force-conflicts');
});

/** Lets the load run a moment with everything as it is. */
const breathe = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test.serial(
  'Services of every form: more ports, by name and by number, a second Service, one made later, deleted, made again; ClientIP and not-ready addresses',
  async (t) => {
    const web = await scene(t, async (namespace) => {
      const ports = [
        { name: 'http', port: 80, targetPort: 'http' },
        { name: 'other', port: 8081, targetPort: 8080 },
      ];
      const items = [JSON.parse(deploymentManifest(namespace)), JSON.parse(serviceManifest(namespace, { ports, publishNotReadyAddresses: true }))] as unknown[];
      await cluster.kubectl(['apply', '-n', namespace, '-f', '-'], { stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
    });
    await web.untilTaken();
    const { clusterIP } = (await web.get('service')).spec;
    const other = clusterLoad(clusterIP, { clients: 5, port: 8081 });
    t.teardown(() => other.stop());
    const kubectl = (args: readonly string[], stdin?: string): Promise<string> =>
      cluster.kubectl([...args, '-n', web.namespace], stdin === undefined ? {} : { stdin });
    const second = (more: Readonly<Record<string, unknown>> = {}): string => {
      const made = JSON.parse(web.service(more)) as { readonly metadata: object };
      return JSON.stringify({ ...made, metadata: { ...made.metadata, name: 'second' } });
    };
    const untilSecond = (who: 'gateways' | 'pods'): Promise<unknown> =>
      until(
        `the second Service leads to ${who}`,
        async () => {
          const managers = await kubectl([
            'get',
            'endpointslices',
            '-l',
            'kubernetes.io/service-name=second',
            '-o',
            'jsonpath={.items[*].metadata.labels.endpointslice\\.kubernetes\\.io/managed-by}',
          ]);
          return managers === (who === 'gateways' ? 'rouse.dev' : 'endpointslice-controller.k8s.io');
        },
        20_000,
        errors,
      );
    await kubectl(['create', '-f', '-'], second({ sessionAffinity: 'ClientIP' }));
    await untilSecond('gateways');
    const secondIP = await kubectl(['get', 'service', 'second', '-o', 'jsonpath={.spec.clusterIP}']);
    // What the slices say nodes do up to a second later: until then they lead to pods, one for each client, too.
    const first = clusterLoad(secondIP, { clients: 2 });
    t.teardown(() => first.stop());
    await until('it answers by a gateway', () => first.throughGateway > 0, 10_000, errors);
    await first.stop();
    const sticky = clusterLoad(secondIP, { clients: 6 });
    await breathe(2000);
    await sticky.stop();
    t.deepEqual(sticky.failures, []);
    t.is(sticky.pods.size, 1, 'one client address, one pod, by whichever gateway');
    for (let round = 1; round <= 3; round += 1) {
      await kubectl(['replace', '--force', '-f', '-'], second());
      await untilSecond('gateways');
    }
    await kubectl(['delete', 'service', 'second']);
    await until(
      'nothing is left of it',
      async () => (await kubectl(['get', 'endpointslices', '-l', 'kubernetes.io/service-name=second', '-o', 'name'])) === '',
      20_000,
      errors,
    );
    await kubectl(['annotate', 'deployment/web', `${annotation.enabled}-`]);
    await web.untilBack();
    await web.untilServedBy('pods');
    await other.stop();
    t.deepEqual(other.failures, []);
    await web.finish(t);
  },
);

test.serial(
  'a selector that is changed while taken over is merged by a patch and replaced by an apply; another writer that insists fails no request',
  async (t) => {
    const labelled = { selector: { matchLabels: { app: 'web' } } };
    const web = await scene(t, async (namespace) => {
      const made = JSON.parse(deploymentManifest(namespace, labelled)) as { readonly spec: { readonly template: { readonly metadata: object } } };
      const template = { ...made.spec.template, metadata: { ...made.spec.template.metadata, labels: { app: 'web', tier: 'front' } } };
      const items = [{ ...made, spec: { ...made.spec, template } }, JSON.parse(serviceManifest(namespace))] as unknown[];
      await cluster.kubectl(['apply', '-n', namespace, '-f', '-'], { stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
    });
    const saved = async (): Promise<unknown> => {
      const text = parseSavedSelector((await web.get('service')).metadata.annotations?.[annotation.selector] ?? '');
      return text.ok ? text.value.selector : text.problem;
    };
    const patch = (selector: Readonly<Record<string, string | null>>): Promise<string> =>
      cluster.kubectl(['patch', 'service', 'web', '-n', web.namespace, '--type=merge', '-p', JSON.stringify({ spec: { selector } })]);
    await web.untilTaken();
    t.deepEqual(await saved(), { app: 'web' });
    await patch({ tier: 'front' });
    t.deepEqual(await saved(), { app: 'web', tier: 'front' }, 'merged');
    await web.apply(web.service());
    t.deepEqual(await saved(), { app: 'web' }, 'replaced by what client-side apply says');
    await web.apply(web.service({ selector: { tier: 'front' } }), '--server-side', ...manager('flux'), '--force-conflicts');
    t.deepEqual(await saved(), { tier: 'front' }, 'replaced by what server-side apply says');
    for (let write = 0; write < 30; write += 1) await patch({ app: 'web' });
    await web.untilTaken('taken over as before');
    t.deepEqual(await saved(), { app: 'web', tier: 'front' });
    // With the webhook out of the way, the next write is met by the controller alone.
    await cluster.kubectl(['delete', 'mutatingwebhookconfiguration', 'rouse']);
    for (let write = 0; write < 10; write += 1) {
      await patch({ app: 'web', tier: 'front' });
      await breathe(write % 3 === 0 ? 300 : 0);
    }
    await web.untilTaken('taken over by the controller');
    await cluster.kubectl(['annotate', 'deployment/web', '-n', web.namespace, `${annotation.enabled}-`]);
    await web.untilBack();
    t.deepEqual((await web.get('service')).spec.selector, { app: 'web', tier: 'front' });
    await web.untilServedBy('pods');
    await web.finish(t);
  },
);

test.serial('a Service that cannot be taken over stays as it is, and its workload is told why', async (t) => {
  const namespace = await cluster.namespace(t);
  const named = (name: string, more: Readonly<Record<string, unknown>>): object => {
    const made = JSON.parse(serviceManifest(namespace, more)) as { readonly metadata: object };
    return { ...made, metadata: { ...made.metadata, name } };
  };
  const both = { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv4', 'IPv6'] };
  const stranger = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'stranger', labels: { app: 'web', of: 'another' } },
    spec: (JSON.parse(deploymentManifest(namespace)) as { readonly spec: { readonly template: { readonly spec: object } } }).spec.template.spec,
  };
  const own = { selector: { matchLabels: { app: 'web', of: 'web' } } };
  const made = JSON.parse(deploymentManifest(namespace, own)) as { readonly spec: { readonly template: object } };
  const items = [
    stranger,
    { ...made, spec: { ...made.spec, template: { ...made.spec.template, metadata: { labels: { app: 'web', of: 'web' } } } } },
    named('shared', {}),
    named('udp', { selector: { app: 'web', of: 'web' }, ports: [{ name: 'dns', port: 53, protocol: 'UDP', targetPort: 'http' }] }),
    named('sctp', { selector: { app: 'web', of: 'web' }, ports: [{ name: 'signal', port: 53, protocol: 'SCTP', targetPort: 'http' }] }),
    named('two-families', { selector: { app: 'web', of: 'web' }, ...both }),
    named('bare', { selector: { app: 'web', of: 'web' }, clusterIP: 'None' }),
  ];
  await cluster.kubectl(['apply', '-n', namespace, '-f', '-'], { stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
  const told = (): Promise<string> =>
    cluster.kubectl([
      'get',
      'events',
      '-n',
      namespace,
      '--field-selector',
      'involvedObject.kind=Deployment,reason=ServiceNotTakenOver',
      '-o',
      'jsonpath={.items[*].message}',
    ]);
  const reasons = [
    /Service shared also selects pods/,
    /Service udp has a UDP or SCTP port/,
    /Service sctp has a UDP or SCTP port/,
    /Service two-families has an IP family/,
  ];
  await until(
    'every reason is told',
    async () => {
      const text = await told();
      return reasons.every((reason) => reason.test(text));
    },
    20_000,
    async () => [await told(), errors()],
  );
  for (const name of ['shared', 'udp', 'sctp', 'two-families', 'bare']) {
    const text = await cluster.kubectl(['get', 'service', name, '-n', namespace, '-o', 'json']);
    t.truthy((JSON.parse(text) as Live).spec.selector, name);
    t.false(text.includes('rouse.dev/selector'), name);
  }
});
