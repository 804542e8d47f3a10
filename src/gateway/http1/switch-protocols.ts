import type { Socket } from 'node:net';
import { bytesThrough, keepAlive, splice } from '../splice.ts';

/** A connection that has left HTTP behind. */
export interface Switched {
  readonly bytes: () => number;
  readonly cut: () => void;
}

/** Joins the two connections; `ended` is called when both are closed. */
export const switchProtocols = (client: Socket, upstream: Socket, ended: () => void): Switched => {
  keepAlive(client);
  keepAlive(upstream);
  splice(client, upstream, ended);
  return {
    bytes: () => bytesThrough(client, upstream),
    cut: () => {
      client.destroy();
      upstream.destroy();
    },
  };
};
