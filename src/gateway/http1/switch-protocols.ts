import type { Socket } from 'node:net';
import { bytesThrough, keepAlive, splice } from '../splice.ts';

/** A connection that has left HTTP behind. */
export interface Switched {
  readonly bytes: () => number;
  readonly requestBytes: () => number;
  readonly responseBytes: () => number;
  readonly cut: () => void;
}

/** Two connections, and how many bytes of the other protocol had been read of each with the heads. */
export interface Switching {
  readonly client: Socket;
  readonly upstream: Socket;
  readonly early: number;
  readonly earlyAnswer: number;
}

/** Joins the two connections; `ended` is called when both are closed. */
export const switchProtocols = ({ client, upstream, early, earlyAnswer }: Switching, ended: () => void): Switched => {
  const requestBytes = counting(client, early);
  const responseBytes = counting(upstream, earlyAnswer);
  keepAlive(client);
  keepAlive(upstream);
  splice(client, upstream, ended);
  return {
    bytes: () => bytesThrough(client, upstream),
    requestBytes,
    responseBytes,
    cut: () => {
      client.destroy();
      upstream.destroy();
    },
  };
};

/** What comes over `socket` from now on, with `early` bytes of it that are here already. */
const counting = (socket: Socket, early: number): (() => number) => {
  const before = socket.bytesRead - socket.readableLength - early;
  return () => socket.bytesRead - before;
};
