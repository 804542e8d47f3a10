import type { ExecutionContext } from 'ava';
import { annotation, type selectorOwners } from '../../../src/core/index.ts';
import { deployment, service } from '../../support/app.ts';
import { until } from '../../support/until.ts';
import { clusterLoad, type ClusterLoad } from './cluster-load.ts';
import type { Cluster } from './cluster.ts';

export interface Live {
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
export const on = { [annotation.enabled]: 'true', 'rouse.dev/window': '6s', 'rouse.dev/min-scale': '2', 'rouse.dev/max-scale': '2' };

/** A namespace with two pods behind a Service, and 50 clients at it. */
export interface TakeoverScene {
  readonly namespace: string;
  readonly load: ClusterLoad;
  readonly deployment: (more?: Readonly<Record<string, unknown>>, annotations?: Readonly<Record<string, string>>) => string;
  readonly service: (more?: Readonly<Record<string, unknown>>) => string;
  get(kind: 'service' | 'deployment'): Promise<Live>;
  apply(manifest: string, ...args: readonly string[]): Promise<string>;
  untilTaken(what?: string): Promise<void>;
  untilBack(): Promise<void>;
  /** `how` it was applied: the count is 2 (again). */
  untilTwo(how: string): Promise<unknown>;
  /** Nodes lead to gateways alone, or to pods alone, where no gateway has anything left; or to both. */
  untilServedBy(who: 'gateways' | 'pods' | 'both'): Promise<void>;
  finish(t: ExecutionContext): Promise<void>;
}

type Prepare = (namespace: string) => Promise<void>;

/** `prepare` makes the Deployment and the Service, both `web`, in the namespace. */
export const takeoverScene = async (t: ExecutionContext, cluster: Cluster, errors: () => readonly string[], prepare: Prepare): Promise<TakeoverScene> => {
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
  const managersOfSlices = (): Promise<string> =>
    cluster.kubectl(['get', 'endpointslices', '-n', namespace, '-o', 'jsonpath={.items[*].metadata.labels.endpointslice\\.kubernetes\\.io/managed-by}']);
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
          const managers = await managersOfSlices();
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
          const managers = await managersOfSlices();
          const ours = Object.keys(metadata.annotations ?? {}).filter((key) => key.startsWith('rouse.dev/'));
          return spec.selector !== undefined && ours.length === 0 && managers === 'endpointslice-controller.k8s.io';
        },
        20_000,
        told,
      ).then(() => undefined),
    untilTwo: (how) => until(`${how}: two pods`, async () => (await get('deployment')).spec.replicas === 2, 30_000, errors),
    untilServedBy: async (who) => {
      const seen = (): readonly number[] => [load.throughGateway, load.fresh.throughGateway, load.fresh.answered];
      for (let quiet = 0, before = seen(); quiet < 3;) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        const now = seen();
        const [byGateway = 0, fresh = 0, all = 0] = now.map((count, index) => count - (before[index] ?? 0));
        before = now;
        if (all === 0) continue;
        // Connections to pods that were made before stay with them; the gateways end theirs.
        const isSo = { gateways: fresh === all, pods: byGateway === 0, both: fresh > 0 && fresh < all }[who];
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

/**
 * The program serves on for a while after SIGTERM, as behind any proxy: nodes hear of its end up to a second later, and gateways, where an apply takes pods away
 * while no controller runs, only from the next one.
 */
export const deploymentManifest = (
  namespace: string,
  more: Readonly<Record<string, unknown>> = {},
  annotations: Readonly<Record<string, string>> = on,
): string => {
  const made = deployment('web', { namespace, replicas: 2, annotations, env: { DRAIN_MS: '10000' } }) as {
    readonly spec: { readonly template: { readonly spec: object } } & Record<string, unknown>;
  };
  const template = { ...made.spec.template, spec: { ...made.spec.template.spec, terminationGracePeriodSeconds: 15 } };
  const spec: Record<string, unknown> = { ...made.spec, template, ...more };
  return JSON.stringify({ ...made, spec: Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined)) });
};

export const serviceManifest = (namespace: string, more: Readonly<Record<string, unknown>> = {}): string => {
  const made = service('web', namespace) as { readonly spec: object };
  return JSON.stringify({ ...made, spec: { ...made.spec, ...more } });
};

export const both = (namespace: string, annotations: Readonly<Record<string, string>> = on, replicas = 2): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'List',
    items: [JSON.parse(deploymentManifest(namespace, { replicas }, annotations)), JSON.parse(serviceManifest(namespace))],
  });

export interface Applied {
  readonly how: string;
  readonly args: readonly string[];
  /** Of the Deployment's manifest; undefined: it says none. */
  readonly replicas: number | undefined;
}

export const manager = (name: string): readonly string[] => [`--field-manager=${name}`];
export const serverSide = ['--server-side'] as const;

/** By the same manager as the first time (client-side kubectl), or another; with replicas or without. A count that conflicts with ours has to be forced. */
export const applications: readonly Applied[] = [
  { how: 'client-side', args: [], replicas: 5 },
  { how: 'client-side, without replicas', args: [], replicas: undefined },
  { how: 'client-side by another', args: manager('argo'), replicas: 4 },
  { how: 'client-side by another, without replicas', args: manager('argo'), replicas: undefined },
  { how: 'server-side', args: [...serverSide, '--force-conflicts'], replicas: 5 },
  { how: 'server-side, without replicas', args: serverSide, replicas: undefined },
  { how: 'server-side by another', args: [...serverSide, ...manager('flux'), '--force-conflicts'], replicas: 4 },
  { how: 'server-side by another, without replicas', args: [...serverSide, ...manager('flux')], replicas: undefined },
];

export const applyAll = async (web: TakeoverScene, { args, replicas }: Applied): Promise<void> => {
  await web.apply(web.deployment({ replicas }), ...args);
  await web.apply(web.service(), ...args);
};
