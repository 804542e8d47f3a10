import { RouseError, type ErrorTraits } from '../core/index.ts';

export type CertificateErrorCode =
  /** PEM text that is no certificate, or no private key of a kind we can use. */
  | 'certificate/unreadable'
  /** A certificate and a key that do not belong together. */
  | 'certificate/key-mismatch'
  /** A certificate that may not sign others. */
  | 'certificate/not-an-authority'
  /** A name, address or lifetime that no certificate can carry. */
  | 'certificate/bad-request';

export class CertificateError extends RouseError<CertificateErrorCode> {
  constructor(code: CertificateErrorCode, message: string, traits?: ErrorTraits) {
    super(code, message, traits);
    this.name = 'CertificateError';
  }
}
