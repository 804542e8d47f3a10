import type { Dispatcher } from 'undici';
import { failed, messageOf, millis, ok, type Clock, type Millis, type Result } from '../core/index.ts';
import type { KubeConnection } from './connection.ts';
import { invalidRequest, refusalOf, unavailable, type Refusal } from './outcome.ts';

/** One request to the API server. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query. */
  readonly path: string;
  readonly body?: unknown;
  /** Default `application/json`. */
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface TransportOptions {
  readonly connection: KubeConnection;
  readonly clock: Pick<Clock, 'after'>;
  /** From sending to the last byte of the answer; default 10 s. */
  readonly timeout?: Millis | undefined;
  readonly userAgent?: string | undefined;
  /** Called with each warning that comes with an answer. Left out: nobody reads them. */
  readonly onWarning?: (warning: string) => void;
}

/** Sends calls and hands back their JSON, whatever it is. Rejects only with the reason of the call's own signal. */
export type Transport = (call: Call) => Promise<Result<unknown, Refusal>>;

/** The API server itself takes no more (3 MiB for a body; a page of 500 objects stays far below the second). */
const maxRequestBytes = 3 * 1024 * 1024;
const maxAnswerBytes = 128 * 1024 * 1024;

export const createTransport = ({ connection, clock, timeout = millis(10_000), userAgent = 'rouse', onWarning }: TransportOptions): Transport => {
  const base = connection.server.pathname.replace(/\/+$/, '');
  return async (call) => {
    call.signal?.throwIfAborted();
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
    if (body !== undefined && body.length > maxRequestBytes)
      return failed(invalidRequest(`the request has ${String(body.length)} bytes, at most ${String(maxRequestBytes)} are taken`));
    const stop = new AbortController();
    const onAbort = (): void => {
      stop.abort(call.signal?.reason);
    };
    call.signal?.addEventListener('abort', onAbort, { once: true });
    const timer = clock.after(timeout, () => {
      stop.abort(new NoAnswer(timeout));
    });
    try {
      const send = (): Promise<Answer> => exchange({ ...call, path: base + call.path }, body, { connection, userAgent, signal: stop.signal });
      const answer = await send().catch((problem: unknown) => {
        if (stop.signal.aborted || !mayBeRepeated(problem, call)) throw problem;
        return send();
      });
      if (onWarning !== undefined) for (const warning of warningsIn(answer.warning)) onWarning(warning);
      return read(answer);
    } catch (problem) {
      call.signal?.throwIfAborted();
      return failed(unavailable(`${call.method} ${call.path.split('?')[0] ?? ''}: ${messageOf(problem)}`));
    } finally {
      timer.cancel();
      call.signal?.removeEventListener('abort', onAbort);
    }
  };
};

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly retryAfter: string | undefined;
  readonly warning: string | readonly string[] | undefined;
}

/** The texts of `299 - "text"` (RFC 9111 section 5.5 keeps the form of RFC 7234). */
const warningsIn = (header: Answer['warning']): readonly string[] =>
  [header ?? []].flat().flatMap((line) => [...line.matchAll(/\b\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, quoted = '']) => quoted.replaceAll(/\\(.)/g, '$1')));

class NoAnswer extends Error {
  constructor(timeout: Millis) {
    super(`no answer within ${String(timeout)} ms`);
  }
}

/** We ourselves had just closed the connection (`mistrust`, new credentials): nothing was sent. */
const notSent: ReadonlySet<unknown> = new Set(['UND_ERR_CLOSED']);
/** The server closed it just as we wrote into it, or said goodbye: nothing was processed, or the same again does no harm. */
const brokenOff: ReadonlySet<unknown> = new Set(['UND_ERR_SOCKET', 'UND_ERR_INFO', 'ECONNRESET', 'EPIPE']);

const mayBeRepeated = (problem: unknown, { method }: Call): boolean => {
  const code = problem instanceof Error && 'code' in problem ? problem.code : undefined;
  return notSent.has(code) || (brokenOff.has(code) && method !== 'POST');
};

interface Exchange {
  readonly connection: KubeConnection;
  readonly userAgent: string;
  readonly signal: AbortSignal;
}

const exchange = async (call: Call, body: Buffer | undefined, { connection, userAgent, signal }: Exchange): Promise<Answer> => {
  const { headers, dispatcher } = await abortable(connection.authorize(), signal);
  const content = body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' };
  try {
    // undici hears of an abort only once there is a connection, and there may never be one.
    const sent = dispatcher.request({
      origin: connection.server.origin,
      method: call.method,
      path: call.path,
      signal,
      // Our own limit is for both together.
      headersTimeout: 0,
      bodyTimeout: 0,
      headers: { ...headers, accept: 'application/json', 'user-agent': userAgent, ...content },
      ...(body === undefined ? {} : { body }),
    });
    const response = await abortable(sent, signal);
    const retryAfter = response.headers['retry-after'];
    return {
      status: response.statusCode,
      body: await readAll(response.body, signal),
      retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined,
      warning: response.headers['warning'],
    };
  } catch (problem) {
    if (signal.reason instanceof NoAnswer) connection.mistrust(dispatcher);
    throw problem;
  }
};

/** The whole of an answer, which may not be longer than is sensible. */
export const readAll = async (response: Dispatcher.ResponseData['body'], signal: AbortSignal): Promise<string> => {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxAnswerBytes) throw new Error(`the answer is longer than ${String(maxAnswerBytes)} bytes`);
      chunks.push(chunk);
    }
  } catch (problem) {
    throw signal.aborted ? reasonOf(signal) : problem;
  }
  return Buffer.concat(chunks).toString('utf8');
};

const read = ({ status, body, retryAfter }: Answer): Result<unknown, Refusal> => {
  if (status < 200 || status > 299) return failed(refusalOf(status, body, retryAfter));
  try {
    return ok(JSON.parse(body));
  } catch {
    return failed(unavailable(`the answer is not JSON but starts with ${JSON.stringify(body.slice(0, 80))}`, status));
  }
};

/** Credentials come from files and plugins that know no signal. */
export const abortable = <T>(work: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(reasonOf(signal));
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  });

const reasonOf = (signal: AbortSignal): Error => (signal.reason instanceof Error ? signal.reason : new Error(messageOf(signal.reason)));
