import { annotation, RouseError, systemNamespace, type Clock, type Logger, type Random } from '../../core/index.ts';
import { resources } from '../../kube/index.ts';
import {
  ApiError,
  findKind,
  startControllers,
  startEmbeddedApi,
  startEmbeddedKubelet,
  type EmbeddedApi,
  type PodLogSource,
  type PodUsageSource,
} from '../../local/index.ts';
import { CommandError } from '../exit-code.ts';
import { portProblem } from '../listen.ts';
import type { SourcedManifest } from '../manifests.ts';

export interface LocalClusterOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly apiPort: number;
  /** What every pod's process gets, and where its command runs unless it says otherwise. */
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** The embedded cluster: API, controllers and one node. */
export interface LocalCluster {
  readonly api: EmbeddedApi;
  /** Creates the objects in order, through admission. Throws a `CommandError` that names the first one that is refused, and where it stands. */
  apply(manifests: readonly SourcedManifest[]): Promise<void>;
  /** A token for the ServiceAccount `name` of our own namespace. */
  token(name: string, audiences?: readonly string[]): string;
  /** Writes down where the controller answers, for commands that know the cluster only. */
  tellController(url: string): Promise<void>;
  close(): Promise<void>;
}

/** Long enough for what is in flight, short enough for somebody who pressed Ctrl-C. */
const podGraceMs = 2000;
const accounts = ['rouse-controller', 'rouse-gateway'];

export const startLocalCluster = async (options: LocalClusterOptions): Promise<LocalCluster> => {
  const { clock, random, logger } = options;
  const node: { logs?: PodLogSource; usage?: PodUsageSource } = {};
  const api = await startEmbeddedApi({
    clock,
    random,
    logger: logger.child({ part: 'api' }),
    httpsPort: options.apiPort,
    logSource: {
      open: (...args) => {
        if (node.logs === undefined) throw new RouseError('starting', 'the node is starting');
        return node.logs.open(...args);
      },
    },
    usageSource: { measure: () => node.usage?.measure() ?? Promise.resolve([]) },
  }).catch((failure: unknown) => {
    throw portProblem(failure, { host: '127.0.0.1', port: options.apiPort, flag: '--api-port' });
  });
  const stops: (() => Promise<void> | void)[] = [() => api.close()];
  const close = async (): Promise<void> => {
    for (const stop of stops.splice(0).reverse()) await stop();
  };
  try {
    const controllers = startControllers(api.api, clock, random, logger.child({ part: 'cluster' }), { caPem: api.caPem });
    stops.push(() => controllers.close());
    const kubelet = await startEmbeddedKubelet({
      api: api.api,
      clock,
      random,
      logger: logger.child({ part: 'kubelet' }),
      baseEnvironment: options.environment,
      cwd: options.cwd,
    });
    stops.push(() => kubelet.close(podGraceMs));
    [node.logs, node.usage] = [kubelet.logs, kubelet.usage];
    await installNamespace(api);
  } catch (failure) {
    await close();
    throw failure;
  }
  return {
    api,
    apply: (manifests) => apply(api, manifests),
    tellController: async (url) => {
      const namespace = api.api.get(resources.namespaces, undefined, systemNamespace);
      const annotations = { ...namespace?.metadata.annotations, [annotation.localController]: url };
      await api.api.update(resources.namespaces, { ...namespace, metadata: { ...namespace?.metadata, annotations } }, installer);
    },
    token: (name, audiences) => api.serviceAccountToken(systemNamespace, name, audiences),
    close,
  };
};

const installer = 'rouse-local';
const serviceAccounts = { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true };

/** What `deploy/` makes in a cluster: our namespace and the users that controller and gateways are. */
const installNamespace = async ({ api }: EmbeddedApi): Promise<void> => {
  await api.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: systemNamespace } }, installer);
  for (const name of accounts)
    await api.create(serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: systemNamespace } }, installer);
};

/** As `kubectl create --save-config` would, so that a later `kubectl apply` finds what it needs. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

const apply = async (api: EmbeddedApi, manifests: readonly SourcedManifest[]): Promise<void> => {
  for (const { object, at, resource } of known(manifests)) {
    const metadata = { ...object.metadata, ...(resource.namespaced ? { namespace: object.metadata.namespace ?? 'default' } : {}) };
    const saved = JSON.stringify({ ...object, metadata: { annotations: {}, ...metadata } });
    const complete = { ...object, metadata: { ...metadata, annotations: { ...metadata.annotations, [lastApplied]: `${saved}\n` } } };
    try {
      await api.api.create(resource, complete, 'kubectl-client-side-apply');
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      throw new CommandError('usage', `${at}: ${object.kind} ${object.metadata.name}: ${failure.message.replaceAll('\n', ' ')}`, failure);
    }
  }
};

/** The manifests with the resources of their kinds. Throws a `CommandError` for a kind that the embedded cluster does not have. */
export const known = (manifests: readonly SourcedManifest[]): readonly (SourcedManifest & { readonly resource: NonNullable<ReturnType<typeof findKind>> })[] =>
  manifests.map(({ object, at }) => {
    const resource = findKind(object.apiVersion, object.kind);
    if (resource === undefined) throw new CommandError('usage', `${at}: the embedded cluster has no kind ${object.kind} of ${object.apiVersion}`);
    return { object, at, resource };
  });
