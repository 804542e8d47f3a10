import { RouseError, type ErrorTraits } from '../../core/index.ts';

/**
 * `guard-lost`: the process that runs containers ended and could not be replaced. `no-free-port`: every port of the pods' range is taken.
 * `no-free-address`: every address of the pods' range is taken. `refused`: the API server did not do as asked. `no-volume`: a volume cannot be
 * mounted now. `no-sandbox`: the pod's network cannot be made.
 */
export type KubeletErrorCode = 'guard-lost' | 'no-free-port' | 'no-free-address' | 'refused' | 'no-volume' | 'no-sandbox';

export class KubeletError extends RouseError<KubeletErrorCode> {
  constructor(code: KubeletErrorCode, message: string, traits: ErrorTraits) {
    super(code, message, traits);
    this.name = 'KubeletError';
  }
}
