import { mkdir, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { createAuthority } from '../../../src/certificates/index.ts';
import { systemClock } from '../../../src/core/index.ts';
import { tlsHost } from './origin.ts';

/** A certificate that all contestants serve, ECDSA P-256, as files. */
export interface TlsPair {
  /** Of nothing else. */
  readonly directory: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly caPem: string;
}

export const writeTlsPair = async (parent: string): Promise<TlsPair> => {
  const authority = await createAuthority({ commonName: 'bench', clock: systemClock, validDays: 2 });
  const { certificatePem, keyPem } = await authority.issue({ commonName: tlsHost, dnsNames: [tlsHost], validDays: 1 });
  const directory = join(parent, 'tls');
  const [certificateFile, keyFile] = [join(directory, 'tls.crt'), join(directory, 'tls.key')];
  await mkdir(directory);
  await writeFile(certificateFile, certificatePem);
  await writeFile(keyFile, keyPem, { mode: 0o600 });
  return { directory, certificateFile, keyFile, caPem: authority.certificatePem };
};

/** What is served at `path` over TLS by whoever has the certificate. Rejects where that is not so. */
export const getOverTls = (port: number, path: string, caPem: string): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const asked = { host: '127.0.0.1', port, path, ca: caPem, servername: tlsHost, headers: { host: tlsHost }, agent: false };
    request(asked, (answer) => {
      if (answer.statusCode === 200) buffer(answer).then(resolve, reject);
      else reject(new Error(`status ${String(answer.statusCode)}`));
    })
      .on('error', reject)
      .end();
  });
