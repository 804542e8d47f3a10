import type { Clock, Logger, Random } from '../../../core/index.ts';
import type { Admission } from '../admission/admission.ts';
import type { Identity } from '../identity/identity.ts';
import type { PodLogSource } from '../pod-log-source.ts';
import type { PodUsageSource } from '../pod-usage-source.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { Deleter } from './delete.ts';
import type { Writer } from './writer.ts';

/** What answers requests, over HTTP or in process: built once by `start.ts`. */
export interface Operations {
  readonly store: ObjectStore;
  readonly writer: Writer;
  readonly deleter: Deleter;
  readonly admission: Admission;
  readonly identity: Identity;
  readonly logs: PodLogSource;
  /** Left out: nothing is measured. */
  readonly usage?: PodUsageSource | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}
