import { at, integer, isRecord, items, text } from './reader.ts';

/** Why the API server did not do as asked. All of these are normal in a running cluster and handled by the caller. */
export interface Refusal {
  readonly kind:
    | 'not-found'
    | 'already-exists'
    | 'conflict'
    | 'forbidden'
    | 'unauthorized'
    | 'invalid'
    | 'too-many-requests'
    /** Connection failed, timed out, or a 5xx: nothing is known about whether a write took place. */
    | 'unavailable'
    | 'other';
  readonly message: string;
  /** HTTP status, if there was an answer. */
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
}

/** A refusal without an answer: the request could not be sent, or nothing (readable) came back. */
export const unavailable = (message: string, status?: number): Refusal => ({ kind: 'unavailable', message, status, retryAfterMs: undefined });

/** A refusal of our own, before anything is sent. */
export const invalidRequest = (message: string): Refusal => ({ kind: 'invalid', message, status: undefined, retryAfterMs: undefined });

/** Reads an answer outside 2xx: a Kubernetes `Status`, or whatever a proxy in between said. */
export const refusalOf = (status: number, body: string, retryAfterHeader: string | undefined): Refusal => {
  const document = parseOr(body);
  const message = text(at(document, 'message')) ?? (body.trim() === '' ? `HTTP ${String(status)}` : `HTTP ${String(status)}: ${body.trim().slice(0, 300)}`);
  const seconds = integer(at(document, 'details', 'retryAfterSeconds')) ?? retryAfterSeconds(retryAfterHeader);
  return {
    kind: kindOf(status, text(at(document, 'reason'))),
    message,
    status,
    retryAfterMs: seconds === undefined ? undefined : Math.max(0, seconds) * 1000,
  };
};

/** True for a `Status` (an answer or a watch's ERROR) that says a resourceVersion is of the future: the server lags behind the one we spoke to before. */
export const isTooLargeResourceVersion = (status: unknown): boolean =>
  items(at(status, 'details', 'causes')).some((cause) => isRecord(cause) && cause['reason'] === 'ResourceVersionTooLarge') ||
  /Too large resource version/i.test(text(at(status, 'message')) ?? '');

const kindOf = (status: number, reason: string | undefined): Refusal['kind'] => {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'not-found';
  if (status === 409) return reason === 'AlreadyExists' ? 'already-exists' : 'conflict';
  if (status === 429) return 'too-many-requests';
  if (status === 400 || status === 413 || status === 415 || status === 422) return 'invalid';
  return status >= 500 ? 'unavailable' : 'other';
};

/** The header may also be a date; the API server never sends one. */
const retryAfterSeconds = (header: string | undefined): number | undefined => (header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) : undefined);

const parseOr = (body: string): unknown => {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
};
