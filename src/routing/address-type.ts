import { isIP } from 'node:net';

/** What an EndpointSlice holds, in the order in which ours are written. Names of IP families are the same words. */
export const addressTypes = ['IPv4', 'IPv6'] as const;
export type AddressType = (typeof addressTypes)[number];

export const familyOf = (address: string): AddressType => (isIP(address) === 6 ? 'IPv6' : 'IPv4');
