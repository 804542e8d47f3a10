import { request as requestHttp, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
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
}

/** Sends calls and hands back their JSON, whatever it is. Rejects only with the reason of the call's own signal. */
export type Transport = (call: Call) => Promise<Result<unknown, Refusal>>;

/** The API server itself takes no more (3 MiB for a body; a page of 500 objects stays far below the second). */
const maxRequestBytes = 3 * 1024 * 1024;
const maxAnswerBytes = 128 * 1024 * 1024;

export const createTransport = ({ connection, clock, timeout = millis(10_000), userAgent = 'rouse' }: TransportOptions): Transport => {
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
      stop.abort(new Error(`no answer within ${String(timeout)} ms`));
    });
    try {
      const send = (): Promise<Answer> => exchange(connection, { ...call, path: base + call.path }, body, userAgent, stop.signal);
      const answer = await send().catch((problem: unknown) => {
        if (!(problem instanceof StaleConnection) || call.method === 'POST') throw problem;
        return send();
      });
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
}

/** The server closed a kept-alive connection just as we wrote into it: nothing was processed, or the same again does no harm. */
class StaleConnection extends Error {}

const exchange = async (connection: KubeConnection, call: Call, body: Buffer | undefined, userAgent: string, signal: AbortSignal): Promise<Answer> => {
  const { headers, agent } = await abortable(connection.authorize(), signal);
  const { protocol, hostname, port } = connection.server;
  const options = {
    method: call.method,
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (protocol === 'http:' ? 80 : 443) : port,
    path: call.path,
    agent,
    headers: {
      ...headers,
      accept: 'application/json',
      'user-agent': userAgent,
      ...(body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json', 'content-length': String(body.length) }),
    },
  };
  const request = protocol === 'http:' ? requestHttp(options) : requestHttps(options);
  const response = await responseTo(request, body, signal);
  return { status: response.statusCode ?? 0, body: await readAll(response, request, signal), retryAfter: response.headers['retry-after'] };
};

const responseTo = (request: ClientRequest, body: Buffer | undefined, signal: AbortSignal): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const cancel = (): void => {
      request.destroy(reasonOf(signal));
    };
    signal.addEventListener('abort', cancel, { once: true });
    request.on('close', () => {
      signal.removeEventListener('abort', cancel);
    });
    request.on('error', (problem: NodeJS.ErrnoException) => {
      const stale = request.reusedSocket && (problem.code === 'ECONNRESET' || problem.code === 'EPIPE') && !signal.aborted;
      reject(stale ? new StaleConnection(problem.message) : problem);
    });
    request.on('response', resolve);
    request.end(body);
    if (signal.aborted) cancel();
  });

const readAll = async (response: IncomingMessage, request: ClientRequest, signal: AbortSignal): Promise<string> => {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxAnswerBytes) throw new Error(`the answer is longer than ${String(maxAnswerBytes)} bytes`);
      chunks.push(chunk);
    }
  } catch (problem) {
    request.destroy();
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
const abortable = <T>(work: Promise<T>, signal: AbortSignal): Promise<T> =>
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
