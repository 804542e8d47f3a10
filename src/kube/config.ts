import type { KubeConnection } from './connection.ts';

/** Where the address of the API server and the credentials come from. */
export type KubeConfigSource =
  /** A kubeconfig file. */
  | { readonly kind: 'file'; readonly path: string; readonly context?: string | undefined }
  /** The text of a kubeconfig, e.g. that of the embedded cluster. */
  | { readonly kind: 'text'; readonly text: string; readonly context?: string | undefined }
  /** The service account of the pod we run in. */
  | { readonly kind: 'in-cluster' }
  /** As kubectl does: `$KUBECONFIG`, else `~/.kube/config`, else in cluster. */
  | { readonly kind: 'default'; readonly context?: string | undefined };

/**
 * Finds and checks the configuration; makes no call. Throws `KubeError`. client-node costs about a second and 100 MB to load, so it is
 * loaded here, by those who talk to a cluster, and not by importing this folder.
 */
export const loadKubeConfig = async (source: KubeConfigSource): Promise<KubeConnection> => {
  const { connectionFrom } = await import('./config-reader.ts');
  return connectionFrom(source);
};
