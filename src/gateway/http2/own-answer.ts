import { gatewayCodes, type GatewayCode } from '../../core/index.ts';
import type { Refusal } from '../call.ts';
import { problemAnswer, type OwnAnswer } from '../http1/problem.ts';
import { noneSensitive } from './engine/sensitive.ts';
import type { Stream } from './engine/stream.ts';
import type { Dates } from './fields.ts';

/** An answer of ours on its way to a client of HTTP/2. */
export interface StreamAnswer {
  /** Names and values in turn, with `:status`. */
  readonly fields: string[];
  /** Empty for none: the head is all. */
  readonly body: string;
  /** What is counted: for gRPC the status that a client of plain HTTP would have got, since there every answer has 200. */
  readonly counted: number;
}

/** Codes of google.rpc.Code. A client may send again what was answered with 14 (UNAVAILABLE). */
const grpcStatuses: Readonly<Record<GatewayCode, number>> = {
  'hold-queue-full': 14,
  'hold-timeout': 4,
  'wake-failed': 14,
  'connect-failed': 14,
  'upstream-reset': 14,
  'response-timeout': 4,
  'unknown-host': 12,
  'malformed-request': 13,
  'http-version-not-supported': 12,
  'shutting-down': 14,
};

/** As clients of HTTP understand it: problem details (RFC 9457), or a page. */
export const plainAnswer = ({ status, headers, body }: OwnAnswer, isHead: boolean): StreamAnswer => {
  const length = String(Buffer.byteLength(body));
  const fields = [':status', String(status), ...headers.map((part, at) => (at % 2 === 0 ? part.toLowerCase() : part)), 'content-length', length];
  return { fields, body: isHead ? '' : body, counted: status };
};

/** As gRPC has it: 200, and the status where the trailers would be, in the head ("Trailers-Only", gRPC over HTTP2). */
const grpcAnswer = ({ code, detail }: Refusal, contentType: string, counted: number): StreamAnswer => ({
  fields: [':status', '200', 'content-type', contentType, 'grpc-status', String(grpcStatuses[code]), 'grpc-message', percentEncoded(`${code}: ${detail}`)],
  body: '',
  counted,
});

/** What a client gets for `refusal`. `grpcType`: the content type of its request, where that is gRPC. */
export const refusalAnswer = (
  refusal: Refusal,
  { grpcType, method }: { readonly grpcType: string | undefined; readonly method: string },
  status: number = gatewayCodes[refusal.code],
): StreamAnswer => (grpcType === undefined ? plainAnswer(problemAnswer(refusal, status), method === 'HEAD') : grpcAnswer(refusal, grpcType, status));

/** Ends `stream` with it. */
export const send = (stream: Stream, { fields, body }: StreamAnswer, dates: Dates): void => {
  stream.headers([...fields, 'date', dates.date()], noneSensitive, body === '');
  if (body === '') return;
  const bytes = Buffer.from(body);
  stream.data(bytes, 0, bytes.length, true);
};

/** The `grpc-message` field: everything but printable ASCII, and the percent sign, as percent and two hex digits for each byte of UTF-8. */
export const percentEncoded = (text: string): string =>
  Array.from(Buffer.from(text), (byte) =>
    byte >= 0x20 && byte <= 0x7e && byte !== 0x25 ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('');
