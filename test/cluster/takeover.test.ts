import test, { type ExecutionContext } from 'ava';
import { annotation, fieldManager, selectorOwners } from '../../src/core/index.ts';
import { deployment, service } from '../support/app.ts';
import { until } from '../support/until.ts';
import type { RouseProcess } from '../support/rouse-process.ts';
import { clusterLoad, type ClusterLoad } from './harness/cluster-load.ts';
import { clusterOf, type Cluster, type Scope } from './harness/cluster.ts';
import { rouseFromShell, type RouseFromShell } from './harness/rouse-from-shell.ts';

/** Takeover and hand-back on the real controllers: 50 clients at the ClusterIP see no failed request, whatever is done to the Service meanwhile. */

const closing: (() => unknown)[] = [];
const scope: Scope = { title: 'takeover', teardown: (fn) => void closing.push(fn) };
let cluster: Cluster;
let rouse: RouseFromShell;
let controller: RouseProcess;
const processes: RouseProcess[] = [];

test.before(async () => {
  cluster = await clusterOf(scope);
  rouse = await rouseFromShell(scope, cluster);
  controller = await rouse.startController('10.77.200.10');
  processes.push(controller, ...(await Promise.all([rouse.startGateway('10.77.200.1'), rouse.startGateway('10.77.200.2')])));
});
test.after.always(async () => {
  for (const close of closing.reverse()) await close();
});

interface Live {
  readonly metadata: {
    readonly annotations?: Readonly<Record<string, string>>;
    readonly managedFields?: Parameters<typeof selectorOwners>[0];
  };
  readonly spec: {
    readonly clusterIP: string;
    readonly selector?: Readonly<Record<string, string>>;
    readonly replicas?: number;
    readonly ports: readonly unknown[];
  };
}

/** Two pods are kept, whatever a manifest says. */
const on = { [annotation.enabled]: 'true', 'rouse.dev/window': '6s', 'rouse.dev/min-scale': '2', 'rouse.dev/max-scale': '2' };

const errors = (): readonly string[] => processes.map((one) => one.errors().slice(-2000));

/** A namespace with two pods behind a Service, and 50 clients at it. */
interface Scene {
  readonly namespace: string;
  readonly load: ClusterLoad;
  readonly deployment: (more?: Readonly<Record<string, unknown>>, annotations?: Readonly<Record<string, string>>) => string;
  readonly service: (more?: Readonly<Record<string, unknown>>) => string;
  get(kind: 'service' | 'deployment'): Promise<Live>;
  apply(manifest: string, ...args: readonly string[]): Promise<string>;
  untilTaken(what?: string): Promise<void>;
  untilBack(): Promise<void>;
  /** Everything is served by gateways from now on, or by pods. */
  untilServedBy(who: 'gateways' | 'pods'): Promise<void>;
  finish(t: ExecutionContext): Promise<void>;
}

const scene = async (t: ExecutionContext, prepare: (namespace: string) => Promise<void>): Promise<Scene> => {
  const namespace = await cluster.namespace(t);
  await prepare(namespace);
  const get = async (kind: 'service' | 'deployment'): Promise<Live> =>
    JSON.parse(await cluster.kubectl(['get', kind, 'web', '-n', namespace, '-o', 'json', '--show-managed-fields'])) as Live;
  await cluster.kubectl(['rollout', 'status', 'deployment/web', '-n', namespace, '--timeout=25s']);
  const { clusterIP } = (await get('service')).spec;
  // Nodes hear of a Service up to a second later than its owner.
  await until(
    'the Service answers',
    () =>
      fetch(`http://${clusterIP}/`).then(
        ({ ok }) => ok,
        () => false,
      ),
    20_000,
    errors,
  );
  const load = clusterLoad(clusterIP);
  t.teardown(() => load.stop());
  const slices = (): Promise<string> => cluster.kubectl(['get', 'endpointslices,service', '-n', namespace, '-o', 'wide']);
  const told = async (): Promise<unknown> => [await slices(), load.failures.slice(-5), ...errors()];
  await until('the load is on', () => load.answered > 100, 20_000, told);
  return {
    namespace,
    load,
    deployment: (more = {}, annotations = on) => deploymentManifest(namespace, more, annotations),
    service: (more = {}) => serviceManifest(namespace, more),
    get,
    apply: (manifest, ...args) => cluster.kubectl(['apply', '-n', namespace, ...args, '-f', '-'], { stdin: manifest }),
    untilTaken: (what = 'the Service is taken over') =>
      until(
        what,
        async () => {
          const { metadata, spec } = await get('service');
          const managers = await cluster.kubectl([
            'get',
            'endpointslices',
            '-n',
            namespace,
            '-o',
            'jsonpath={.items[*].metadata.labels.endpointslice\\.kubernetes\\.io/managed-by}',
          ]);
          return spec.selector === undefined && metadata.annotations?.[annotation.selector] !== undefined && managers === 'rouse.dev';
        },
        20_000,
        told,
      ).then(() => undefined),
    untilBack: () =>
      until(
        'the Service is handed back',
        async () => {
          const { metadata, spec } = await get('service');
          const managers = await cluster.kubectl([
            'get',
            'endpointslices',
            '-n',
            namespace,
            '-o',
            'jsonpath={.items[*].metadata.labels.endpointslice\\.kubernetes\\.io/managed-by}',
          ]);
          const ours = Object.keys(metadata.annotations ?? {}).filter((key) => key.startsWith('rouse.dev/'));
          return spec.selector !== undefined && ours.length === 0 && managers === 'endpointslice-controller.k8s.io';
        },
        20_000,
        told,
      ).then(() => undefined),
    untilServedBy: async (who) => {
      for (let quiet = 0, [gateways, answered] = [load.throughGateway, load.answered]; quiet < 3;) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        const [byGateway, all] = [load.throughGateway - gateways, load.answered - answered];
        [gateways, answered] = [load.throughGateway, load.answered];
        if (all === 0) continue;
        // Connections to pods that were made before stay with them; the gateways end theirs.
        const isSo = who === 'gateways' ? byGateway > 0.4 * all : byGateway === 0;
        quiet = isSo ? quiet + 1 : 0;
      }
    },
    finish: async (tt) => {
      await load.stop();
      tt.deepEqual(load.failures.slice(0, 20), []);
      tt.true(load.answered > 200, `${load.answered} answers`);
    },
  };
};

/** The program serves on for a while after SIGTERM, as behind any proxy: nodes hear of its end up to a second later. */
const deploymentManifest = (namespace: string, more: Readonly<Record<string, unknown>> = {}, annotations: Readonly<Record<string, string>> = on): string => {
  const made = deployment('web', { namespace, replicas: 2, annotations, env: { DRAIN_MS: '3000' } }) as {
    readonly spec: { readonly template: { readonly spec: object } } & Record<string, unknown>;
  };
  const template = { ...made.spec.template, spec: { ...made.spec.template.spec, terminationGracePeriodSeconds: 10 } };
  const spec: Record<string, unknown> = { ...made.spec, template, ...more };
  return JSON.stringify({ ...made, spec: Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined)) });
};

const serviceManifest = (namespace: string, more: Readonly<Record<string, unknown>> = {}): string => {
  const made = service('web', namespace) as { readonly spec: object };
  return JSON.stringify({ ...made, spec: { ...made.spec, ...more } });
};

const both = (namespace: string, annotations: Readonly<Record<string, string>> = on, replicas = 2): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'List',
    items: [JSON.parse(deploymentManifest(namespace, { replicas }, annotations)), JSON.parse(serviceManifest(namespace))],
  });

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
    await web.finish(t);
    await web.apply(changed, '--server-side', '--field-manager=flux');
    t.deepEqual((await web.get('service')).spec.selector, { app: 'web', also: 'this' });
    await web.apply(deploymentManifest(web.namespace, { replicas: 1 }, {}), '--server-side', '--field-manager=flux');
    t.is((await web.get('deployment')).spec.replicas, 1, 'nor of the Deployment');
  },
);

interface Applied {
  readonly how: string;
  readonly args: readonly string[];
  /** Of the Deployment's manifest; undefined: it says none. */
  readonly replicas: number | undefined;
}

const manager = (name: string): readonly string[] => [`--field-manager=${name}`];
const serverSide = ['--server-side'] as const;

/** By the same manager as the first time (client-side kubectl), or another; with replicas or without. A count that conflicts with ours has to be forced. */
const applications: readonly Applied[] = [
  { how: 'client-side', args: [], replicas: 5 },
  { how: 'client-side, without replicas', args: [], replicas: undefined },
  { how: 'client-side by another', args: manager('argo'), replicas: 4 },
  { how: 'client-side by another, without replicas', args: manager('argo'), replicas: undefined },
  { how: 'server-side', args: [...serverSide, '--force-conflicts'], replicas: 5 },
  { how: 'server-side, without replicas', args: serverSide, replicas: undefined },
  { how: 'server-side by another', args: [...serverSide, ...manager('flux'), '--force-conflicts'], replicas: 4 },
  { how: 'server-side by another, without replicas', args: [...serverSide, ...manager('flux')], replicas: undefined },
];

const applyAll = async (web: Scene, { args, replicas }: Applied): Promise<void> => {
  await web.apply(web.deployment({ replicas }), ...args);
  await web.apply(web.service(), ...args);
};

/** Whether we are among its managers. */
const isOurs = ({ metadata: { managedFields = [] } }: Live): boolean => JSON.stringify(managedFields).includes(`"${fieldManager}"`);

const untilTwo = (web: Scene, how: string): Promise<unknown> =>
  until(`${how}: two pods`, async () => (await web.get('deployment')).spec.replicas === 2, 30_000, errors);

test.serial('re-applying with the real kubectl in every way changes nothing and fails no request', async (t) => {
  const web = await scene(t, async (namespace) => {
    // One is not enough for Rouse, which owns the count from then on.
    await cluster.kubectl(['apply', '-n', namespace, '-f', '-'], { stdin: both(namespace, on, 1) });
  });
  await web.untilTaken();
  await untilTwo(web, 'at first');
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
  // The count before is restored when nothing comes through us any more, and our last write is that nothing is ours.
  await until(
    'nothing of the Deployment is ours',
    async () => !isOurs(await web.get('deployment')),
    20_000,
    async () => [await web.get('deployment'), errors()],
  );
  t.is((await web.get('deployment')).spec.replicas, 1);
  await web.finish(t);
  t.deepEqual((await web.get('service')).spec.selector, { app: 'web' });
  for (const name of ['flux', 'kubectl'])
    await web.apply(web.service({ selector: { app: 'web', by: name } }), ...serverSide, ...manager(name), '--force-conflicts');
});

test.serial('re-applying while the webhook is down fails no request, and the next controller puts everything right', async (t) => {
  const web = await scene(t, async (namespace) => {
    await cluster.kubectl(['apply', '-n', namespace, '-f', '-'], { stdin: both(namespace) });
  });
  await web.untilTaken();
  for (const applied of applications) {
    await controller.stop();
    await applyAll(web, applied);
    t.deepEqual((await web.get('service')).spec.selector, { app: 'web' }, `${applied.how}: nobody kept it back`);
    await web.untilServedBy('gateways');
    controller = await rouse.startController('10.77.200.10', 0);
    processes[0] = controller;
    await web.untilTaken(`${applied.how}: taken over again`);
    await untilTwo(web, applied.how);
  }
  await cluster.kubectl(['annotate', 'deployment/web', '-n', web.namespace, `${annotation.enabled}-`]);
  await web.untilBack();
  await web.untilServedBy('pods');
  await web.finish(t);
  t.deepEqual((await web.get('service')).spec.selector, { app: 'web' });
});
