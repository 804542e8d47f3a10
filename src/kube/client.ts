import type { Result } from '../core/index.ts';
import type { Refusal } from './outcome.ts';
import type { KubeObject, Resource } from './resource.ts';

export type Outcome<T> = Promise<Result<T, Refusal>>;

export interface ObjectName {
  /** Absent for cluster-scoped kinds. */
  readonly namespace?: string | undefined;
  readonly name: string;
}

export interface DeleteOptions {
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
}

/** Selects what a list or watch returns; all given parts must match. */
export interface Selection {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface ScaleState {
  readonly replicas: number;
  readonly resourceVersion: string;
  /** Label selector of the pods, as a string. */
  readonly selector: string;
}

/** The Kubernetes API as Rouse uses it. Every write names us as field manager. No call retries by itself. Rejects only with the reason of the given signal. */
export interface KubeClient {
  get<T extends KubeObject>(resource: Resource<T>, name: ObjectName, signal?: AbortSignal): Outcome<T>;
  /** The whole list (paged underneath). */
  list<T extends KubeObject>(
    resource: Resource<T>,
    selection: Selection,
    signal?: AbortSignal,
  ): Outcome<{ readonly items: readonly T[]; readonly resourceVersion: string }>;
  create<T extends KubeObject>(resource: Resource<T>, object: T, signal?: AbortSignal): Outcome<T>;
  /** PUT; the object's `resourceVersion`, where present, makes it conditional. */
  replace<T extends KubeObject>(resource: Resource<T>, object: T, signal?: AbortSignal): Outcome<T>;
  /** RFC 7396. Put `metadata.resourceVersion` into the patch where it must not overwrite a newer change. */
  mergePatch<T extends KubeObject>(resource: Resource<T>, name: ObjectName, patch: unknown, signal?: AbortSignal): Outcome<T>;
  delete(resource: Resource, name: ObjectName, options?: DeleteOptions, signal?: AbortSignal): Outcome<void>;
  readScale(resource: Resource, name: ObjectName, signal?: AbortSignal): Outcome<ScaleState>;
  /** Merge-patches `spec.replicas` of `/scale`; with `resourceVersion` only if the object is unchanged since. */
  writeScale(resource: Resource, name: ObjectName, replicas: number, resourceVersion?: string, signal?: AbortSignal): Outcome<ScaleState>;
  /** TokenReview for `audiences`; undefined if the token is not valid for them. */
  reviewToken(token: string, audiences: readonly string[], signal?: AbortSignal): Outcome<TokenIdentity | undefined>;
  /** Server version, e.g. `1.36`. */
  version(signal?: AbortSignal): Outcome<{ readonly major: number; readonly minor: number }>;
}

export interface TokenIdentity {
  /** `system:serviceaccount:NAMESPACE:NAME`. */
  readonly user: string;
  readonly groups: readonly string[];
  /** The pod that the token is bound to, if it is bound to one. */
  readonly podName: string | undefined;
  readonly podUid: string | undefined;
}
