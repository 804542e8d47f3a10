import { gatewayCodes } from '../../core/index.ts';
import type { Refusal } from '../call.ts';
import { STATUS_CODES } from '../node-http.ts';

/** An answer of the gateway's own. */
export interface OwnAnswer {
  readonly status: number;
  /** Names and values in turn, without what is said of the body's length and of the connection. */
  readonly headers: readonly string[];
  readonly body: string;
}

/** RFC 9457 problem details with the member `code`. */
export const problemAnswer = (refusal: Refusal, status: number = gatewayCodes[refusal.code]): OwnAnswer => {
  const { code, detail, reason, retryAfterSeconds } = refusal;
  const body = JSON.stringify({
    type: `tag:rouse.dev,2025:${code}`,
    title: STATUS_CODES[status],
    status,
    code,
    detail,
    ...(reason === undefined ? {} : { reason }),
  });
  const retryAfter = retryAfterSeconds === undefined ? [] : ['Retry-After', String(retryAfterSeconds)];
  return { status, body, headers: ['Content-Type', 'application/problem+json', 'Cache-Control', 'no-store', ...retryAfter] };
};

/** As it goes out, one character a byte. `isHead`: without the body, for a request that wants none. */
export const printAnswer = (answer: OwnAnswer, date: string, connection: 'close' | 'keep-alive' | undefined, isHead = false): string => {
  const body = Buffer.from(answer.body);
  const all = [...answer.headers, 'Content-Length', String(body.length), 'Date', date, ...(connection === undefined ? [] : ['Connection', connection])];
  const lines = all.flatMap((part, index) => (index % 2 === 0 ? [`${part}: ${all[index + 1] ?? ''}\r\n`] : []));
  return `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ''}\r\n${lines.join('')}\r\n${isHead ? '' : body.toString('latin1')}`;
};
