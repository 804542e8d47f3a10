/**
 * The only door to the Kubernetes API and to `@kubernetes/client-node`: a client whose expected failures are values, and watches kept
 * as trimmed snapshots. It never decides anything. Start with `client.ts` (calls) and `snapshot.ts` (watches).
 */
export type { DeleteOptions, KubeClient, ObjectName, Outcome, ScaleState, Selection, TokenIdentity } from './client.ts';
export type { Refusal } from './outcome.ts';
export { resources, type KubeObject, type Resource } from './resource.ts';
export type { Snapshot, SnapshotEvent } from './snapshot.ts';
export type {
  ConfigMapView,
  ContainerView,
  EndpointSliceView,
  NamespaceView,
  OwnerView,
  PodView,
  ProbeView,
  ServicePortView,
  ServiceView,
  WorkloadView,
} from './views.ts';
