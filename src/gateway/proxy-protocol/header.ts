import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { mostProxyHeaderBytes } from '../http1/limits.ts';
import { withoutMapping } from '../peer.ts';

/**
 * The header of the PROXY protocol (https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt), by which a balancer of connections says whose connection it passes on.
 * Version 1 is a line of text (§2.1), version 2 binary (§2.2). What is not of the grammar is refused: a receiver must not guess whether there is a header.
 */

/** A whole header. */
export interface ProxyHeader {
  /** Of the client, in the form in which Node writes addresses; undefined where the balancer speaks for itself or does not say: then the connection's own peer counts. */
  readonly source: string | undefined;
  /** What follows is the client's. */
  readonly length: number;
}

export type ProxyHeaderReading = ProxyHeader | 'more' | 'malformed';

/** With its CRLF (§2.1). */
const mostTextBytes = 107;

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const textStart = Buffer.from('PROXY ', 'latin1');
const fixedBytes = 16;

/** Reads the header at the start of `bytes`, all that has come so far. */
export const readProxyHeader = (bytes: Buffer): ProxyHeaderReading => {
  if (bytes.length === 0) return 'more';
  return bytes[0] === signature[0] ? readBinary(bytes) : readText(bytes);
};

const startsLike = (bytes: Buffer, start: Buffer): boolean => {
  const common = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, common, 0, common) === 0;
};

const readText = (bytes: Buffer): ProxyHeaderReading => {
  if (!startsLike(bytes, textStart)) return 'malformed';
  const line = bytes.toString('latin1', 0, Math.min(bytes.length, mostTextBytes));
  const end = line.search(/[\r\n]/);
  if (end < 0) return bytes.length < mostTextBytes ? 'more' : 'malformed';
  if (line[end] !== '\r') return 'malformed';
  if (end + 1 === line.length) return line.length < mostTextBytes ? 'more' : 'malformed';
  if (line[end + 1] !== '\n') return 'malformed';
  const length = end + 2;
  const [, family = '', rest] = /^PROXY ([^ ]*)(?: (.*))?$/s.exec(line.slice(0, end)) ?? [];
  if (family === 'UNKNOWN') return { source: undefined, length };
  const fields = rest?.split(' ') ?? [];
  const [source = '', destination = '', ...ports] = fields;
  if (ports.length !== 2 || !ports.every(isPort)) return 'malformed';
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isPlainIPv6 : undefined;
  if (isAddress?.(source) !== true || !isAddress(destination)) return 'malformed';
  return { source: family === 'TCP4' ? source : asNodeWrites(source), length };
};

/** Without leading zeroes. */
const isPort = (text: string): boolean => /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
/** Without a zone. */
const isPlainIPv6 = (text: string): boolean => isIPv6(text) && !text.includes('%');

const asNodeWrites = (address: string): string => withoutMapping(new SocketAddress({ address, family: 'ipv6' }).address);

/** Bytes that the addresses take, by the byte of family and transport; others are not defined (§2.2). */
const addressBytes: Readonly<Record<number, number>> = { 0x00: 0, 0x11: 12, 0x12: 12, 0x21: 36, 0x22: 36, 0x31: 216, 0x32: 216 };

const readBinary = (bytes: Buffer): ProxyHeaderReading => {
  if (!startsLike(bytes, signature)) return 'malformed';
  const command = bytes[12] ?? 0x20;
  if (command !== 0x20 && command !== 0x21) return 'malformed';
  if (bytes.length < fixedBytes) return 'more';
  const length = fixedBytes + bytes.readUInt16BE(14);
  if (length > mostProxyHeaderBytes) return 'malformed';
  // LOCAL: the balancer's own, a health check say. What is said of addresses is to be passed over.
  if (command === 0x20) return bytes.length < length ? 'more' : { source: undefined, length };
  const family = bytes[13] ?? 0;
  const addresses = addressBytes[family];
  if (addresses === undefined || length < fixedBytes + addresses) return 'malformed';
  if (bytes.length < length) return 'more';
  if (!areTlvs(bytes, fixedBytes + addresses, length)) return 'malformed';
  return { source: sourceOf(bytes, family), length };
};

/** Of TCP alone: datagrams and UNIX sockets have no address that a connection of ours could come from. */
const sourceOf = (bytes: Buffer, family: number): string | undefined => {
  if (family === 0x11) return bytes.subarray(fixedBytes, fixedBytes + 4).join('.');
  if (family !== 0x21) return undefined;
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(fixedBytes + 2 * index).toString(16));
  return asNodeWrites(groups.join(':'));
};

/** Type, length of two bytes, value, up to the end exactly. What they say is not looked at. */
const areTlvs = (bytes: Buffer, from: number, to: number): boolean => {
  let at = from;
  while (at + 3 <= to) at += 3 + bytes.readUInt16BE(at + 1);
  return at === to;
};
