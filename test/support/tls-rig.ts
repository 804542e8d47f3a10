import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { ExecutionContext } from 'ava';
import { createAuthority, type KeyedCertificate } from '../../src/certificates/index.ts';
import { silentLogger, systemClock, type Clock, type Logger } from '../../src/core/index.ts';
import { followCertificates, type FollowedCertificates } from '../../src/gateway/index.ts';
import { Wire } from './wire.ts';

/** An authority, directories of certificates that it has signed, and clients that trust it. */

const authority = await createAuthority({ commonName: 'tls rig', clock: systemClock, validDays: 30 });
export const caPem = authority.certificatePem;

export const certificateFor = (...dnsNames: readonly string[]): Promise<KeyedCertificate> =>
  authority.issue({ commonName: 'server', dnsNames, ...(dnsNames.length === 0 ? { ipAddresses: ['127.0.0.1'] } : {}), validDays: 7 });

export const temporaryDirectory = async (t: ExecutionContext): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'rouse-tls-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
};

/** As a file is replaced without a moment at which it is half there. */
const replace = async (path: string, text: string): Promise<void> => {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
};

/** Writes `folder` ('' for the directory itself) as a Secret of type kubernetes.io/tls. */
export const writePair = async (directory: string, folder: string, pair: KeyedCertificate): Promise<void> => {
  await mkdir(join(directory, folder), { recursive: true });
  await replace(join(directory, folder, 'tls.key'), pair.keyPem);
  await replace(join(directory, folder, 'tls.crt'), pair.certificatePem);
};

export const follow = async (
  t: ExecutionContext,
  directory: string,
  { clock = systemClock, logger = silentLogger }: { readonly clock?: Clock; readonly logger?: Logger } = {},
): Promise<FollowedCertificates> => {
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  return followCertificates({ directory, clock, logger }, stop.signal);
};

/** A TLS client that trusts `caPem`, spoken by hand; its two directions end apart. `before` goes out first, in clear text. */
export const dialTls = async (t: ExecutionContext, port: number, options: ConnectionOptions = {}, before?: string): Promise<Wire & { readonly socket: TLSSocket }> => {
  const tcp = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true });
  t.teardown(() => tcp.destroy());
  await once(tcp, 'connect');
  if (before !== undefined) tcp.write(before, 'latin1');
  // Half open as the connection below is.
  const socket = connect({ socket: tcp, servername: 'web.default.localhost', ca: caPem, ALPNProtocols: ['http/1.1'], ...options });
  t.teardown(() => socket.destroy());
  await once(socket, 'secureConnect');
  return new Wire(socket) as Wire & { readonly socket: TLSSocket };
};
