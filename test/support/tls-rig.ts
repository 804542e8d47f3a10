import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { connect as connectTcp, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { setImmediate as turn } from 'node:timers/promises';
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

/** A TLS client that trusts `caPem`, spoken by hand; its two directions end apart. */
export const dialTls = async (t: ExecutionContext, port: number, options: ConnectionOptions = {}): Promise<Wire & { readonly socket: TLSSocket }> => {
  const tcp = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true });
  t.teardown(() => tcp.destroy());
  await once(tcp, 'connect');
  // Half open as the connection below is.
  const socket = connect({ socket: tcp, servername: 'web.default.localhost', ca: caPem, ALPNProtocols: ['http/1.1'], ...options });
  t.teardown(() => socket.destroy());
  await once(socket, 'secureConnect');
  return new Wire(socket) as Wire & { readonly socket: TLSSocket };
};

/** Stands between a client and `port`; `first` makes of the client's first bytes the pieces that are sent. Tells all bytes that came back. */
export const startRelay = async (
  t: ExecutionContext,
  port: number,
  first: (bytes: Buffer) => readonly Buffer[] = (bytes) => [bytes],
): Promise<{ readonly port: number; readonly cameBack: () => Buffer }> => {
  const back: Buffer[] = [];
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    for (const socket of [client, upstream]) {
      t.teardown(() => socket.destroy());
      socket.on('error', () => undefined);
    }
    upstream.on('data', (chunk) => back.push(chunk)).pipe(client);
    client.once('data', (bytes) => {
      client.pause();
      void (async () => {
        for (const piece of first(bytes)) {
          await new Promise((resolve) => upstream.write(piece, resolve));
          await turn();
        }
        client.pipe(upstream);
      })();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return { port: (server.address() as AddressInfo).port, cameBack: () => Buffer.concat(back) };
};
