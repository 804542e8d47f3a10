import type { Clock, Logger, Random } from '../../core/index.ts';
import {
  configMapView,
  endpointSliceView,
  namespaceView,
  podView,
  resources,
  serviceView,
  watchNamespaces,
  workloadView,
  type ConfigMapView,
  type EndpointSliceView,
  type KubeConnection,
  type NamespacedSnapshots,
  type NamespaceView,
  type ReflectorState,
  type Resource,
  type ServiceView,
  type PodView,
  type Selection,
  type Snapshot,
  type WorkloadView,
} from '../../kube/index.ts';
import { systemNamespace } from '../../core/index.ts';
import type { WatchFigures } from '../../metrics/index.ts';
import { watchSelections } from './joined-watch.ts';

/** Everything that the controller follows in the cluster. */
export interface ClusterWatches {
  readonly workloads: readonly Snapshot<WorkloadView>[];
  readonly namespaces: Snapshot<NamespaceView>;
  readonly configMaps: Snapshot<ConfigMapView>;
  readonly services: Snapshot<ServiceView>;
  readonly endpointSlices: Snapshot<EndpointSliceView>;
  /** Of the namespaces that have workloads. */
  readonly pods: NamespacedSnapshots<PodView>;
  /** Everything but the pods is in. */
  readonly synced: Promise<void>;
  /** How each is doing, by resource. */
  figures(): readonly WatchFigures[];
  /** Names of watches that are out of touch with the API server. */
  outOfTouch(): readonly string[];
  run(signal: AbortSignal): Promise<void>;
}

/** As names in `outOfTouch` begin. */
const nameOf = ({ group, plural }: Resource): string => (group === '' ? plural : `${plural}.${group}`);

type Watched<V> = ReturnType<typeof watchSelections<V>>;

/** `only`: nothing but these namespaces is looked at, as we may not read others; left out: all. */
export const watchCluster = (
  connection: KubeConnection,
  around: { readonly clock: Clock; readonly random: Random; readonly logger: Logger },
  only?: readonly string[],
): ClusterWatches => {
  const silent = new Set<string>();
  const onState = ({ resource, namespace, phase }: ReflectorState): void => {
    const name = namespace === undefined ? resource : `${resource} in ${namespace}`;
    if (phase === 'waiting') silent.add(name);
    else silent.delete(name);
  };
  const common = { connection, ...around, onState };
  const inside = only?.map((namespace) => ({ namespace })) ?? [{}];
  const watch = <V>(resource: Resource, view: (raw: unknown) => V | undefined, selections: readonly Selection[] = inside): Watched<V> =>
    watchSelections({ ...common, resource, view }, selections);
  const deployments = watch(resources.deployments, workloadView('deployments.apps'));
  const statefulSets = watch(resources.statefulSets, workloadView('statefulsets.apps'));
  const namespaces = watch(resources.namespaces, namespaceView, only?.map((name) => ({ fieldSelector: `metadata.name=${name}` })) ?? [{}]);
  const configMaps = watch(resources.configMaps, configMapView, [{ namespace: systemNamespace, fieldSelector: 'metadata.name=rouse-config' }]);
  const services = watch(resources.services, serviceView);
  const endpointSlices = watch(resources.endpointSlices, endpointSliceView);
  const pods = watchNamespaces({ ...common, resource: resources.pods, view: podView, ...(only === undefined ? {} : { mostWatches: Infinity }) });
  const all = [deployments, statefulSets, namespaces, configMaps, services, endpointSlices];
  const named = [
    [resources.deployments, deployments],
    [resources.statefulSets, statefulSets],
    [resources.namespaces, namespaces],
    [resources.configMaps, configMaps],
    [resources.services, services],
    [resources.endpointSlices, endpointSlices],
    [resources.pods, pods],
  ] as const;
  const figures = (): readonly WatchFigures[] => {
    const lost = new Set([...silent].map((name) => name.split(' ', 1)[0]));
    return named.map(([resource, watched]) => {
      const [name, heard] = [nameOf(resource), watched.lastHeard()];
      return { resource: name, inTouch: !lost.has(name), lastHeardSeconds: heard === undefined ? undefined : heard / 1000 };
    });
  };
  return {
    workloads: [deployments.snapshot, statefulSets.snapshot],
    namespaces: namespaces.snapshot,
    configMaps: configMaps.snapshot,
    services: services.snapshot,
    endpointSlices: endpointSlices.snapshot,
    pods,
    synced: Promise.all(all.map(({ snapshot }) => snapshot.synced)).then(() => undefined),
    figures,
    outOfTouch: () => [...silent],
    run: async (signal) => {
      await Promise.all([...all, pods].map((watch) => watch.run(signal)));
    },
  };
};
