import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import { ByteBuffer, Encoder, flags, noneSensitive, preface, types } from '../../src/gateway/http2/engine/index.ts';
import { until } from './until.ts';

/** The far end of a connection of HTTP/2 that says what it is told, byte for byte, and writes down what it hears. */

export const rawFrame = (type: number, flag: number, stream: number, payload: Buffer | string = ''): Buffer => {
  const body = typeof payload === 'string' ? Buffer.from(payload.replaceAll(' ', ''), 'hex') : payload;
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flag, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
};

export const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** By an encoder of its own, which puts nothing that is said once into a table. */
export const block = (fields: readonly string[]): Buffer => {
  const into = new ByteBuffer(Buffer.alloc(64));
  new Encoder().encode(fields, noneSensitive, into);
  return into.bytes.subarray(0, into.length);
};

export const headersFrame = (stream: number, fields: readonly string[], end: boolean): Buffer =>
  rawFrame(types.headers, flags.endHeaders | (end ? flags.endStream : 0), stream, block(fields));
export const dataFrame = (stream: number, body: string | number, end = false): Buffer =>
  rawFrame(types.data, end ? flags.endStream : 0, stream, typeof body === 'number' ? Buffer.alloc(body) : Buffer.from(body));
export const setting = (id: number, value: number): Buffer => {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(id);
  bytes.writeUInt32BE(value, 2);
  return bytes;
};
export const settingsFrame = (...settings: readonly Buffer[]): Buffer => rawFrame(types.settings, 0, 0, Buffer.concat(settings));
export const hello = Buffer.concat([preface, settingsFrame()]);

export interface SeenFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export interface WireEnd {
  readonly socket: Socket;
  readonly frames: () => readonly SeenFrame[];
  /** The code of the last GOAWAY, or of the reset of a stream. */
  readonly goaway: () => number | undefined;
  readonly reset: (stream: number) => number | undefined;
  readonly closed: () => boolean;
}

const wireEnd = (socket: Socket, skip: number): WireEnd => {
  const chunks: Buffer[] = [];
  let closed = false;
  socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => undefined);
  socket.on('close', () => (closed = true));
  const frames = (): SeenFrame[] => {
    const received = Buffer.concat(chunks);
    const seen: SeenFrame[] = [];
    for (let at = skip; at + 9 <= received.length;) {
      const end = at + 9 + received.readUIntBE(at, 3);
      if (end > received.length) break;
      const [type, flag] = [received.readUInt8(at + 3), received.readUInt8(at + 4)];
      seen.push({ type, flags: flag, stream: received.readUInt32BE(at + 5), payload: received.subarray(at + 9, end) });
      at = end;
    }
    return seen;
  };
  const find = (matches: (frame: SeenFrame) => boolean): SeenFrame | undefined => frames().findLast(matches);
  return {
    socket,
    frames,
    goaway: () => find(({ type }) => type === types.goaway)?.payload.readUInt32BE(4),
    reset: (stream) => find((frame) => frame.type === types.reset && frame.stream === stream)?.payload.readUInt32BE(0),
    closed: () => closed,
  };
};

export const dialWire = async (t: ExecutionContext, port: number): Promise<WireEnd> => {
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  await new Promise((resolve) => socket.once('connect', resolve));
  return wireEnd(socket, 0);
};

/** A server of raw frames: the connections that came, with the client's preface taken off. */
export const startWireServer = async (t: ExecutionContext): Promise<{ readonly port: number; readonly next: () => Promise<WireEnd> }> => {
  const ends: WireEnd[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    socket.write(settingsFrame());
    ends.push(wireEnd(socket, preface.length));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const { socket } of ends) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, next: () => until('a connection', () => ends.shift()) };
};
