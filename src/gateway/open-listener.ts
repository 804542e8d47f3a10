import type { Server } from 'node:net';
/** A port that is open. */
export interface OpenListener {
  readonly port: number;
  /** From now on clients are told to come again on another connection. */
  sayGoodbye(): void;
  /** Takes nothing new; resolves when the last connection has ended by itself. */
  close(): Promise<void>;
  /** Ends what is still open. */
  destroy(): void;
}

/**
 * Opens `server` at the address (undefined: all); rejects where the port cannot be had. `cannotAccept` hears of connections that could not be taken afterwards: for want of file
 * descriptors, say.
 */
export const listenAt = (server: Server, address: string | undefined, port: number, cannotAccept: (error: Error) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(address === undefined ? {} : { host: address }), backlog: 4096 }, () => {
      server.off('error', reject).on('error', cannotAccept);
      resolve();
    });
  });

/** The port that `server` is open at; 0 while it is not. */
export const portOf = (server: Server): number => {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};
