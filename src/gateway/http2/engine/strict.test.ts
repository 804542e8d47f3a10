import test from 'ava';
import { dialEngine, requestFields, send, startEngineServer, type EngineRequest } from '../../../../test/support/http2-engine.ts';
import {
  block,
  dataFrame,
  dialWire,
  headersFrame,
  hello,
  rawFrame,
  setting,
  settingsFrame,
  startWireServer,
  word,
} from '../../../../test/support/http2-wire.ts';
import { until } from '../../../../test/support/until.ts';
import { errors, preface, settingIds, types } from './codes.ts';
import { noneSensitive } from './sensitive.ts';

/** What no peer may send, and what we say to it: an error of the stream, or of the connection (RFC 9113 §5.4). */

type Outcome = { readonly goaway: number } | { readonly reset: number } | 'fine';

const post = requestFields('/', 'POST');
const open = headersFrame(1, post, false);
const whole = headersFrame(1, requestFields(), true);

/** Answers what has been asked to its end, with the number of the bytes that came. */
const answer = ({ stream, end, heard }: EngineRequest): void => {
  const say = (): void => {
    stream.headers([':status', '200'], noneSensitive, false);
    send(stream, Buffer.from(String(heard.body.length)), true);
  };
  heard.onData = (_stream, _bytes, from, to, isEnd) => {
    stream.consumed(to - from);
    if (isEnd) say();
  };
  heard.onTrailers = say;
  if (end) say();
};

const fromClient = test.macro({
  exec: async (t, frames: readonly Buffer[], outcome: Outcome, greeting: Buffer = hello) => {
    const server = await startEngineServer(t, answer, { connectProtocol: true });
    const wire = await dialWire(t, server.port);
    wire.socket.write(Buffer.concat([greeting, ...frames, rawFrame(types.ping, 0, 0, 'aaaaaaaaaaaaaaaa')]));
    const isAnswered = (): boolean => wire.frames().some(({ type, payload }) => type === types.ping && payload[0] === 0xaa);
    await until('said', () => isAnswered() || wire.goaway() !== undefined);
    if (outcome === 'fine') {
      t.is(wire.goaway(), undefined);
      t.false(wire.frames().some(({ type }) => type === types.reset));
    } else if ('reset' in outcome) {
      t.is(wire.goaway(), undefined);
      t.is(wire.reset(1), outcome.reset);
    } else {
      t.is(wire.goaway(), outcome.goaway);
      await until('closed', wire.closed);
      t.true(server.requests.every(({ heard }) => heard.endings.length === 1));
    }
    t.true(server.requests.every(({ heard }) => heard.endings.length <= 1));
  },
  title: (title) => `a client sends ${title ?? ''}`,
});

const { protocolError, frameSizeError, flowControlError, streamClosed, compressionError, enhanceYourCalm } = errors;
const bad = (fields: readonly string[]): readonly [readonly Buffer[], Outcome] => [[headersFrame(1, fields, true)], { reset: protocolError }];

test('no preface', fromClient, [], { goaway: protocolError }, Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
test('no SETTINGS', fromClient, [whole], { goaway: protocolError }, preface);
test('an ACK before them', fromClient, [rawFrame(types.settings, 1, 0)], { goaway: protocolError }, preface);
test('SETTINGS that are no pairs', fromClient, [rawFrame(types.settings, 0, 0, '0003000000')], { goaway: frameSizeError });
test('an ACK with a payload', fromClient, [rawFrame(types.settings, 1, 0, setting(3, 1))], { goaway: frameSizeError });
test('SETTINGS of a stream', fromClient, [rawFrame(types.settings, 0, 1)], { goaway: protocolError });
test('a window that is too large', fromClient, [settingsFrame(setting(settingIds.initialWindowSize, 2 ** 31))], { goaway: flowControlError });
test('frames that are too small', fromClient, [settingsFrame(setting(settingIds.maxFrameSize, 16_383))], { goaway: protocolError });
test('ENABLE_PUSH of 2', fromClient, [settingsFrame(setting(settingIds.enablePush, 2))], { goaway: protocolError });
test('ENABLE_CONNECT_PROTOCOL of 2', fromClient, [settingsFrame(setting(settingIds.enableConnectProtocol, 2))], { goaway: protocolError });
test('settings that nobody knows', fromClient, [settingsFrame(setting(0x99, 7), setting(settingIds.enablePush, 1))], 'fine');
test(
  'a window that makes that of a stream overflow',
  fromClient,
  [open, rawFrame(types.windowUpdate, 0, 1, word(2 ** 31 - 65_536)), settingsFrame(setting(4, 65_536))],
  {
    goaway: flowControlError,
  },
);
test('a PING of 7 bytes', fromClient, [rawFrame(types.ping, 0, 0, Buffer.alloc(7))], { goaway: frameSizeError });
test('a PING of a stream', fromClient, [rawFrame(types.ping, 0, 1, Buffer.alloc(8))], { goaway: protocolError });
test('a GOAWAY that is cut off', fromClient, [rawFrame(types.goaway, 0, 0, Buffer.alloc(7))], { goaway: frameSizeError });
test('a GOAWAY of a stream', fromClient, [rawFrame(types.goaway, 0, 1, Buffer.alloc(8))], { goaway: protocolError });
test('PUSH_PROMISE', fromClient, [rawFrame(types.pushPromise, 4, 1, word(2))], { goaway: protocolError });
test('a frame that nobody knows', fromClient, [rawFrame(0xbe, 0xff, 7, 'abcdef')], 'fine');
test('a frame that is too large', fromClient, [rawFrame(0xbe, 0, 0, Buffer.alloc(16_385))], { goaway: frameSizeError });

test('WINDOW_UPDATE of 0', fromClient, [rawFrame(types.windowUpdate, 0, 0, word(0))], { goaway: protocolError });
test('WINDOW_UPDATE of 0 for a stream', fromClient, [open, rawFrame(types.windowUpdate, 0, 1, word(0))], { reset: protocolError });
test('WINDOW_UPDATE of 3 bytes', fromClient, [rawFrame(types.windowUpdate, 0, 0, '000001')], { goaway: frameSizeError });
test('WINDOW_UPDATE for an idle stream', fromClient, [rawFrame(types.windowUpdate, 0, 3, word(1))], { goaway: protocolError });
test('WINDOW_UPDATE for a stream that is over', fromClient, [whole, rawFrame(types.windowUpdate, 0, 1, word(1))], 'fine');
test('too much WINDOW_UPDATE', fromClient, [rawFrame(types.windowUpdate, 0, 0, word(2 ** 31 - 1))], { goaway: flowControlError });
test('too much WINDOW_UPDATE for a stream', fromClient, [open, rawFrame(types.windowUpdate, 0, 1, word(2 ** 31 - 1))], { reset: flowControlError });

test('a reset of an idle stream', fromClient, [rawFrame(types.reset, 0, 1, word(8))], { goaway: protocolError });
test('a reset of 3 bytes', fromClient, [open, rawFrame(types.reset, 0, 1, '000008')], { goaway: frameSizeError });
test('a reset of stream 0', fromClient, [rawFrame(types.reset, 0, 0, word(8))], { goaway: protocolError });
test('a reset of a stream that is over', fromClient, [whole, rawFrame(types.reset, 0, 1, word(8))], 'fine');
test('a stream that depends on itself', fromClient, [rawFrame(types.priority, 0, 1, Buffer.concat([word(1), Buffer.alloc(1)]))], { goaway: protocolError });
test('a PRIORITY of 4 bytes', fromClient, [open, rawFrame(types.priority, 0, 1, word(0))], { reset: frameSizeError });
test('a PRIORITY that is one', fromClient, [rawFrame(types.priority, 0, 7, Buffer.alloc(5))], 'fine');

test('HEADERS of stream 0', fromClient, [headersFrame(0, post, true)], { goaway: protocolError });
test('HEADERS of an even stream', fromClient, [headersFrame(2, post, true)], { goaway: protocolError });
test('HEADERS of a lower stream than before', fromClient, [headersFrame(3, post, true), whole], { goaway: streamClosed });
test('HEADERS with more padding than payload', fromClient, [rawFrame(types.headers, 13, 1, 'ff82')], { goaway: protocolError });
test('HEADERS with padding and priority', fromClient, [rawFrame(types.headers, 0x2d, 1, '02 00000000 10 82 86 84 0101 61 0000')], 'fine');
test('HEADERS without room for the priority', fromClient, [rawFrame(types.headers, 0x25, 1, '00000000')], { goaway: frameSizeError });
test('HEADERS in a code that is none', fromClient, [rawFrame(types.headers, 5, 1, '80')], { goaway: compressionError });
test('a field section in pieces', fromClient, [rawFrame(1, 1, 1, '82'), rawFrame(9, 0, 1), rawFrame(9, 4, 1, '86 84 0101 61')], 'fine');
test('CONTINUATION of nothing', fromClient, [rawFrame(9, 4, 1, '82')], { goaway: protocolError });
test('something else within a field section', fromClient, [rawFrame(1, 1, 1, '82'), rawFrame(6, 0, 0, Buffer.alloc(8))], { goaway: protocolError });
test('CONTINUATION of another stream', fromClient, [rawFrame(1, 1, 1, '82'), rawFrame(9, 4, 3, '86')], { goaway: protocolError });
test('CONTINUATION without an end', fromClient, [rawFrame(1, 1, 1, '82'), ...Array.from({ length: 20 }, () => rawFrame(9, 0, 1))], { goaway: enhanceYourCalm });
test('a field section without an end', fromClient, [rawFrame(1, 1, 1, '82'), ...Array.from({ length: 5 }, () => rawFrame(9, 0, 1, Buffer.alloc(16_000)))], {
  goaway: enhanceYourCalm,
});
/** A field of the static table, of 60 bytes, so many times. */
const many = (count: number): Buffer => rawFrame(types.headers, 5, 1, Buffer.concat([block(post), Buffer.alloc(count, 0x90)]));
test('as long a list as it may be', fromClient, [many(540)], 'fine');
test('a list that is too long, and another one', fromClient, [many(550), headersFrame(3, post, true)], { reset: enhanceYourCalm });

test('DATA of stream 0', fromClient, [dataFrame(0, 'x')], { goaway: protocolError });
test('DATA of an idle stream', fromClient, [dataFrame(1, 'x')], { goaway: protocolError });
test('DATA behind the end', fromClient, [whole, dataFrame(1, 'x')], { goaway: streamClosed });
test('DATA with more padding than payload', fromClient, [open, rawFrame(0, 8, 1, '02aa')], { goaway: protocolError });
test('DATA with padding alone', fromClient, [open, rawFrame(0, 9, 1, '020000')], 'fine');
test('trailers without an end', fromClient, [open, headersFrame(1, ['a', 'b'], false)], { reset: protocolError });
test('trailers with a pseudo field', fromClient, [open, headersFrame(1, [':path', '/'], true)], { reset: protocolError });
test('trailers', fromClient, [open, dataFrame(1, 'x'), headersFrame(1, ['a', 'b'], true)], 'fine');

test('a content length that is too large', fromClient, [headersFrame(1, [...post, 'content-length', '3'], false), dataFrame(1, 'xx', true)], {
  reset: protocolError,
});
test('one that is too small', fromClient, [headersFrame(1, [...post, 'content-length', '3'], false), dataFrame(1, 'xxxx', true)], { reset: protocolError });
test('one that is right', fromClient, [headersFrame(1, [...post, 'content-length', '3'], false), dataFrame(1, 'xx'), dataFrame(1, 'x', true)], 'fine');
test('one with trailers', fromClient, [headersFrame(1, [...post, 'content-length', '3'], false), dataFrame(1, 'xx'), headersFrame(1, ['a', 'b'], true)], {
  reset: protocolError,
});
test('a content length and nothing', fromClient, ...bad([...post, 'content-length', '3']));
test('two content lengths', fromClient, ...bad([...post, 'content-length', '0', 'content-length', '0']));
test('a content length that is none', fromClient, ...bad([...post, 'content-length', '-1']));
test('no path', fromClient, ...bad([':method', 'GET', ':scheme', 'http']));
test('an empty path', fromClient, ...bad([':method', 'GET', ':scheme', 'http', ':path', '']));
test('no method', fromClient, ...bad([':scheme', 'http', ':path', '/']));
test('a method that is none', fromClient, ...bad([':method', 'GET /', ...post.slice(2)]));
test('no scheme', fromClient, ...bad([':method', 'GET', ':path', '/']));
test('two paths', fromClient, ...bad([...post, ':path', '/']));
test('no authority and no Host', fromClient, ...bad(post.slice(0, 6)));
test('Host alone', fromClient, [headersFrame(1, [...post.slice(0, 6), 'host', 'a'], true)], 'fine');
test('a status', fromClient, ...bad([...post, ':status', '200']));
test('a pseudo field that nobody knows', fromClient, ...bad([...post, ':colour', 'red']));
test('a pseudo field behind others', fromClient, ...bad([':method', 'GET', ':scheme', 'http', 'a', 'b', ':path', '/']));
test('a name in upper case', fromClient, ...bad([...post, 'Accept', 'x']));
test('a name with a blank', fromClient, ...bad([...post, 'a b', 'x']));
test('a value with a line feed', fromClient, ...bad([...post, 'a', 'b\nc']));
test('Connection', fromClient, ...bad([...post, 'connection', 'close']));
test('Transfer-Encoding', fromClient, ...bad([...post, 'transfer-encoding', 'chunked']));
test('TE: gzip', fromClient, ...bad([...post, 'te', 'gzip']));
test('TE: trailers', fromClient, [headersFrame(1, [...post, 'te', 'trailers'], true)], 'fine');
test('CONNECT with a path', fromClient, ...bad([':method', 'CONNECT', ':scheme', 'http', ':path', '/', ':authority', 'a']));
test('CONNECT', fromClient, [headersFrame(1, [':method', 'CONNECT', ':authority', 'a:1'], true)], 'fine');
test(
  'extended CONNECT',
  fromClient,
  [headersFrame(1, [':method', 'CONNECT', ':protocol', 'websocket', ':scheme', 'http', ':path', '/', ':authority', 'a'], true)],
  'fine',
);
test('a protocol without CONNECT', fromClient, ...bad([...post, ':protocol', 'websocket']));

const flood = (count: number, frame: (n: number) => Buffer): Buffer[] => Array.from({ length: count }, (_, n) => frame(n));
const calm = { goaway: enhanceYourCalm } as const;
test(
  '500 resets',
  fromClient,
  flood(500, (n) => Buffer.concat([headersFrame(2 * n + 1, post, false), rawFrame(3, 0, 2 * n + 1, word(8))])),
  'fine',
);
test(
  '501 resets',
  fromClient,
  flood(501, (n) => Buffer.concat([headersFrame(2 * n + 1, post, false), rawFrame(3, 0, 2 * n + 1, word(8))])),
  calm,
);
test(
  '501 streams that we must reset',
  fromClient,
  flood(501, (n) => Buffer.concat([headersFrame(2 * n + 1, post, false), rawFrame(8, 0, 2 * n + 1, word(0))])),
  calm,
);
test(
  'PINGs without an end',
  fromClient,
  flood(11_000, () => rawFrame(6, 0, 0, Buffer.alloc(8))),
  calm,
);
test(
  'SETTINGS without an end',
  fromClient,
  flood(11_000, () => settingsFrame()),
  calm,
);
test('empty DATA without an end', fromClient, [open, ...flood(11_000, () => dataFrame(1, 0))], calm);

const fromServer = test.macro({
  exec: async (t, frames: readonly Buffer[], outcome: Outcome | 'whole', method: string = 'GET') => {
    const server = await startWireServer(t);
    const [client, wire] = await Promise.all([dialEngine(t, server.port), server.next()]);
    const heard = client.ask(requestFields('/', method), true);
    await until('asked', () => wire.frames().some(({ type }) => type === types.headers));
    wire.socket.write(Buffer.concat([...frames, rawFrame(types.ping, 0, 0, 'aaaaaaaaaaaaaaaa')]));
    await until('said', () => wire.goaway() !== undefined || wire.frames().some(({ type }) => type === types.ping));
    if (outcome === 'whole') t.deepEqual(heard.endings, [{ how: 'whole', code: 0 }]);
    else if (outcome === 'fine') t.deepEqual(heard.endings, []);
    else if ('reset' in outcome) {
      t.is(wire.reset(1), outcome.reset);
      t.deepEqual(heard.endings, [{ how: 'reset', code: outcome.reset }]);
    } else {
      t.is(wire.goaway(), outcome.goaway);
      t.deepEqual(heard.endings, [{ how: 'lost', code: outcome.goaway }]);
    }
  },
  title: (title) => `a server sends ${title ?? ''}`,
});

const ok = [':status', '200'];
const malformed = { reset: protocolError } as const;
test('an answer', fromServer, [headersFrame(1, [...ok, 'content-length', '2'], false), dataFrame(1, 'ab', true)], 'whole');
test(
  'interim answers',
  fromServer,
  [headersFrame(1, [':status', '103', 'link', 'x'], false), headersFrame(1, [':status', '100'], false), headersFrame(1, ok, true)],
  'whole',
);
test('an interim answer that ends', fromServer, [headersFrame(1, [':status', '103'], true)], malformed);
test('101', fromServer, [headersFrame(1, [':status', '101'], false)], malformed);
test('no status', fromServer, [headersFrame(1, ['a', 'b'], true)], malformed);
test('a status that is none', fromServer, [headersFrame(1, [':status', '2e2'], true)], malformed);
test('a method', fromServer, [headersFrame(1, [...ok, ':method', 'GET'], true)], malformed);
test('Connection', fromServer, [headersFrame(1, [...ok, 'connection', 'close'], true)], malformed);
test('DATA before the head', fromServer, [dataFrame(1, 'x')], malformed);
test('a second head', fromServer, [headersFrame(1, ok, false), headersFrame(1, ok, false)], malformed);
test('less than it says', fromServer, [headersFrame(1, [...ok, 'content-length', '3'], false), dataFrame(1, 'ab', true)], malformed);
test('the length alone, to HEAD', fromServer, [headersFrame(1, [...ok, 'content-length', '3'], true)], 'whole', 'HEAD');
test('the length alone, to GET', fromServer, [headersFrame(1, [...ok, 'content-length', '3'], true)], malformed);
test('a body, to HEAD', fromServer, [headersFrame(1, ok, false), dataFrame(1, 'x', true)], malformed, 'HEAD');
test('an empty body, to HEAD', fromServer, [headersFrame(1, [...ok, 'content-length', '3'], false), dataFrame(1, '', true)], 'whole', 'HEAD');
test('304 with a length', fromServer, [headersFrame(1, [':status', '304', 'content-length', '3'], true)], 'whole');
test('trailers', fromServer, [headersFrame(1, ok, false), dataFrame(1, 'x'), headersFrame(1, ['grpc-status', '0'], true)], 'whole');
test('something for a stream of its own', fromServer, [headersFrame(2, ok, true)], { goaway: protocolError });
test('something for a stream that nobody has opened', fromServer, [headersFrame(3, ok, true)], { goaway: protocolError });
test('PUSH_PROMISE', fromServer, [rawFrame(5, 4, 1, word(2))], { goaway: protocolError });
test('more than a window, of which all is consumed', fromServer, [headersFrame(1, ok, false), ...flood(9, () => dataFrame(1, 16_384))], 'fine');
