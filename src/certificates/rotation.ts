import { between, millis, type Clock } from '../core/index.ts';
import { issuedAt, type KeyedCertificate } from './authority.ts';
import { inspectCertificate, isRenewalDue } from './inspect.ts';

/** The certificates of an authority that is renewed from time to time without anybody ceasing to believe what it has signed. */
export interface AuthorityKeys {
  /** Signs. */
  readonly current: KeyedCertificate;
  /** Will sign once everybody has heard of it. */
  readonly next: KeyedCertificate | undefined;
  /** PEM, one each: all that is to be believed, those two among them. */
  readonly trusted: readonly string[];
}

/** How long a new authority is made known before it signs, and an old one believed after. */
const overlap = millis(24 * 3600 * 1000);

/** `prepare`: make a next one known. `promote`: let it sign. `prune`: believe the old ones no longer. */
export type RotationStep = 'rest' | 'prepare' | 'promote' | 'prune';

/** What is to be done now; a pure function of the certificates and the time, so that whoever comes to do it continues what another began. */
export const rotationStep = ({ current, next, trusted }: AuthorityKeys, clock: Pick<Clock, 'now'>): RotationStep => {
  const age = (certificate: KeyedCertificate): number => between(issuedAt(certificate.certificatePem), clock.now());
  // Nobody believes it any more: there is nothing to be gentle about.
  if (inspectCertificate(current.certificatePem).notAfter <= clock.now()) return next === undefined ? 'prepare' : 'promote';
  if (next !== undefined) return age(next) >= overlap ? 'promote' : 'rest';
  if (isRenewalDue(current.certificatePem, clock)) return 'prepare';
  return trusted.some((pem) => pem !== current.certificatePem) && age(current) >= 2 * overlap ? 'prune' : 'rest';
};

/** The keys after `step`; `made` is called for a new authority where one is needed. */
export const afterStep = async (keys: AuthorityKeys, step: RotationStep, made: () => Promise<KeyedCertificate>): Promise<AuthorityKeys> => {
  switch (step) {
    case 'rest':
      return keys;
    case 'prepare': {
      const next = await made();
      return { ...keys, next, trusted: [...keys.trusted, next.certificatePem] };
    }
    case 'promote':
      return { current: keys.next ?? keys.current, next: undefined, trusted: keys.trusted };
    case 'prune':
      return { ...keys, trusted: [keys.current.certificatePem] };
  }
};

/** The certificates in a PEM bundle, one each, each ending in a line end. */
export const splitBundle = (pem: string): readonly string[] =>
  (pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []).map((certificate) => `${certificate}\n`);
