/**
 * The only door to the Kubernetes API and to `@kubernetes/client-node`: a client whose expected failures are values, and watches kept
 * as trimmed snapshots. It never decides anything. Start with `client.ts` (calls) and `snapshot.ts` (watches).
 */
export type { DeleteOptions, KubeClient, ObjectName, Outcome, ScaleState, Selection, TokenIdentity } from './client.ts';
export { boundPods, boundPodView, podImages, podRevision } from './mappers/bound-pod.ts';
export { configMapView, namespaceView } from './mappers/config.ts';
export { endpointSliceView, endpointsView } from './mappers/endpoints.ts';
export { leaseView } from './mappers/lease.ts';
export { imageName } from './mappers/image-name.ts';
export { nodeView } from './mappers/node.ts';
export { podRequests } from './mappers/pod-requests.ts';
export { podView } from './mappers/pod.ts';
export { serviceView } from './mappers/service.ts';
export { workloadView } from './mappers/workload.ts';
export { loadKubeConfig } from './config.ts';
export type { KubeConfigSource } from './config-source.ts';
export type { KubeConnection } from './connection.ts';
export { createKindDiscovery, type DiscoveredKind, type KindDiscovery } from './discovery.ts';
export { KubeError, type KubeErrorCode } from './errors.ts';
export type { EventLimits, EventSubject, RecordedEvent } from './event-correlator.ts';
export { createEventRecorder, type EventRecorder, type EventRecorderOptions } from './event-recorder.ts';
export { createKubeClient, type KubeClientOptions } from './kube-client.ts';
export { runLeaderElection, type LeaderElectionOptions, type LeaderElectionTiming } from './leader-election.ts';
export type { LeaseName } from './lease-lock.ts';
export { watchNamespaces, type NamespacedSnapshots } from './namespaced-snapshots.ts';
export type { Refusal } from './outcome.ts';
export { objectPath } from './paths.ts';
export { createPodUsageReader, type PodUsageReader, type PodUsageView } from './pod-usage.ts';
export { parseLabelSelector } from './label-selector.ts';
export { printKubeConfig, type KubeConfigParts } from './print-kube-config.ts';
export { watchResource } from './reflector.ts';
export { resources, type KubeObject, type Resource } from './resource.ts';
export { clockOffset } from './clock-offset.ts';
export { getThroughProxy, type ProxiedAnswer } from './service-proxy.ts';
export { watchScaledKind, type ScaledKindOptions } from './scaled-kind-watch.ts';
export type { Snapshot, SnapshotEvent } from './snapshot.ts';
export { SnapshotStore, type Entry } from './snapshot-store.ts';
export { createTransport, type Call, type Transport } from './transport.ts';
export type {
  AskedView,
  BoundPodView,
  ConfigMapView,
  ContainerView,
  EndpointSliceView,
  EndpointsView,
  LeaseView,
  NamespaceView,
  NodeView,
  OwnerView,
  PodRequestsView,
  PodResourcesView,
  PodView,
  ProbeView,
  ServicePortView,
  ServiceView,
  TemplateRequestsView,
  WorkloadView,
} from './views.ts';
export type { ReflectorCounts, ReflectorState, ResourceWatch, WatchOptions, WatchTiming } from './watch-options.ts';
