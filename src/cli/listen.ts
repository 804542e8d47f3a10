import { isIP, type Server } from 'node:net';
import { messageOf } from '../core/index.ts';
import { CommandError } from './exit-code.ts';

export interface ListenAddress {
  /** Undefined: every address of this host, of both families. */
  readonly host: string | undefined;
  readonly port: number;
  /** The flag that sets the port, for the message. */
  readonly flag: string;
}

/** Binds `server`; a port that cannot be had is the user's to mend, and the message says with which flag. */
export const listenOn = async (server: Server, { host, port, flag }: ListenAddress): Promise<number> => {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (failure) {
    throw cannotListen({ host, port, flag }, failure);
  }
  return portOf(server);
};

/** The base of a URL at which a server that listens on `host` (undefined: everywhere) answers on this machine. */
export const urlOf = (scheme: 'http' | 'https', host: string | undefined, port: number): string =>
  `${scheme}://${host === undefined ? '127.0.0.1' : isIP(host) === 6 ? `[${host}]` : host}:${port}`;

/** For servers that bind by themselves: a port that cannot be had in words that name the flag, every other failure as it is. */
export const portProblem = (failure: unknown, address: ListenAddress): unknown =>
  ['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL'].includes(String(codeOf(failure))) ? cannotListen(address, failure) : failure;

const cannotListen = ({ host, port, flag }: ListenAddress, failure: unknown): CommandError =>
  new CommandError(
    'failure',
    `cannot listen on ${host === undefined ? `port ${port}` : `${host}:${port}`}: ${whyNot(failure)}; choose another port with ${flag} (0 takes any free one)`,
    failure,
  );

const codeOf = (failure: unknown): unknown => (failure instanceof Error && 'code' in failure ? failure.code : undefined);

const whyNot = (failure: unknown): string => {
  const code = codeOf(failure);
  if (code === 'EADDRINUSE') return 'another program uses the port';
  if (code === 'EACCES') return 'this user may not bind the port';
  return messageOf(failure);
};

/** What a gateway prints when it runs. */
export const readyLine = (host: string | undefined, operations: Server, { sharedPort, tlsPort }: EdgePortNumbers): string => {
  const shared = sharedPort === undefined ? '' : ` shared=${urlOf('http', host, sharedPort)}`;
  const tls = tlsPort === undefined ? '' : ` tls=${urlOf('https', host, tlsPort)}`;
  return `ready: metrics=${urlOf('http', host, portOf(operations))}/metrics${shared}${tls}\n`;
};

/** The ports that tell workloads apart by host name, those that there are. */
export interface EdgePortNumbers {
  readonly sharedPort: number | undefined;
  readonly tlsPort: number | undefined;
}

/** The port that a listening server got. */
export const portOf = (server: Server): number => {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};
