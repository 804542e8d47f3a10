import type { Socket } from 'node:net';
import { readProxyHeader, type ProxyHeader } from './header.ts';

/**
 * Takes the header off the beginning of a connection, however it is split; what follows is left to be read from the socket. Says once what came. A connection that ends before that is
 * closed without a word: balancers look whether a port is open.
 */
export const receiveProxyHeader = (socket: Socket, received: (header: ProxyHeader | 'malformed') => void): void => {
  let bytes: Buffer = Buffer.alloc(0);
  const onEnd = (): void => void socket.destroy();
  const onReadable = (): void => {
    for (let chunk: unknown = socket.read(); Buffer.isBuffer(chunk); chunk = socket.read()) {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      const header = readProxyHeader(bytes);
      if (header === 'more') continue;
      socket.off('readable', onReadable).off('end', onEnd);
      if (header !== 'malformed' && bytes.length > header.length) socket.unshift(bytes.subarray(header.length));
      return received(header);
    }
  };
  socket.on('readable', onReadable).on('end', onEnd);
};
