import { until } from '../../support/until.ts';
import type { RouseProcess } from '../../support/rouse-process.ts';
import { clusterOf, type Cluster, type Scope } from './cluster.ts';
import { rouseFromShell } from './rouse-from-shell.ts';

/** A cluster with a controller and a gateway, for all tests of a file. */
export interface ClusterWithRouse {
  readonly cluster: Cluster;
  readonly controller: RouseProcess;
  /** The last that the processes said, for a failure. */
  readonly errors: () => readonly string[];
  /** What the controller says of a workload and its last decisions. */
  readonly explain: (namespace: string, name: string) => Promise<string>;
  close(): Promise<void>;
}

export const clusterWithRouse = async (title: string): Promise<ClusterWithRouse> => {
  const closing: (() => unknown)[] = [];
  const scope: Scope = { title, teardown: (fn) => void closing.push(fn) };
  const close = async (): Promise<void> => {
    for (const end of closing.splice(0).reverse()) await end();
  };
  try {
    const cluster = await clusterOf(scope);
    const rouse = await rouseFromShell(scope, cluster);
    const controller = await rouse.startController('10.77.200.10');
    const processes = [controller, await rouse.startGateway('10.77.200.1')];
    const [, metrics = ''] = await controller.line(/^ready: .*metrics=(\S+)/);
    return {
      cluster,
      controller,
      errors: () => processes.map((one) => one.errors().slice(-3000)),
      explain: async (namespace, name) => (await fetch(new URL(`/workloads/${namespace}/${name}`, metrics))).text(),
      close,
    };
  } catch (failure) {
    await close();
    throw failure;
  }
};

/** A workload and its Service `web` in a namespace. */
export interface WorkloadScene {
  readonly namespace: string;
  /** Resource and name, as kubectl takes them. */
  readonly target: string;
  apply(object: unknown, ...args: readonly string[]): Promise<string>;
  annotate(...annotations: readonly string[]): Promise<string>;
  annotation(key: string): Promise<string>;
  replicas(): Promise<number>;
  /** At zero its pods are gone, too, or about to go. */
  untilReplicas(count: number, withinMs?: number): Promise<void>;
  /** One request at the ClusterIP. */
  ask(): Promise<{ readonly status: number; readonly text: string; readonly ms: number }>;
  /** The Service is taken over, and nodes know where to. */
  untilTaken(): Promise<void>;
  untilBack(): Promise<void>;
  /** Reasons and messages of the Events about the workload. */
  events(): Promise<readonly string[]>;
}

export const workloadScene = ({ cluster, errors, explain }: ClusterWithRouse, namespace: string, target: string): WorkloadScene => {
  const { kubectl } = cluster;
  const name = target.slice(target.indexOf('/') + 1);
  const field = (object: string, path: string): Promise<string> => kubectl(['get', object, '-n', namespace, '-o', `jsonpath={${path}}`]);
  const scalePath = (): string => {
    const [kind = '', group = 'apps'] = target.slice(0, target.indexOf('/')).split(/\.(.*)/);
    const plural = kind.endsWith('s') ? kind : `${kind}s`;
    return `/apis/${group}/v1/namespaces/${namespace}/${plural}/${name}/scale`;
  };
  const scale = async (): Promise<{ readonly wanted: number; readonly there: number }> => {
    const { spec, status } = (await cluster.api('GET', scalePath())).body as unknown as {
      readonly spec: { readonly replicas?: number };
      readonly status: { readonly replicas?: number };
    };
    return { wanted: spec.replicas ?? 0, there: status.replicas ?? 0 };
  };
  const ask = async (): Promise<{ status: number; text: string; ms: number }> => {
    const address = await field('service/web', '.spec.clusterIP');
    const begun = performance.now();
    const answer = await fetch(`http://${address}/`, {
      signal: AbortSignal.timeout(25_000),
      headers: { connection: 'close' },
    });
    return { status: answer.status, text: await answer.text(), ms: performance.now() - begun };
  };
  const seen = async (): Promise<unknown> => [
    (await explain(namespace, name)).slice(-2000),
    await kubectl(['get', 'deployments,statefulsets,pods,services,endpointslices', '-n', namespace, '-o', 'wide']),
    await kubectl(['get', 'events', '-n', namespace]),
    ...errors(),
  ];
  const untilSelector = async (what: string, isThere: boolean): Promise<void> => {
    await until(what, async () => ((await field('service/web', '.spec.selector')) !== '') === isThere, 25_000, seen);
  };
  return {
    namespace,
    target,
    apply: (object, ...args) => kubectl(['apply', '-n', namespace, ...args, '-f', '-'], { stdin: JSON.stringify(object) }),
    annotate: (...annotations) => kubectl(['annotate', target, '-n', namespace, '--overwrite', ...annotations]),
    annotation: (key) => field(target, `.metadata.annotations.${key.replaceAll('.', '\\.')}`),
    replicas: async () => (await scale()).wanted,
    untilReplicas: async (count, withinMs = 25_000) => {
      // Whoever owns the pods hears of a zero later than it is written: woken before that, it keeps those that it has.
      const isSo = async (): Promise<boolean> => {
        const { wanted, there } = await scale();
        return wanted === count && (count > 0 || there === 0);
      };
      await until(`${target} has ${count} replicas`, isSo, withinMs, seen);
    },
    ask,
    untilTaken: async () => {
      await untilSelector('the Service is taken over', false);
      // Whoever comes before nodes have heard of the gateways is refused by them.
      await until(
        'nodes lead to a gateway',
        () =>
          ask().then(
            () => true,
            () => false,
          ),
        25_000,
        seen,
      );
    },
    untilBack: () => untilSelector('the Service is handed back', true),
    events: async () => {
      const lines = await kubectl([
        'get',
        'events',
        '-n',
        namespace,
        '--field-selector',
        `involvedObject.name=${name}`,
        '-o',
        'jsonpath={range .items[*]}{.reason}: {.message}{"\\n"}{end}',
      ]);
      return lines.split('\n').filter((line) => line !== '');
    },
  };
};
