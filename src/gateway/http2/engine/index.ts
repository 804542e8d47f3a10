/**
 * HTTP/2 (RFC 9113, RFC 7541) over any socket, as the server of a connection or its client: frames, compression, streams, windows, and what is not allowed. It knows neither requests' ways
 * nor time; whoever has a connection reads its socket, and calls `sweep` once a second. Start with `connection.ts` (its life), then `stream.ts` (what is heard and said of a stream), then
 * `inbound.ts` and `outbound.ts` (what comes, what goes).
 */
export { ByteBuffer } from './byte-buffer.ts';
export { flags, preface, types } from './codes.ts';
export { Connection, type ConnectionOwner } from './connection.ts';
export { Decoder } from './hpack/decoder.ts';
export { Encoder } from './hpack/encoder.ts';
export { noneSensitive } from './sensitive.ts';
export { type OwnSettings } from './settings.ts';
export { type Ending, type Fields, type Stream, type StreamListener } from './stream.ts';
