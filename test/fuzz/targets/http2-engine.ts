import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { ByteBuffer, Connection, Decoder, Encoder } from '../../../src/gateway/http2/engine/index.ts';
import { turn } from '../../../src/gateway/index.ts';
import { Heard, settingsOf } from '../../support/http2-engine.ts';
import { dataFrame, headersFrame, hello, rawFrame, setting, settingsFrame, word } from '../../support/http2-wire.ts';
import { insist } from '../insist.ts';
import { cutAtRandom, randomFor } from '../pieces.ts';
import type { FuzzTarget } from '../target.ts';

/** Field sections and frames of HTTP/2 from outside. Inputs are hex, so that edits of them are edits of bits. */

const bytesOf = (input: Buffer): Buffer => Buffer.from(input.toString('latin1').replaceAll(/[^0-9a-f]/g, ''), 'hex');
const request = [':method', 'POST', ':scheme', 'http', ':path', '/a', ':authority', 'a', 'content-type', 'application/grpc', 'te', 'trailers'];

/** What was decoded is decoded again when it has been encoded, and the lists that come out are within their limit. */
const hpackTarget = (): FuzzTarget => ({
  name: 'http2-hpack',
  corpus: [
    '828684418cf1e3c2e5f23a6ba0ab90f4ff',
    '3fe101488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
    '400a637573746f6d2d6b65790d637573746f6d2d686561646572be1008706173737764067365637265',
    '20 3fe11f 82 40 01 61 01 62 be be 00 01 63 00',
  ],
  check: (input) => {
    const bytes = bytesOf(input);
    const [decoder, limit] = [new Decoder(2048), 2048];
    for (let time = 0; time < 3; time += 1) {
      const result = decoder.decode(bytes, 0, bytes.length);
      if (result === 'broken') return;
      const { fields } = decoder;
      insist(fields.reduce((sum, { length }) => sum + length + 16, 0) <= limit, 'a list is within its limit', fields);
      if (result === 'large') continue;
      const into = new ByteBuffer(Buffer.alloc(8));
      const encoder = new Encoder();
      const again = new Decoder(2048);
      for (let round = 0; round < 3; round += 1) {
        into.length = 0;
        encoder.encode(fields, decoder.sensitive, into);
        insist(again.decode(into.bytes, 0, into.length) === 'ok', 'what we encode can be decoded', fields);
        insist(JSON.stringify(again.fields) === JSON.stringify(fields), 'and is the same', fields);
      }
    }
  },
});

/** A client's bytes, in any pieces: each stream ends once, nothing is thrown, and behind it all the memory that was counted is free. */
const framesTarget = async (): Promise<FuzzTarget> => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const hex = (...frames: readonly Buffer[]): string => Buffer.concat([hello, ...frames]).toString('hex');
  const body = [headersFrame(1, request, false), dataFrame(1, 'abcde'), dataFrame(1, 'x', true)];
  return {
    name: 'http2-frames',
    corpus: [
      hex(...body),
      hex(...body, headersFrame(3, [...request, 'content-length', '2'], false), dataFrame(3, 'ab'), headersFrame(3, ['a', 'b'], true)),
      hex(settingsFrame(setting(4, 1), setting(1, 0)), headersFrame(1, request, true), rawFrame(8, 0, 1, word(5)), rawFrame(8, 0, 0, word(500))),
      hex(rawFrame(1, 1, 1, '82'), rawFrame(9, 0, 1, '86'), rawFrame(9, 4, 1, '84'), rawFrame(3, 0, 1, word(8)), rawFrame(6, 0, 0, '0000000000000000')),
      hex(
        rawFrame(1, 0x2d, 1, '02 00000000 10 82 86 84 0000'),
        rawFrame(0, 8, 1, '0261620000'),
        rawFrame(7, 0, 0, '0000000000000000'),
        rawFrame(2, 0, 5, '0000000010'),
      ),
    ],
    check: async (input) => {
      const bytes = bytesOf(input);
      const far = connect(port, '127.0.0.1');
      await new Promise((resolve) => far.once('connect', resolve));
      const socket = sockets.pop() ?? (await new Promise<Socket>((resolve) => server.once('connection', resolve)));
      sockets.length = 0;
      far.on('error', () => undefined).resume();
      const heard: Heard[] = [];
      const connection = new Connection(
        socket,
        settingsOf('server', { connectProtocol: true }),
        {
          opened: (stream, fields, sensitive, end) => {
            const one = new Heard();
            heard.push(one);
            stream.listener = one;
            if (heard.length % 3 === 0) return stream.reset(8);
            if (heard.length % 3 === 1) stream.pause();
            stream.headers([':status', '200', ...fields.slice(8)], sensitive, false);
            stream.data(Buffer.alloc(100), 0, 100, end);
          },
          changed: () => undefined,
          closed: () => undefined,
        },
        turn,
      );
      for (const piece of cutAtRandom(randomFor(bytes), bytes)) connection.receive(piece, 0, piece.length);
      await new Promise((resolve) => setImmediate(resolve));
      for (const { stream } of heard) stream?.resume();
      connection.destroy();
      far.destroy();
      insist(connection.open === 0, 'no stream is left', connection.open);
      for (const { endings } of heard) insist(endings.length === 1, 'each stream ends once', endings);
    },
    close: () => void server.close(),
  };
};

export const http2EngineTargets = [hpackTarget, framesTarget];
