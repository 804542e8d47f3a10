import { contentLengthOf } from '../http1/fields.ts';
import { eachField } from './fields.ts';
import type { Head } from './request-head.ts';

/** How the body of a request is framed for a pod of HTTP/1.1. */
export type Framing = number | 'chunked';

/** A body whose length is told goes on by that, but where trailers are announced: only chunks can carry those. */
export const framingOf = (head: Head): Framing => {
  if (!head.hasBody) return 0;
  const length = contentLengthOf(head.header('content-length') ?? '');
  return length === undefined || head.hasHeader('trailer') ? 'chunked' : length;
};

/** Methods that give a body a meaning: without one they say so (RFC 9110 §8.6), since some servers ask for a length. */
const withBody: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);
/** Said anew, or not said in HTTP/1.1. */
const notCopied: ReadonlySet<string> = new Set(['content-length', 'expect', 'host', 'sec-websocket-accept', 'sec-websocket-key', 'trailer']);

/**
 * The head of a request as it goes to a pod of HTTP/1.1, with its empty line (RFC 9113 §8.2.3, §8.3.1). What HTTP/2 lets into fields is checked by the engine, and all of it may stand in
 * HTTP/1.1. `forPod`: as to a pod of HTTP/2. `webSocketKey`: for a stream that is to become a WebSocket (RFC 8441 §5.1).
 */
export const printRequest = (head: Head, forPod: readonly string[], framing: Framing, webSocketKey: string | undefined): string => {
  const authority = forPod[forPod.indexOf(':authority') + 1];
  let text = `${webSocketKey === undefined ? head.method : 'GET'} ${head.path} HTTP/1.1\r\nHost: ${authority ?? ''}\r\n`;
  let hasCookie = false;
  eachField(forPod, (name, value) => {
    if (notCopied.has(name) || (name === 'cookie' && hasCookie)) return;
    hasCookie ||= name === 'cookie';
    text += `${name}: ${name === 'cookie' ? cookieOf(forPod) : value}\r\n`;
  });
  if (webSocketKey !== undefined) return `${text}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${webSocketKey}\r\n\r\n`;
  if (head.hasBody && head.expectsContinue) text += 'Expect: 100-continue\r\n';
  if (framing === 'chunked') {
    const announced = head.header('trailer');
    text += announced === undefined ? 'Transfer-Encoding: chunked\r\n' : `trailer: ${announced}\r\nTransfer-Encoding: chunked\r\n`;
  } else if (head.hasBody || head.hasHeader('content-length') || withBody.has(head.method)) text += `Content-Length: ${framing}\r\n`;
  return `${text}\r\n`;
};

/** HTTP/2 may send it in crumbs. */
const cookieOf = (fields: readonly string[]): string => fields.filter((_, at) => at % 2 === 1 && fields[at - 1] === 'cookie').join('; ');
