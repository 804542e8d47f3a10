import type { ExecutionContext } from 'ava';
import { annotation } from '../../../src/core/index.ts';
import { deployment, service } from '../../support/app.ts';
import { until } from '../../support/until.ts';
import { clusterOf, type Cluster, type Scope } from '../harness/cluster.ts';
import { ask, leadsToGateways, startLoad, type Load } from './load.ts';
import { gatewayAddresses, startProcesses, type Processes } from './processes.ts';

/** What a fault happens to: Rouse, an app `busy` under load that needs two pods, no more and no fewer, and an app `idle` at zero. */
export interface Scene {
  readonly cluster: Cluster;
  readonly rouse: Processes;
  readonly namespace: string;
  /** Sets the load on and waits until all is as it should be; `end` says that it still is. */
  begin(t: ExecutionContext): Promise<Fault>;
  close(): Promise<void>;
}

/** While something is broken. */
export interface Fault {
  readonly load: Load;
  /** One request to the app at zero, through its Service or straight to a gateway: resolves with the answer of its pod. */
  wake(gateway?: string): Promise<string>;
  /** The app that sleeps does so. */
  isIdle(): Promise<boolean>;
  /** Resolves after `ms` of the load going on. */
  during(ms: number): Promise<void>;
  /** The addresses that the Service of `busy` leads to. */
  endpoints(): Promise<readonly string[]>;
  /** Waits until the Service leads to exactly these gateways. */
  leadsTo(addresses: readonly string[], withinMs?: number): Promise<void>;
  /**
   * The load has gone on, the count was never lower than before nor (by more than `mayRiseBy`) higher, and, unless `failures` allows some, no request
   * has failed.
   */
  end(failures?: (failures: Load['failures']) => void, mayRiseBy?: number): Promise<void>;
}

/** Eight at once, five to a pod: two pods, with room for error on both sides. */
const clients = 8;
const settings = {
  [annotation.enabled]: 'true',
  'rouse.dev/window': '6s',
  'rouse.dev/target': '5',
  'rouse.dev/target-utilization-percentage': '100',
  'rouse.dev/max-scale': '6',
  'rouse.dev/hold-timeout': '3m',
};
const pods = 2;

interface ReplicaSets {
  readonly items: readonly { readonly metadata: { readonly generation: number }; readonly spec: { readonly replicas: number } }[];
}
interface Slices {
  readonly items: readonly {
    readonly ports?: readonly { readonly port?: number }[] | null;
    readonly endpoints?: readonly { readonly addresses: readonly string[]; readonly conditions?: { readonly ready?: boolean } }[] | null;
  }[];
}

export const startScene = async (title: string): Promise<Scene> => {
  const closing: (() => unknown)[] = [];
  const scope: Scope = { title, teardown: (fn) => void closing.push(fn) };
  const close = async (): Promise<void> => {
    for (const end of closing.splice(0).reverse()) await end();
  };
  try {
    const cluster = await clusterOf(scope);
    const rouse = await startProcesses(scope, cluster);
    const namespace = await cluster.namespace(scope);
    return { ...(await createApps(cluster, rouse, namespace)), close };
  } catch (failure) {
    await close();
    throw failure;
  }
};

const createApps = async (cluster: Cluster, rouse: Processes, namespace: string): Promise<Omit<Scene, 'close'>> => {
  const { api } = cluster;
  const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  const services = `/api/v1/namespaces/${namespace}/services`;
  const addresses = new Map<string, string>();
  for (const [name, replicas] of [
    ['busy', pods],
    ['idle', 0],
  ] as const) {
    // It serves on for a while after SIGTERM: nodes hear of an end up to a second later.
    const app = deployment(name, { namespace, replicas, annotations: settings, env: { DRAIN_MS: '1500' } });
    for (const [path, object] of [
      [deployments, app],
      [services, service(name, namespace)],
    ] as const) {
      const { status, body } = await api('POST', path, object);
      if (status !== 201) throw new Error(JSON.stringify(body));
      const { clusterIP } = (body.spec ?? {}) as { readonly clusterIP?: string };
      if (clusterIP !== undefined) addresses.set(name, clusterIP);
    }
  }
  const hostOf = (name: string): string => addresses.get(name) ?? '';
  const countOf = async (name: string): Promise<{ readonly replicas: number; readonly changes: number }> => {
    const { items } = (await api('GET', `/apis/apps/v1/namespaces/${namespace}/replicasets?labelSelector=app%3D${name}`)).body as unknown as ReplicaSets;
    return { replicas: items[0]?.spec.replicas ?? -1, changes: items[0]?.metadata.generation ?? 0 };
  };
  const slicesOf = async (name: string): Promise<Slices['items']> => {
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3D${name}`;
    return ((await api('GET', path)).body as unknown as Slices).items;
  };
  const endpointsOf = async (name: string): Promise<readonly string[]> =>
    (await slicesOf(name)).flatMap(({ endpoints }) => (endpoints ?? []).flatMap((endpoint) => endpoint.addresses)).sort();
  /** Where gateways listen for an app whose Service leads to them. */
  const gatewayPort = async (name: string): Promise<number> => (await slicesOf(name))[0]?.ports?.[0]?.port ?? 0;
  const leadsTo = async (name: string, wanted: readonly string[], withinMs = 20_000): Promise<void> => {
    const seen = async (): Promise<unknown> => [await endpointsOf(name), rouse.errors()];
    await until(`${name} leads to ${wanted.join()}`, async () => (await endpointsOf(name)).join() === [...wanted].sort().join(), withinMs, seen);
  };
  const begin = async (t: ExecutionContext): Promise<Fault> => {
    for (const name of ['busy', 'idle']) await leadsTo(name, gatewayAddresses, 30_000);
    // Or half of the load would stay with the pods, unseen by any gateway.
    await leadsToGateways(hostOf('busy'));
    const load = startLoad(hostOf('busy'), clients);
    t.teardown(() => load.stop());
    await until(
      'the other one sleeps',
      async () => (await countOf('idle')).replicas === 0,
      40_000,
      async () => [(await api('GET', `${deployments}/idle`)).body.metadata?.annotations, rouse.errors()],
    );
    // For longer than a window: what was measured before the load may still take a pod away, which comes back.
    await goesOn(load, clients * 36);
    await until(
      'two pods are what the load needs',
      async () => (await countOf('busy')).replicas === pods,
      30_000,
      () => rouse.errors(),
    );
    const before = await countOf('busy');
    const counts = watchCounts(() => countOf('busy').then(({ replicas }) => replicas));
    t.teardown(() => counts.stop());
    // What failed before the fault (kube-proxy had yet to hear of a Service) is none of its doing.
    const from = performance.now();
    return {
      load,
      wake: async (gateway) => (gateway === undefined ? ask(hostOf('idle')) : ask(gateway, '/', await gatewayPort('idle'))),
      isIdle: async () => (await countOf('idle')).replicas === 0,
      during: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      endpoints: () => endpointsOf('busy'),
      leadsTo: (wanted, withinMs) => leadsTo('busy', wanted, withinMs),
      end: async (judge, mayRiseBy = 0) => {
        await goesOn(load, clients * 20);
        await load.stop();
        const failures = load.failures.filter(({ at }) => at >= from);
        if (judge === undefined) t.deepEqual(failures, [], rouse.errors().join('\n'));
        else judge(failures);
        const seen = await counts.stop();
        t.true(seen.lowest >= before.replicas && seen.highest <= before.replicas + mayRiseBy, `the count was between ${seen.lowest} and ${seen.highest}`);
        if (mayRiseBy === 0) t.deepEqual(await countOf('busy'), before, 'nobody has touched the count');
      },
    };
  };
  return { cluster, rouse, namespace, begin };
};

/** Looks at the count again and again; while the API server is away there is nothing to see. */
const watchCounts = (look: () => Promise<number>): { stop(): Promise<{ readonly lowest: number; readonly highest: number }> } => {
  let [lowest, highest, running] = [Number.POSITIVE_INFINITY, 0, true];
  const watched = (async () => {
    while (running) {
      await look().then(
        (count) => ([lowest, highest] = [Math.min(lowest, count), Math.max(highest, count)]),
        () => undefined,
      );
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  })();
  return {
    stop: async () => {
      running = false;
      await watched;
      return { lowest, highest };
    },
  };
};

const goesOn = async (load: Load, answers: number): Promise<void> => {
  const from = load.answered;
  await until(
    `${answers} more answers`,
    () => load.answered >= from + answers,
    60_000,
    () => load.failures.slice(-5),
  );
};
