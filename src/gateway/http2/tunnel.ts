import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { keepAlive } from '../splice.ts';
import { h2 } from './codes.ts';

/** What is asked and told while a stream and a connection are joined. */
export interface TunnelEnds {
  /** So many bytes went to the pod; and to the client. */
  readonly up: (bytes: number) => void;
  readonly down: (bytes: number) => void;
  /** The client has ended its side, and was not cut off, which looks the same. */
  readonly whole: () => boolean;
  /** The pod has ended its side. */
  readonly podEnded: () => void;
  /** Both are closed. */
  readonly ended: () => void;
}

/**
 * Joins a client's stream and a pod's connection that speaks WebSocket (RFC 8441 §5): END_STREAM is FIN, RST_STREAM is RST, each way. Whoever is slow holds the other side back.
 * `stream` must have been answered with `waitForTrailers`, or a reset would look like an orderly end. Gives the way to cut it; the stream is the caller's then.
 */
export const joinTunnel = (stream: ServerHttp2Stream, socket: Socket, { up, down, whole, podEnded, ended }: TunnelEnds): (() => void) => {
  let open = 2;
  let clientEnded = false;
  const closed = (): void => {
    open -= 1;
    if (open === 0) ended();
  };
  keepAlive(socket);
  stream.on('data', (chunk: Buffer) => {
    up(chunk.length);
    if (!socket.write(chunk)) stream.pause();
  });
  socket.on('data', (chunk: Buffer) => {
    down(chunk.length);
    if (!stream.closed && !stream.write(chunk)) socket.pause();
  });
  stream.on('drain', () => socket.resume());
  socket.on('drain', () => stream.resume());
  stream.on('end', () => {
    clientEnded = whole();
    if (clientEnded) socket.end();
  });
  socket.on('end', () => {
    podEnded();
    stream.end();
  });
  socket.on('error', () => socket.destroy());
  stream.on('close', () => {
    if (!clientEnded) socket.resetAndDestroy();
    closed();
  });
  socket.on('close', () => {
    if (!socket.readableEnded) stream.close(h2.cancel);
    closed();
  });
  stream.resume();
  socket.resume();
  // Not a reset behind a FIN: Node waits for the one that was cut off for as long as it runs.
  return () => (clientEnded ? socket.destroy() : socket.resetAndDestroy());
};
