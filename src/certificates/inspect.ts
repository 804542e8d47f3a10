import { X509Certificate } from 'node:crypto';
import { between, instant, messageOf, type Clock, type Instant } from '../core/index.ts';
import { CertificateError } from './errors.ts';

/** What a certificate says of itself. */
export interface CertificateInfo {
  readonly commonName: string;
  readonly serialNumber: string;
  readonly notBefore: Instant;
  readonly notAfter: Instant;
  readonly isAuthority: boolean;
  /** SHA-256 over the DER form, as `AB:CD:…`. */
  readonly fingerprint: string;
}

/** Reads the first certificate of `pem`. Throws `certificate/unreadable`. */
export const inspectCertificate = (pem: string): CertificateInfo => {
  const certificate = readCertificate(pem);
  return {
    commonName: /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? '',
    serialNumber: certificate.serialNumber,
    notBefore: instant(Date.parse(certificate.validFrom)),
    notAfter: instant(Date.parse(certificate.validTo)),
    isAuthority: certificate.ca,
    fingerprint: certificate.fingerprint256,
  };
};

/** True from two thirds of the certificate's life on: a third is left to notice that renewal fails. */
export const isRenewalDue = (pem: string, clock: Pick<Clock, 'now'>): boolean => {
  const { notBefore, notAfter } = inspectCertificate(pem);
  return between(clock.now(), notAfter) <= between(notBefore, notAfter) / 3;
};

export const readCertificate = (pem: string): X509Certificate => {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new CertificateError('certificate/unreadable', `not a PEM certificate: ${messageOf(cause)}`, { cause });
  }
};
