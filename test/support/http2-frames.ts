import { connect, type Socket } from 'node:net';

/** Frames of HTTP/2 written by hand, for clients that no library would be (RFC 9113 §4.1). */

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

const types = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, continuation: 9 } as const;

export const frame = (type: keyof typeof types, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(types[type], 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};

/** `GET /` for `a` over http, by the static table and one literal (RFC 7541 appendix A). */
const getRoot = Buffer.from([0x82, 0x86, 0x84, 0x01, 0x01, 0x61]);

/** HEADERS with END_HEADERS; `last`: with END_STREAM too. */
export const get = (stream: number, last = true): Buffer => frame('headers', last ? 5 : 4, stream, getRoot);

export const reset = (stream: number, code: number): Buffer => {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code);
  return frame('reset', 0, stream, payload);
};

export const greeting = Buffer.concat([preface, frame('settings', 0, 0)]);

/** A connection that says nothing by itself, not even an answer to a PING. */
export interface MuteClient {
  readonly socket: Socket;
  /** Types of the frames that came. */
  readonly frames: () => readonly number[];
  /** Of each GOAWAY, the stream that it names. */
  readonly lastStreams: () => readonly number[];
  /** What came with the first PING. */
  readonly pinged: () => Buffer;
  readonly closed: () => boolean;
}

export const dialMute = async (port: number): Promise<MuteClient> => {
  const socket = connect(port, '127.0.0.1');
  let [received, closed] = [Buffer.alloc(0), false];
  socket.on('data', (chunk) => (received = Buffer.concat([received, chunk]))).on('error', () => undefined);
  socket.on('close', () => (closed = true));
  await new Promise((resolve) => socket.once('connect', resolve));
  const all = (): { readonly type: number; readonly payload: Buffer }[] => {
    const found: { readonly type: number; readonly payload: Buffer }[] = [];
    for (let at = 0; at + 9 <= received.length; at += 9 + received.readUIntBE(at, 3))
      found.push({ type: received.readUInt8(at + 3), payload: received.subarray(at + 9, at + 9 + received.readUIntBE(at, 3)) });
    return found;
  };
  return {
    socket,
    frames: () => all().map(({ type }) => type),
    lastStreams: () => all().flatMap(({ type, payload }) => (isGoaway(type) && payload.length >= 8 ? [payload.readUInt32BE(0)] : [])),
    pinged: () => all().find(({ type }) => isPing(type))?.payload ?? Buffer.alloc(8),
    closed: () => closed,
  };
};

export const isPing = (type: number): boolean => type === types.ping;
export const isGoaway = (type: number): boolean => type === types.goaway;
