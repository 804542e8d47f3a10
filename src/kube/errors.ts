import { RouseError, type ErrorTraits } from '../core/index.ts';

export type KubeErrorCode =
  /** The kubeconfig, or a file that it names, cannot be read. */
  | 'kube/config-unreadable'
  /** A kubeconfig that says nothing usable: no current context, unknown cluster … */
  | 'kube/config-invalid'
  /** Asked for the in-cluster configuration outside a cluster. */
  | 'kube/not-in-cluster';

export class KubeError extends RouseError<KubeErrorCode> {
  constructor(code: KubeErrorCode, message: string, traits?: ErrorTraits) {
    super(code, message, traits);
    this.name = 'KubeError';
  }
}
