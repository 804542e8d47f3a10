import type { Instant } from '../../../core/index.ts';
import type { PodRef } from '../kubelet-api.ts';

export interface BoundToken {
  readonly token: string;
  readonly expiresAt: Instant;
}

/** Where the content of volumes comes from. Rejects where the API cannot be reached or refuses. */
export interface VolumeSources {
  /** Decoded; undefined if it does not exist. */
  readConfigMap(namespace: string, name: string): Promise<Readonly<Record<string, string>> | undefined>;
  readSecret(namespace: string, name: string): Promise<Readonly<Record<string, string>> | undefined>;
  /** A token of the pod's service account, bound to the pod; without `audience` for the API server. */
  requestToken(pod: PodRef, serviceAccount: string, audience: string | undefined, expirationSeconds: number): Promise<BoundToken>;
}
