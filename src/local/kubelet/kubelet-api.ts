import type { Node, Pod, PodStatus } from 'kubernetes-types/core/v1.d.ts';

/** One particular pod: a namesake that comes later is another. */
export interface PodRef {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** `set`: the pod is there, or changed. `gone`: it is no longer in the API (its processes must end at once). */
export type PodChange = { readonly type: 'set'; readonly pod: Pod } | { readonly type: 'gone'; readonly uid: string };

export interface PodEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly fieldPath?: string;
}

/** What a kubelet needs of an API server: satisfied in process by the embedded one, and over HTTP by a real one. Rejects where the API cannot be reached. */
export interface KubeletApi {
  /** `listener` is told of every pod bound to `node`, first of those that exist. It must not throw. Returns the way to stop. */
  watchPods(node: string, listener: (change: PodChange) => void): () => void;
  /** Writes the status; conditions of types that are not given stay (readiness gates are others'). `annotations` are added. */
  writePodStatus(pod: PodRef, status: PodStatus, annotations: Readonly<Record<string, string>>): Promise<'written' | 'gone'>;
  /** The last step of a deletion: grace 0, only this very pod. A pod that is gone already is no error. */
  finishPod(pod: PodRef): Promise<void>;
  /** Decoded; undefined if it does not exist. */
  readConfigMap(namespace: string, name: string): Promise<Readonly<Record<string, string>> | undefined>;
  readSecret(namespace: string, name: string): Promise<Readonly<Record<string, string>> | undefined>;
  /** Registers the node or writes its status anew; what others put on it (cordon, taints, labels) stays. */
  writeNode(node: Node & { readonly metadata: { readonly name: string } }): Promise<void>;
  /** Whether the Node says that it is ready: after a silence the node controller has written that it does not know. */
  isNodeReady(node: string): Promise<boolean>;
  /** `namespaces/kube-node-lease/leases/NODE`. */
  renewLease(node: string, leaseSeconds: number): Promise<void>;
  /** Notes an Event about a pod; never rejects, may drop. */
  recordEvent(pod: Pod, event: PodEvent): void;
}
