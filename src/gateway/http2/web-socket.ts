import { createHash, randomBytes } from 'node:crypto';
import type { ResponseHead } from '../http1/response-head.ts';

/** The handshake of WebSocket with a pod of HTTP/1.1 (RFC 6455 §4), which a client of HTTP/2 leaves to the gateway (RFC 8441 §5.1). */

export const newKey = (): string => randomBytes(16).toString('base64');

/** The pod has changed to WebSocket, and means the request that had this key. */
export const hasChanged = (head: ResponseHead, key: string): boolean => {
  const fields = head.fields();
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return head.upgrade?.toLowerCase() === 'websocket' && fields[fields.indexOf('sec-websocket-accept') + 1] === accept;
};

/** The head that stands in for the 101. */
export const changedFields = (head: ResponseHead): string[] => {
  const fields = head.fields();
  return [':status', '200', ...fields.filter((_, at) => fields[at - (at % 2)] !== 'sec-websocket-accept')];
};
