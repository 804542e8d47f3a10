import { gatewayCodes } from '../../core/index.ts';
import { STATUS_CODES } from 'node:http';
import type { Refusal } from '../call.ts';

/** An answer of the gateway's own as it goes out: RFC 9457 problem details with the member `code`. */
export interface ProblemAnswer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
}

export const problemAnswer = (refusal: Refusal, status: number = gatewayCodes[refusal.code]): ProblemAnswer => {
  const { code, detail, reason, retryAfterSeconds } = refusal;
  const body = JSON.stringify({
    type: `tag:rouse.dev,2025:${code}`,
    title: STATUS_CODES[status],
    status,
    code,
    detail,
    ...(reason === undefined ? {} : { reason }),
  });
  return {
    status,
    body,
    headers: [
      'Content-Type',
      'application/problem+json',
      'Content-Length',
      String(Buffer.byteLength(body)),
      'Cache-Control',
      'no-store',
      ...(retryAfterSeconds === undefined ? [] : ['Retry-After', String(retryAfterSeconds)]),
    ],
  };
};

/** The same for a connection that has no request to answer: what came could not be read. */
export const rawProblem = (refusal: Refusal, status: number): string => {
  const { headers, body } = problemAnswer(refusal, status);
  const lines = headers.flatMap((part, index) => (index % 2 === 0 ? [`${part}: ${headers[index + 1] ?? ''}`] : []));
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('\r\n')}\r\nConnection: close\r\n\r\n${body}`;
};
