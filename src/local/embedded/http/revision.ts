import { millis } from '../../../core/index.ts';
import { ApiError, cause } from '../api-error.ts';
import type { Operations } from '../operations/operations.ts';

export const listOptions = { group: 'meta.k8s.io', plural: 'listoptions', kind: 'ListOptions' };

export const invalidOptions = (field: string, detail: string): ApiError => ApiError.invalid(listOptions, '', [cause.forbidden(field, detail)]);

/** Undefined: any. Throws 400 for what is not a version. */
export const revisionOf = (version: string): number | undefined => {
  if (version === '' || version === '0') return undefined;
  if (!/^\d{1,15}$/.test(version)) throw ApiError.badRequest(`Invalid value: ${JSON.stringify(version)}: resourceVersion must be an integer`);
  return Number(version);
};

const patience = 3000;
const step = 50;

/** Waits a while for a version from the future (a client may know more than a server that lags), then 504. */
export const awaitRevision = async ({ store, clock }: Operations, revision: number): Promise<void> => {
  const never = new AbortController().signal;
  for (let waited = 0; waited < patience && store.revision < revision; waited += step) await clock.sleep(millis(step), never);
  if (store.revision >= revision) return;
  throw ApiError.timeout(`Too large resource version: ${String(revision)}, current: ${String(store.revision)}`, 1, [
    { reason: 'ResourceVersionTooLarge', message: 'Too large resource version' },
  ]);
};
