import type { Clock, Logger, Random } from '../core/index.ts';
import {
  configMapView,
  endpointSliceView,
  namespaceView,
  podView,
  resources,
  serviceView,
  watchNamespaces,
  watchResource,
  workloadView,
  type ConfigMapView,
  type EndpointSliceView,
  type KubeConnection,
  type NamespacedSnapshots,
  type NamespaceView,
  type ReflectorState,
  type ResourceWatch,
  type ServiceView,
  type PodView,
  type Snapshot,
  type WorkloadView,
} from '../kube/index.ts';
import { systemNamespace } from '../core/index.ts';

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
  /** Names of watches that are out of touch with the API server. */
  outOfTouch(): readonly string[];
  run(signal: AbortSignal): Promise<void>;
}

export const watchCluster = (
  connection: KubeConnection,
  around: { readonly clock: Clock; readonly random: Random; readonly logger: Logger },
): ClusterWatches => {
  const silent = new Set<string>();
  const onState = ({ resource, namespace, phase }: ReflectorState): void => {
    const name = namespace === undefined ? resource : `${resource} in ${namespace}`;
    if (phase === 'waiting') silent.add(name);
    else silent.delete(name);
  };
  const common = { connection, ...around, onState };
  const deployments = watchResource({ ...common, resource: resources.deployments, view: workloadView('deployments.apps') });
  const statefulSets = watchResource({ ...common, resource: resources.statefulSets, view: workloadView('statefulsets.apps') });
  const namespaces = watchResource({ ...common, resource: resources.namespaces, view: namespaceView });
  const configMaps = watchResource({
    ...common,
    resource: resources.configMaps,
    selection: { namespace: systemNamespace, fieldSelector: 'metadata.name=rouse-config' },
    view: configMapView,
  });
  const services = watchResource({ ...common, resource: resources.services, view: serviceView });
  const endpointSlices = watchResource({ ...common, resource: resources.endpointSlices, view: endpointSliceView });
  const pods = watchNamespaces({ ...common, resource: resources.pods, view: podView });
  const all: readonly ResourceWatch<unknown>[] = [deployments, statefulSets, namespaces, configMaps, services, endpointSlices];
  return {
    workloads: [deployments.snapshot, statefulSets.snapshot],
    namespaces: namespaces.snapshot,
    configMaps: configMaps.snapshot,
    services: services.snapshot,
    endpointSlices: endpointSlices.snapshot,
    pods,
    synced: Promise.all(all.map(({ snapshot }) => snapshot.synced)).then(() => undefined),
    outOfTouch: () => [...silent],
    run: async (signal) => {
      await Promise.all([...all, pods].map((watch) => watch.run(signal)));
    },
  };
};
