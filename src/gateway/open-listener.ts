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

/** Where listening sockets come from: the process opens its own, or shares those of others (the workers of one gateway). */
export interface ListeningSockets {
  /** Opens `server` at the address (undefined: all); rejects where the port cannot be had. */
  listen(server: Server, address: string | undefined, port: number): Promise<void>;
  /** Takes nothing new; `ended` hears when the last connection has ended. */
  close(server: Server, ended: () => void): void;
}

/** Connections that the kernel may have made and nobody has accepted yet. */
export const backlog = 4096;

/** Lets `listen` begin, and waits for its end. `cannotAccept` hears of connections that could not be taken afterwards: for want of file descriptors, say. */
export const listening = (server: Server, cannotAccept: (error: Error) => void, listen: (done: () => void) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    listen(() => {
      server.off('error', reject).on('error', cannotAccept);
      resolve();
    });
  });

/** Sockets that nobody else has. */
export const ownSockets = (cannotAccept: (error: Error) => void): ListeningSockets => ({
  listen: (server, address, port) =>
    listening(server, cannotAccept, (done) => server.listen({ port, ...(address === undefined ? {} : { host: address }), backlog }, done)),
  close: (server, ended) => void server.close(ended),
});

/** The port that `server` is open at; 0 while it is not. */
export const portOf = (server: Server): number => {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};
