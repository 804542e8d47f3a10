import { constants, createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { failed, instant, messageOf, ok, type Instant, type Result } from '../../core/index.ts';

/** A certificate, with those that its issuer adds, and its private key. Nothing of it changes. */
export interface KeyPair {
  /** DNS names that it is for, in lower case: `shop.example.org`, `*.example.org`. */
  readonly names: readonly string[];
  readonly notBefore: Instant;
  readonly notAfter: Instant;
  /** For a server whose clients name none. */
  readonly options: SecureContextOptions;
  readonly context: SecureContext;
}

/**
 * What browsers of the last ten years speak and nothing weaker: TLS 1.2 with forward secrecy and authenticated encryption, and TLS 1.3 (Mozilla's "intermediate", version 5.7, but for the
 * suites that want parameters of their own). A client that asks for new keys in the middle of TLS 1.2 makes work and has no use for it (CVE-2011-1473).
 */
export const protocolOptions: SecureContextOptions = {
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
};

/** One half as it was found. */
export interface PemFile {
  readonly path: string;
  readonly text: string;
}

/** Reads the two halves; what is wrong is told in a sentence that names the file. */
export const readKeyPair = (certificate: PemFile, key: PemFile): Result<KeyPair, string> => {
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(certificate.text);
  } catch (error) {
    return failed(`${certificate.path} holds no certificate in PEM: ${messageOf(error)}`);
  }
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(key.text);
  } catch (error) {
    return failed(`${key.path} holds no private key in PEM without a passphrase: ${messageOf(error)}`);
  }
  if (!leaf.checkPrivateKey(privateKey)) return failed(`${key.path} is not the key of ${certificate.path}`);
  const options = { ...protocolOptions, cert: certificate.text, key: key.text };
  try {
    return ok({
      names: dnsNames(leaf),
      notBefore: instant(Date.parse(leaf.validFrom)),
      notAfter: instant(Date.parse(leaf.validTo)),
      options,
      context: createSecureContext(options),
    });
  } catch (error) {
    // A certificate further down, or a key that is too short.
    return failed(`${certificate.path} and ${key.path} cannot be used: ${messageOf(error)}`);
  }
};

/** `DNS:a.example, DNS:"with, comma", IP Address:192.0.2.1`, as Node prints it: a value in which there could be anything is in quotes. */
const alternativeName = /([^:,]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g;
/** Labels of RFC 1123, the first of which may be a wildcard; a part of a label may not (RFC 9525 §6.3). */
const dnsName = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?)*$/;

/** Of the subject alternative names; the common name is none (RFC 9525 §2). */
const dnsNames = ({ subjectAltName = '' }: X509Certificate): readonly string[] =>
  [...subjectAltName.matchAll(alternativeName)]
    .filter(([, kind]) => kind === 'DNS')
    .map(([, , value = '']) => value.toLowerCase())
    .filter((name) => dnsName.test(name));
