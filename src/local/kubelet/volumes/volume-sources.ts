import type { Instant } from '../../../core/index.ts';
import type { PodRef } from '../kubelet-api.ts';

export interface BoundToken {
  readonly token: string;
  readonly expiresAt: Instant;
}

export type Files = Readonly<Record<string, Buffer>>;

/** Where the content of volumes comes from. Rejects where the API cannot be reached or refuses. */
export interface VolumeSources {
  /** By key, text and binary data alike; undefined if it does not exist. */
  configMapFiles(namespace: string, name: string): Promise<Files | undefined>;
  secretFiles(namespace: string, name: string): Promise<Files | undefined>;
  /** A token of the pod's service account, bound to the pod; without `audience` for the API server. */
  requestToken(pod: PodRef, serviceAccount: string, audience: string | undefined, expirationSeconds: number): Promise<BoundToken>;
}
