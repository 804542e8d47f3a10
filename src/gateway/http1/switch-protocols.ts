import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { bytesThrough, keepAlive, splice } from '../splice.ts';
import { pairs } from './response-head.ts';

export interface Switching {
  readonly response: ServerResponse;
  readonly client: Socket;
  readonly upstream: Duplex;
  /** What the client sent after its head. */
  readonly clientHead: Buffer;
  readonly protocol: string;
  readonly headers: readonly string[];
}

/** A connection that has left HTTP behind. */
export interface Switched {
  readonly bytes: () => number;
  readonly cut: () => void;
}

/** Tells the client 101 and joins the two connections; `ended` is called when both are closed. */
export const switchProtocols = ({ response, client, upstream, clientHead, protocol, headers }: Switching, ended: () => void): Switched => {
  response.detachSocket(client);
  keepAlive(client);
  keepAlive(upstream);
  const lines = pairs(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  client.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${lines.join('')}\r\n`, 'latin1');
  if (clientHead.length > 0) upstream.write(clientHead);
  splice(client, upstream, ended);
  return {
    bytes: () => bytesThrough(client, upstream),
    cut: () => {
      client.destroy();
      upstream.destroy();
    },
  };
};
