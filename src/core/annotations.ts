/** Every name that Rouse puts on, or reads from, Kubernetes objects apart from the settings of `spec/`. */
export const prefix = 'rouse.dev/';
export const knativePrefix = 'autoscaling.knative.dev/';

export const annotation = {
  enabled: 'rouse.dev/enabled',
  /** On a workload, written by us: the last published decision. */
  status: 'rouse.dev/status',
  /** On a workload, written by us: what handing back needs (`WorkloadState`). */
  state: 'rouse.dev/state',
  /** On a taken-over Service: the selector we removed and the managedFields entries that owned it. */
  selector: 'rouse.dev/selector',
  /** On a taken-over Service: which gateway port stands for which Service port. */
  gatewayPorts: 'rouse.dev/gateway-ports',
  /** On a pod of the embedded cluster: container port → port on 127.0.0.1 (`local/kubelet` writes it). */
  localPorts: 'local.rouse.dev/ports',
  /** On the Namespace `rouse-system` of the embedded cluster: where on 127.0.0.1 the controller answers. */
  localController: 'local.rouse.dev/controller',
  /** On the ConfigMap `rouse-config`, written by `rouse uninstall`: with the value `all`, every workload is handed back, whatever its own annotations say. */
  handBack: 'rouse.dev/hand-back',
  podDeletionCost: 'controller.kubernetes.io/pod-deletion-cost',
} as const;

/** Value of `endpointslice.kubernetes.io/managed-by` on our slices: no Kubernetes controller touches those. */
export const sliceManager = 'rouse.dev';
/** Our fieldManager in every write. */
export const fieldManager = 'rouse';
/** The namespace of the control plane, its configuration and its Lease. */
export const systemNamespace = 'rouse-system';

/** On nodes, and from Kubernetes 1.35 on copied to their pods (KEP-4742), so that nobody has to watch nodes for it. */
export const zoneLabel = 'topology.kubernetes.io/zone';

/** A header of every answer of the controller's read-only API: whether the replica that gave it leads. */
export const leadsHeader = 'rouse-leads';
/** Another: the version of that API. It rises where something that was there means something else or is gone; fields and paths that are added leave it. */
export const controllerApi = { versionHeader: 'rouse-api-version', version: 1 };
