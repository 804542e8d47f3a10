import type { Clock, Logger, Random } from '../../../core/index.ts';
import type { JsonObject } from '../json.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { Admission, AdmissionAttributes } from './admission.ts';

export interface WebhookAdmissionParts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Calls the registered webhooks. */
export class WebhookAdmission implements Admission {
  readonly #parts: WebhookAdmissionParts;

  constructor(parts: WebhookAdmissionParts) {
    this.#parts = parts;
  }

  mutate(attributes: AdmissionAttributes): Promise<JsonObject | undefined> {
    return Promise.resolve(attributes.object);
  }

  validate(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.#parts.logger.debug('admission ends');
  }
}
