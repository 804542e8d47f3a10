/** Trimmed copies of the objects we watch: what Rouse uses and nothing else (memory per pod matters with 100,000 of them). */

export interface OwnerView {
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

interface MetaView {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly deleting: boolean;
}

export interface ProbeView {
  readonly kind: 'http' | 'tcp' | 'exec' | 'grpc';
  readonly port: number | string | undefined;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly scheme: 'HTTP' | 'HTTPS';
}

export interface ContainerView {
  readonly name: string;
  readonly image: string;
  readonly ports: readonly { readonly name: string | undefined; readonly containerPort: number; readonly protocol: string }[];
  readonly readinessProbe: ProbeView | undefined;
  readonly state: 'waiting' | 'running' | 'terminated' | 'unknown';
  /** Reason and message of a waiting or terminated state, e.g. `ImagePullBackOff`, `CrashLoopBackOff`. */
  readonly stateReason: string | undefined;
  readonly stateMessage: string | undefined;
  /** How a container in a crash loop ended last, e.g. `exit code 137 (OOMKilled)`. */
  readonly lastEnd?: string;
  readonly ready: boolean;
}

/** What runs in a pod as long as it does, and what it asks of the node. The same for all pods of a template. */
export interface PodResourcesView {
  /** Containers, and init containers that go on running. */
  readonly containers: readonly string[];
  /** Cores of all of them together, or as the pod itself says; undefined where one says nothing. */
  readonly cpuRequest: number | undefined;
  /** That one. */
  readonly withoutCpuRequest: string | undefined;
}

export interface PodView extends MetaView {
  readonly owner: OwnerView | undefined;
  readonly phase: string;
  readonly podIPs: readonly string[];
  readonly nodeName: string | undefined;
  /** Condition `Ready`. */
  readonly ready: boolean;
  /** When condition `Ready` last changed; 0 or left out: not known. */
  readonly readyChangedAt?: number;
  readonly resources?: PodResourcesView;
  readonly scheduled: boolean;
  /** Message of `PodScheduled=False`. */
  readonly unschedulableMessage: string | undefined;
  readonly hasReadinessGates: boolean;
  readonly containers: readonly ContainerView[];
  /** Only of pods that have some: what runs before the containers, and sidecars. */
  readonly initContainers?: readonly ContainerView[];
}

export interface ServicePortView {
  readonly name: string | undefined;
  readonly port: number;
  readonly protocol: string;
  readonly targetPort: number | string;
  readonly appProtocol: string | undefined;
}

export interface ServiceView extends MetaView {
  readonly type: string;
  /** Undefined: none in the spec (external endpoints, or taken over). */
  readonly selector: Readonly<Record<string, string>> | undefined;
  readonly clusterIP: string | undefined;
  readonly ipFamilies: readonly string[];
  readonly ports: readonly ServicePortView[];
  readonly sessionAffinity: string;
  readonly internalTrafficPolicy: string | undefined;
  readonly externalTrafficPolicy: string | undefined;
  readonly publishNotReadyAddresses: boolean;
}

/** Cores or bytes; else the container that asks for none, where one does not. */
export type AskedView = number | { readonly without: string };

/** What each pod of a template asks for, all containers together. */
export interface TemplateRequestsView {
  readonly cpu: AskedView;
  readonly memory: AskedView;
}

/** A Deployment, StatefulSet or any other kind with `/scale`. */
export interface WorkloadView extends MetaView {
  /** `deployments.apps`, … */
  readonly resource: string;
  readonly generation: number;
  readonly observedGeneration: number;
  readonly specReplicas: number;
  readonly readyReplicas: number;
  readonly paused: boolean;
  readonly selector: {
    readonly matchLabels: Readonly<Record<string, string>>;
    readonly matchExpressions: readonly { readonly key: string; readonly operator: string; readonly values: readonly string[] }[];
  };
  readonly podLabels: Readonly<Record<string, string>>;
  readonly podAnnotations: Readonly<Record<string, string>>;
  readonly podRequests: TemplateRequestsView;
  readonly progressDeadlineSeconds: number;
  readonly conditions: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[];
  /**
   * Who set `spec.replicas` through `/scale` last, from managedFields (subresource `scale`). kube-apiserver gives such an entry no time of its own: `at`
   * is 0 or that of an older entry, so it says nothing about when. Nobody is on record after a count of 0, until a manifest sets one again (a Scale of 0
   * has no such field, and an update of what nobody manages is not tracked: apimachinery `managedfields/internal/skipnonapplied.go`). Empty for custom
   * resources, whose `/scale` leaves no trace (kubernetes issue 131892).
   */
  readonly scaledBy: readonly { readonly manager: string; readonly at: number }[];
  /** The object itself was written with a count since `/scale` was last: by a manifest, or an edit. */
  readonly isCountApplied: boolean;
  /** Of a StatefulSet: the number in the name of its first pod (`spec.ordinals.start`). */
  readonly firstOrdinal: number;
}

export interface EndpointSliceView extends MetaView {
  readonly owner: OwnerView | undefined;
  readonly serviceName: string | undefined;
  readonly managedBy: string | undefined;
  readonly addressType: string;
  readonly endpoints: readonly {
    readonly addresses: readonly string[];
    readonly ready: boolean;
    readonly serving: boolean;
    readonly terminating: boolean;
    readonly podUid: string | undefined;
  }[];
  readonly ports: readonly { readonly name: string; readonly port: number | undefined; readonly protocol: string }[];
}

/** The object from before EndpointSlices. Kubernetes mirrors it into slices where it has no selector. */
export interface EndpointsView extends MetaView {
  /** How many addresses it names, ready or not. */
  readonly addresses: number;
}

export interface ConfigMapView extends MetaView {
  readonly data: Readonly<Record<string, string>>;
}

export interface NamespaceView extends Omit<MetaView, 'namespace'> {
  readonly phase: string;
}

/** Who holds something, and when it last said so by its own clock. */
export interface LeaseView {
  /** Empty: nobody. */
  readonly holder: string;
  readonly renewTime: string;
}

/** What the scheduler counts a pod for: cores and bytes. */
export interface PodRequestsView {
  readonly cpu: number;
  readonly memory: number;
}

/** A Node, as far as it matters for what is put on it. */
export interface NodeView {
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly zone: string | undefined;
  readonly taints: readonly { readonly key: string; readonly value: string; readonly effect: string }[];
  readonly unschedulable: boolean;
  readonly deleting: boolean;
  /** Cores, bytes, and how many pods. */
  readonly allocatable: PodRequestsView & { readonly pods: number };
  /** Their full names, by tag and by digest, each once. */
  readonly images: readonly string[];
  /** These are all that it has: the kubelet names 50 at most (`--node-status-max-images`), and some clusters' nodes name none. */
  readonly namesAllImages: boolean;
}

/** A pod of any namespace that is on a node. */
export interface BoundPodView {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly owner: OwnerView | undefined;
  /** Pods of one template have the same. */
  readonly revision: string | undefined;
  /** Empty: on none after all. */
  readonly nodeName: string;
  readonly requests: PodRequestsView;
  readonly ready: boolean;
  /** One of its containers has: it is not starting any more, whatever it does. */
  readonly hasRestarted: boolean;
  readonly deleting: boolean;
  readonly finished: boolean;
}
