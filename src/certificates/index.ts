/**
 * X.509 for a cluster of one's own: a certificate authority, the serving certificates it signs, and when they are due for renewal.
 * ECDSA P-256 throughout. It never touches the file system or the network: PEM text in, PEM text out. Start with `authority.ts`.
 */
export { createAuthority, loadAuthority, type Authority, type CreateAuthorityOptions, type IssueOptions, type KeyedCertificate } from './authority.ts';
export { type CertificateErrorCode } from './errors.ts';
export { afterStep, rotationStep, splitBundle, type AuthorityKeys, type RotationStep } from './rotation.ts';
export { inspectCertificate, isRenewalDue, type CertificateInfo } from './inspect.ts';
