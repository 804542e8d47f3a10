import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { tcpOf } from './peer.ts';

/** Joins two connections: bytes, back-pressure and half-close go both ways; a reset of one resets the other. `ended` is called once, when both are closed. */
export const splice = (client: Duplex, upstream: Duplex, ended: () => void): void => {
  let open = 2;
  const closed = (): void => {
    open -= 1;
    if (open === 0) ended();
  };
  join(client, upstream, closed);
  join(upstream, client, closed);
};

const join = (from: Duplex, to: Duplex, closed: () => void): void => {
  from.on('error', () => breakOff(to));
  from.on('close', () => {
    if (from.readableEnded) to.end();
    else breakOff(to);
    closed();
  });
  from.pipe(to);
};

/** Ends it so that the other end does not take what it has got for the whole, as it would after an orderly end. */
export const breakOff = (stream: Duplex): void => {
  if (isSocket(stream)) tcpOf(stream).resetAndDestroy();
  else stream.destroy();
};

/** For a connection that may be silent for hours: found dead by the kernel's probes. */
export const keepAlive = (socket: Duplex): void => {
  if (isSocket(socket)) socket.setTimeout(0).setKeepAlive(true, 60_000).setNoDelay(true);
};

const isSocket = (stream: Duplex): stream is Socket => 'setKeepAlive' in stream && 'setNoDelay' in stream;

/** Bytes that have gone through both ways; what idleness is measured by. */
export const bytesThrough = (client: Duplex, upstream: Duplex): number => bytesRead(client) + bytesRead(upstream);
const bytesRead = (stream: Duplex): number => (isSocket(stream) ? stream.bytesRead : 0);
