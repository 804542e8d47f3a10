import type { Socket } from 'node:net';

/** An IPv4 address that came in over a dual-stack listener is written as IPv4. */
export const withoutMapping = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/, '');

/** The address of the other end. */
export const peerOf = (socket: Socket): string => withoutMapping(socket.remoteAddress ?? '');

/**
 * The TCP connection under a TLS one; any other socket itself. Node has no other way to it: `_parent` is what its own timers go by (lib/net.js), and tests of ours would fail without it.
 */
export const tcpOf = (socket: Socket): Socket => ('_parent' in socket && isSocket(socket._parent) ? socket._parent : socket);

const isSocket = (value: unknown): value is Socket => typeof value === 'object' && value !== null && 'resetAndDestroy' in value;
