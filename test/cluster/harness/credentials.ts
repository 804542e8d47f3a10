import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAuthority } from '../../../src/certificates/index.ts';
import { systemClock } from '../../../src/core/index.ts';
import { printKubeConfig } from '../../../src/kube/index.ts';
import { apiAddress, apiPort, kubernetesServiceAddress, mostNodes } from './addresses.ts';

/** Who may come with a static token. `nobody` is known and may nothing: for tests of missing permissions. */
const groupsOf: Readonly<Record<string, readonly string[]>> = {
  admin: ['system:masters'],
  nobody: [],
  'system:kube-controller-manager': [],
  'system:kube-scheduler': [],
  'system:kube-proxy': [],
  ...Object.fromEntries(Array.from({ length: mostNodes }, (_, index) => [`system:node:n${index + 1}`, ['system:nodes']])),
};

export interface Credentials {
  readonly server: string;
  readonly caPem: string;
  /** User name → bearer token. */
  readonly tokens: Readonly<Record<string, string>>;
}

export const apiUrl = `https://${apiAddress}:${apiPort}`;

/** User names hold colons; file names better do not. */
export const kubeconfigFile = (directory: string, user: string): string => join(directory, 'kubeconfigs', `${user.replaceAll(':', '-')}.kubeconfig`);

/** Writes everything that API server and clients prove themselves with, and a kubeconfig for each user. */
export const writeCredentials = async (directory: string): Promise<Credentials> => {
  await Promise.all(['pki', 'kubeconfigs'].map((name) => mkdir(join(directory, name), { recursive: true })));
  const pki = (name: string, text: string): Promise<void> => writeFile(join(directory, 'pki', name), text, { mode: 0o600 });
  const authority = await createAuthority({ commonName: 'rouse-test-cluster', clock: systemClock, validDays: 10 });
  const dnsNames = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local', 'localhost'];
  const serving = await authority.issue({
    commonName: 'kube-apiserver',
    dnsNames,
    ipAddresses: [apiAddress, kubernetesServiceAddress, '127.0.0.1'],
    validDays: 9,
  });
  const accounts = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const tokens = Object.fromEntries(Object.keys(groupsOf).map((user) => [user, randomBytes(24).toString('base64url')]));
  await Promise.all([
    pki('ca.crt', authority.certificatePem),
    pki('apiserver.crt', serving.certificatePem),
    pki('apiserver.key', serving.keyPem),
    pki('sa.pub', accounts.publicKey),
    pki('sa.key', accounts.privateKey),
    pki('tokens.csv', tokenFile(tokens)),
    ...Object.entries(tokens).map(([user, token]) =>
      writeFile(kubeconfigFile(directory, user), printKubeConfig({ server: apiUrl, caPem: authority.certificatePem, token, name: user }), { mode: 0o600 }),
    ),
  ]);
  return { server: apiUrl, caPem: authority.certificatePem, tokens };
};

/** `token,user,uid,"group,group"` a line. */
const tokenFile = (tokens: Readonly<Record<string, string>>): string =>
  Object.entries(tokens)
    .map(([user, token]) => `${token},"${user}","${user}","${(groupsOf[user] ?? []).join(',')}"\n`)
    .join('');
