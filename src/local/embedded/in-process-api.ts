import type { KubeObject, Resource } from '../../kube/index.ts';

/** A stored object: deeply frozen, with apiVersion, kind and metadata complete. */
export interface StoredObject extends KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: NonNullable<KubeObject['metadata']> & { readonly name: string; readonly uid: string; readonly resourceVersion: string };
}

export interface StoreEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: T;
  readonly previous: T | undefined;
}

/**
 * The embedded API as its own controllers and the process kubelet use it: the same defaulting, validation, admission and optimistic
 * concurrency as over HTTP, without the HTTP. Writes throw `ApiError` (a Kubernetes Status) where HTTP would answer with one.
 */
export interface InProcessApi {
  get<T extends KubeObject>(resource: Resource<T>, namespace: string | undefined, name: string): (T & StoredObject) | undefined;
  list<T extends KubeObject>(resource: Resource<T>, namespace?: string): readonly (T & StoredObject)[];
  /** `as` is the user name and field manager, e.g. `system:serviceaccount:kube-system:replicaset-controller`. */
  create<T extends KubeObject>(resource: Resource<T>, object: T, as: string): Promise<T & StoredObject>;
  /**
   * PUT. With `metadata.resourceVersion` only if unchanged since (409 otherwise). `subresource: 'status'` changes the status and the annotations,
   * nothing else (as the status strategies of kube-apiserver: the Deployment controller writes its revision annotation that way). `'finalize'` is
   * that of namespaces: it takes `spec.finalizers` as given, and the last one gone removes a namespace that is being deleted.
   */
  update<T extends KubeObject>(resource: Resource<T>, object: T, as: string, subresource?: 'status' | 'finalize'): Promise<T & StoredObject>;
  /** POST of `pods/NAME/binding`: sets `spec.nodeName` and condition `PodScheduled=True` in one write; 409 if the pod is bound or is another (`uid`). */
  bind(pod: { readonly namespace: string; readonly name: string; readonly uid: string }, node: string, as: string): Promise<void>;
  delete(
    resource: Resource,
    namespace: string | undefined,
    name: string,
    options: { readonly uid?: string; readonly gracePeriodSeconds?: number; readonly propagation?: 'Background' | 'Foreground' | 'Orphan' },
    as: string,
  ): Promise<void>;
  /** `listener` runs synchronously after each commit, in commit order; it must not throw. Returns the way to stop. */
  watch<T extends KubeObject>(resource: Resource<T>, listener: (event: StoreEvent<T & StoredObject>) => void): () => void;
}
