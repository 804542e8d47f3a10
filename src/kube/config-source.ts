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
