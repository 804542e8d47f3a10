// tsyringe, which @peculiar/x509 uses inside, needs this before anything else is loaded.
import 'reflect-metadata';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  type Extension,
} from '@peculiar/x509';
import { createPrivateKey, createPublicKey, randomBytes, webcrypto, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import { after, instant, messageOf, millis, type Clock, type Instant } from '../core/index.ts';
import { CertificateError } from './errors.ts';
import { inspectCertificate, readCertificate } from './inspect.ts';

/** A certificate and its private key, both PEM (the key PKCS #8). */
export interface KeyedCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface CreateAuthorityOptions {
  readonly commonName: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly validDays: number;
}

export interface IssueOptions {
  readonly commonName: string;
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  /** Shortened where it would outlive the authority. */
  readonly validDays: number;
  /** `server` (the default) for TLS servers, `client` for client certificates. */
  readonly use?: 'server' | 'client';
}

/** Signs certificates. */
export interface Authority extends KeyedCertificate {
  readonly notAfter: Instant;
  /** A fresh key and a certificate for it. A server needs at least one DNS name or IP address. Throws `certificate/bad-request`. */
  issue(options: IssueOptions): Promise<KeyedCertificate>;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const day = 24 * 3600 * 1000;
/** Certificates start to be valid this long ago: the clocks of those who check them are not ours. */
const backdate = millis(-3600 * 1000);

/** Makes a new authority with a key of its own. Throws `certificate/bad-request`. */
export const createAuthority = async ({ commonName, clock, validDays }: CreateAuthorityOptions): Promise<Authority> => {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: subject(commonName),
    ...validity(clock.now(), validDays),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return authorityOf(certificate, keys.privateKey, await keyToPem(keys.privateKey), clock);
};

/** Takes up an authority that was made before. Throws `certificate/unreadable`, `/key-mismatch` or `/not-an-authority`. */
export const loadAuthority = async ({ certificatePem, keyPem }: KeyedCertificate, clock: Pick<Clock, 'now'>): Promise<Authority> => {
  const certificate = readCertificate(certificatePem);
  if (!certificate.ca) throw new CertificateError('certificate/not-an-authority', `the certificate of "${certificate.subject}" may not sign others (CA:FALSE)`);
  const key = readKey(keyPem);
  if (!certificate.checkPrivateKey(key))
    throw new CertificateError('certificate/key-mismatch', 'the private key is not the one of the authority’s certificate');
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
  const signingKey = await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign']);
  return authorityOf(new X509Certificate(certificate.raw), signingKey, keyPem, clock);
};

/** When the certificate was made. */
export const issuedAt = (pem: string): Instant => instant(inspectCertificate(pem).notBefore - backdate);

const authorityOf = (certificate: X509Certificate, signingKey: webcrypto.CryptoKey, keyPem: string, clock: Pick<Clock, 'now'>): Authority => {
  const certificatePem = toText(certificate.toString('pem'));
  const { notAfter } = inspectCertificate(certificatePem);
  return {
    certificatePem,
    keyPem,
    notAfter,
    issue: async ({ commonName, dnsNames = [], ipAddresses = [], validDays, use = 'server' }) => {
      const keys = await generateKeys();
      const { notBefore, notAfter: wanted } = validity(clock.now(), validDays);
      const issued = await X509CertificateGenerator.create({
        serialNumber: serialNumber(),
        subject: subject(commonName),
        issuer: certificate.subjectName,
        notBefore,
        notAfter: new Date(Math.min(wanted.getTime(), notAfter)),
        signingAlgorithm: algorithm,
        publicKey: keys.publicKey,
        signingKey,
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new ExtendedKeyUsageExtension([use === 'server' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth]),
          await SubjectKeyIdentifierExtension.create(keys.publicKey),
          await AuthorityKeyIdentifierExtension.create(certificate.publicKey),
          ...alternativeNames(dnsNames, ipAddresses, use),
        ],
      });
      return { certificatePem: toText(issued.toString('pem')), keyPem: await keyToPem(keys.privateKey) };
    },
  };
};

const alternativeNames = (dnsNames: readonly string[], ipAddresses: readonly string[], use: 'server' | 'client'): readonly Extension[] => {
  if (dnsNames.length + ipAddresses.length === 0) {
    if (use === 'client') return [];
    throw new CertificateError(
      'certificate/bad-request',
      'a serving certificate needs at least one of dnsNames and ipAddresses: clients ignore the common name',
    );
  }
  for (const name of dnsNames) {
    if (!dnsName.test(name) || name.length > 253)
      throw new CertificateError('certificate/bad-request', `"${name}" is no DNS name (want e.g. "api.example.org")`);
  }
  for (const address of ipAddresses) {
    if (isIP(address) === 0) throw new CertificateError('certificate/bad-request', `"${address}" is no IP address (want e.g. "127.0.0.1" or "::1")`);
  }
  return [
    new SubjectAlternativeNameExtension([
      ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
      ...ipAddresses.map((value) => ({ type: 'ip' as const, value })),
    ]),
  ];
};

/** RFC 1123 labels, the first of which may be a wildcard. */
const dnsName = /^(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

const subject = (commonName: string): { CN: string[] }[] => {
  // X.520 ub-common-name; longer ones are refused by some verifiers.
  if (commonName.length === 0 || commonName.length > 64) {
    throw new CertificateError('certificate/bad-request', `a common name has 1 to 64 characters, "${commonName}" has ${String(commonName.length)}`);
  }
  return [{ CN: [commonName] }];
};

const validity = (now: Instant, validDays: number): { readonly notBefore: Date; readonly notAfter: Date } => {
  if (!(validDays > 0) || validDays > 36_500)
    throw new CertificateError('certificate/bad-request', `validDays must be above 0 and at most 36500, not ${String(validDays)}`);
  return { notBefore: new Date(after(now, backdate)), notAfter: new Date(instant(now + validDays * day)) };
};

const generateKeys = (): Promise<webcrypto.CryptoKeyPair> => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);

/** 16 random octets, positive and without a leading zero octet (RFC 5280 §4.1.2.2). */
const serialNumber = (): string => {
  const octets = randomBytes(16);
  octets[0] = ((octets[0] ?? 0) & 0x7f) | 0x40;
  return octets.toString('hex');
};

const keyToPem = async (key: webcrypto.CryptoKey): Promise<string> => {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' }).toString();
};

const readKey = (pem: string): KeyObject => {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
    createPublicKey(key);
  } catch (cause) {
    throw new CertificateError('certificate/unreadable', `not a PEM private key: ${messageOf(cause)}`, { cause });
  }
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new CertificateError('certificate/unreadable', `the authority’s key must be ECDSA P-256, not ${key.asymmetricKeyType ?? 'unknown'}`);
  }
  return key;
};

/** PEM files end in a line end; concatenating bundles depends on it. */
const toText = (pem: string): string => (pem.endsWith('\n') ? pem : `${pem}\n`);
