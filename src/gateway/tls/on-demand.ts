import type { Clock } from '../../core/index.ts';
import type { Certificates } from './certificates.ts';
import type { FollowCertificatesOptions, FollowedCertificates } from './follow-certificates.ts';
import type { BeginTls } from './termination.ts';

/** The door to TLS. What is behind it, and node:tls, is loaded with the first port that needs it: most gateways stand behind something that has taken TLS off. */

/** Reads the certificates of a directory, and again each time that they change, until `signal` aborts. Rejects where the directory cannot be read; a pair that cannot be used is told in the log. */
export const followCertificates = async (options: FollowCertificatesOptions, signal: AbortSignal): Promise<FollowedCertificates> => {
  const { follow } = await import('./follow-certificates.ts');
  return follow(options, signal);
};

export const tlsTermination = async (certificates: Certificates, clock: Clock): Promise<BeginTls> => {
  const { createTlsTermination } = await import('./termination.ts');
  return createTlsTermination(certificates, clock);
};
