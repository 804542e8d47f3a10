import { at, text } from '../reader.ts';
import type { LeaseView } from '../views.ts';

/** A Lease. */
export const leaseView = (raw: unknown): LeaseView => ({
  holder: text(at(raw, 'spec', 'holderIdentity')) ?? '',
  renewTime: text(at(raw, 'spec', 'renewTime')) ?? '',
});
