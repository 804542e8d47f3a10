import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '../../../core/index.ts';
import { ApiError } from '../api-error.ts';
import { localUser, type UserInfo } from '../identity/user.ts';
import type { Operations } from '../operations/operations.ts';
import { jsonLine } from '../store/serialise.ts';
import { readBody } from './body.ts';
import type { Answer, Call, StreamAnswer } from './call.ts';
import { discovery } from './discovery.ts';
import { parseResourcePath, segmentsOf } from './path.ts';
import { route } from './router.ts';

const version = {
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.3-rouse',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: 'none',
  compiler: 'node',
  platform: 'any/any',
};

/** An empty gnostic document (no bytes is legal protobuf): kubectl then validates nothing and merges by its own Go structs. */
const emptyOpenApi: Answer = { code: 200, body: '', contentType: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf' };

const fixed = (path: string): Answer | undefined => {
  switch (path) {
    case '/healthz':
    case '/livez':
    case '/readyz':
      return { code: 200, body: 'ok', contentType: 'text/plain; charset=utf-8' };
    case '/version':
      return { code: 200, body: jsonLine(version), contentType: 'application/json' };
    case '/openapi/v2':
      return emptyOpenApi;
    case '/openapi/v3':
      return { code: 200, body: '{"paths":{}}', contentType: 'application/json' };
    default:
      return undefined;
  }
};

/** What kube-apiserver tells even to those it does not know. */
const open = new Set(['/healthz', '/livez', '/readyz', '/version']);

const localHosts = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/**
 * Plain HTTP is served on loopback and takes everybody for the user of this machine, so it must not be reachable through that user's
 * browser: a page of another site comes with its own Host (DNS rebinding), an Origin or a cross-site fetch.
 */
const checkLocal = ({ headers }: IncomingMessage): void => {
  const site = headers['sec-fetch-site'];
  if (localHosts.test(headers.host ?? '') && headers.origin === undefined && (site === undefined || site === 'none')) return;
  throw new ApiError({ code: 403, reason: 'Forbidden', message: 'plain HTTP is for tools on this machine: Host must be localhost, and no Origin is accepted' });
};

const bearer = /^Bearer +(\S+)$/i;

const authenticate = (operations: Operations, request: IncomingMessage, isSecure: boolean): UserInfo => {
  const token = bearer.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) {
    if (isSecure) throw ApiError.unauthorized();
    return localUser;
  }
  const found = operations.identity.authenticate(token);
  if (found === undefined) throw ApiError.unauthorized();
  return found.user;
};

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly isSecure: boolean;
  readonly warnings: Set<string>;
}

const answer = async (operations: Operations, { request, isSecure, warnings }: Exchange): Promise<Answer | StreamAnswer> => {
  if (!isSecure) checkLocal(request);
  const url = new URL(request.url ?? '/', 'http://embedded');
  if (open.has(url.pathname)) return fixed(url.pathname) ?? notFound();
  const user = authenticate(operations, request, isSecure);
  const known = fixed(url.pathname);
  if (known !== undefined) return known;
  const segments = segmentsOf(url.pathname);
  if (segments === undefined) throw ApiError.badRequest('the path is not legally encoded');
  const method = request.method ?? 'GET';
  if (method === 'GET') {
    const found = discovery(segments, request.headers.accept);
    if (found !== undefined) return { code: 200, ...found };
  }
  const path = parseResourcePath(segments) ?? notFound();
  const call: Call = { method, path, query: url.searchParams, headers: request.headers, user, body: () => readBody(request), warnings };
  return route(operations, call);
};

const notFound = (): never => {
  throw ApiError.unknownPath();
};

const longestWarning = 1000;

/** RFC 7234 §5.5; control characters would break the header. */
const warningHeaders = (warnings: ReadonlySet<string>): string[] =>
  [...warnings].map(
    (text) =>
      `299 - "${text
        .replace(/[^\x20-\x7e]/g, '?')
        .replace(/[\\"]/g, '\\$&')
        .slice(0, longestWarning)}"`,
  );

const send = ({ response, warnings }: Exchange, { code, body, contentType }: Answer, retryAfter?: number): void => {
  if (warnings.size > 0) response.setHeader('warning', warningHeaders(warnings));
  if (retryAfter !== undefined) response.setHeader('retry-after', String(retryAfter));
  response.writeHead(code, { 'content-type': contentType, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-cache, private' });
  response.end(body);
};

const sendError = (operations: Operations, exchange: Exchange, thrown: unknown): void => {
  const { request, response } = exchange;
  const error = thrown instanceof ApiError ? thrown : ApiError.internal(messageOf(thrown));
  if (!(thrown instanceof ApiError))
    operations.logger.error('a request to the embedded API failed', { method: request.method, url: request.url, error: thrown });
  if (response.headersSent) {
    response.destroy();
    return;
  }
  // What is left of a body that was not wanted is not read: the connection ends with the answer.
  if (!request.complete) response.setHeader('connection', 'close');
  send(exchange, { code: error.code, body: jsonLine(error.status), contentType: 'application/json' }, error.status.details?.retryAfterSeconds);
};

/** The request listener of the API, over HTTPS (`isSecure`: a token is needed) or plain HTTP on loopback. */
export const requestListener =
  (operations: Operations, isSecure: boolean, closing: AbortSignal) =>
  (request: IncomingMessage, response: ServerResponse): void => {
    const exchange: Exchange = { request, response, isSecure, warnings: new Set() };
    answer(operations, exchange)
      .then(async (result) => {
        if (!('stream' in result)) {
          send(exchange, result);
          return;
        }
        const gone = new AbortController();
        response.once('close', () => {
          gone.abort();
        });
        await result.stream(response, AbortSignal.any([gone.signal, closing]));
      })
      .catch((error: unknown) => {
        sendError(operations, exchange, error);
      });
  };
