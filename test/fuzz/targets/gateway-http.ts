import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { inspect } from 'node:util';
import { pause, podAt, startRig } from '../../support/gateway-rig.ts';
import { requestsAsNodeReads, type ReadRequest } from '../../support/node-http.ts';
import { endToEnd, namesIn, passableTrailers, valuesOf } from '../http-fields.ts';
import { insist } from '../insist.ts';
import { cutAtRandom, randomFor, turn } from '../pieces.ts';
import type { FuzzTarget } from '../target.ts';

/**
 * Raw bytes, in pieces, to a real listener of the gateway, and the same bytes to a strict HTTP server (node:http). The pod behind the gateway, the same server, must not see a request
 * that the strict server does not see without it: nothing is smuggled, joined, cut or changed, and all that comes is HTTP to it. Every connection ends.
 */

interface Origin {
  port: number;
  readonly seen: ReadRequest[];
  /** What came that is not HTTP to it. */
  readonly strange: string[];
  /** A request came whose method it has no name for. */
  unnamed: boolean;
  readonly close: () => void;
}

/** Ends of connections that break off what they carry: the gateway gave up a request, since its client did. */
const cutOff: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'HPE_INVALID_EOF_STATE']);
/** It has names for some methods only; the gateway passes on any. */
const unknownMethod = 'HPE_INVALID_METHOD';

/** Writes down what comes, and answers when it has come whole. */
const startOrigin = async (): Promise<Origin> => {
  const [seen, strange]: [ReadRequest[], string[]] = [[], []];
  const server = createServer({ maxHeaderSize: 64 * 1024 });
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  const origin: Origin = { port: 0, seen, strange, unnamed: false, close };
  server.maxHeadersCount = 0;
  server.on('request', (request: IncomingMessage, response) => {
    const entry: ReadRequest = { method: request.method ?? '', url: request.url ?? '', fields: request.rawHeaders, body: '', trailers: [], whole: false };
    seen.push(entry);
    request.setEncoding('latin1').on('data', (chunk: string) => (entry.body += chunk));
    request.on('end', () => {
      entry.whole = request.complete;
      entry.trailers = request.rawTrailers;
      response.end(entry.url.includes('big') ? 'x'.repeat(100_000) : 'ok');
    });
    request.on('error', () => undefined);
  });
  server.on('clientError', (error: NodeJS.ErrnoException & { readonly rawPacket?: Buffer }, socket: Duplex) => {
    const code = error.code ?? error.message;
    if (code === unknownMethod) origin.unnamed = true;
    else if (!cutOff.has(code)) strange.push(`${code}: ${error.rawPacket?.toString('latin1').slice(0, 500) ?? ''}`);
    socket.destroy();
  });
  server.on('connect', (request, socket) => {
    strange.push(`CONNECT ${request.url ?? ''}`);
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin.port = (server.address() as AddressInfo).port;
  return origin;
};

const limitMs = 5000;

/** Final answers in what came back; no body here looks like one. */
const answersIn = (text: string): number => [...text.matchAll(/HTTP\/1\.[01] [2-5]\d\d [^\r\n]*\r\n/g)].length;

/** Sends `pieces` and gives what came back once the other side has ended. Our side ends when `wanted` answers are there: to end is to be gone, for HTTP servers. */
const send = (port: number, pieces: readonly Buffer[], wanted: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    let answer = '';
    const late = setTimeout(() => {
      socket.destroy();
      reject(new Error(`after ${limitMs} ms there are neither ${wanted} answers nor an end, but ${JSON.stringify(answer.slice(0, 500))}`));
    }, limitMs);
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      answer += chunk;
      if (answersIn(answer) >= wanted) socket.end();
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(late);
      resolve(answer);
    });
    const write = async (): Promise<void> => {
      for (const [index, piece] of pieces.entries()) {
        if (index > 0) await turn();
        if (socket.writable) socket.write(piece);
      }
      if (wanted === 0) socket.end();
    };
    void write();
  });

/** An absolute target is legal at a proxy and forwarded as its path. */
const pathOf = (url: string): string =>
  url
    .replace(/^https?:\/\/[^/?]*(?=[/?])/i, '')
    .replace(/^https?:\/\/[^/?]*$/i, '/')
    .replace(/^\?/, '/?');

/** `extended`: there may be chunk extensions, of which node:http refuses some; they end at the gateway. */
const sameRequest = (sent: ReadRequest, got: ReadRequest, extended: boolean): boolean => {
  if (got.method !== sent.method || pathOf(got.url) !== pathOf(sent.url)) return false;
  if (extended && !sent.whole && got.body.startsWith(sent.body)) return true;
  if (!got.whole || !sent.whole) return !got.whole && sent.body.startsWith(got.body);
  return got.body === sent.body && inspect(got.trailers) === inspect(passableTrailers(sent.trailers));
};

/** Written by the gateway, or for it. */
const ours = ['expect', 'host', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'];

const checkFraming = ({ fields }: ReadRequest): void => {
  const names = namesIn(fields);
  insist(names.filter((name) => name === 'content-length' || name === 'transfer-encoding').length <= 1, 'a pod sees one framing', fields);
  insist(names.filter((name) => name === 'host').length === 1, 'a pod sees one Host', fields);
  insist(!fields.some((field) => /[\0\r\n]/.test(field)), 'no header has a line end in it', fields);
};

/** Each request that the pod saw, in order, is one of those that the strict server saw, in order, with the same fields. */
const checkSubsequence = (reference: readonly ReadRequest[], { seen, unnamed }: Origin, extended: boolean): void => {
  let from = 0;
  for (const got of seen) {
    checkFraming(got);
    // Behind a method that it has no name for, an offer to upgrade, or a body that it cannot read, the server sees nothing more.
    if (from === reference.length && unnamed) return;
    const last = reference[from - 1];
    if (from === reference.length && last !== undefined && (namesIn(last.fields).includes('upgrade') || (extended && !last.whole))) return;
    const at = reference.findIndex((sent, index) => index >= from && sameRequest(sent, got, extended));
    const sent = reference[at];
    insist(sent !== undefined, 'the pod sees no request that was not sent', { got, reference, seen });
    const [wanted, fields] = [endToEnd(sent.fields, ours), endToEnd(got.fields, ours)];
    insist(inspect(wanted) === inspect(fields), 'the pod sees the fields that were sent', { wanted, fields });
    const hosts = [valuesOf(got.fields, 'host'), valuesOf(sent.fields, 'host')].map(String);
    insist(hosts[0] === hosts[1] || hosts[1] === '' || sent.url.includes(`//${String(hosts[0])}`), 'the pod sees the host that was asked for', hosts);
    from = at + 1;
  }
};

const upgrade =
  'GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
const corpus = [
  `GET /first HTTP/1.1\r\nHost: a\r\n\r\n${upgrade}GET /after HTTP/1.1\r\nHost: a\r\n\r\n`,
  `${upgrade}\x81\x05hello`,
  'POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1f\r\n0123456789012345678901234567890\r\n0\r\n\r\nCONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: web.default.localhost\r\nX-A: b\r\n\r\n',
  'GET /a?b=c HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept: */*\r\n\r\n',
  'POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /second HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-T: 1\r\n\r\nGET /third HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET http://other.example:81/abs HTTP/1.1\r\nHost: other.example:81\r\n\r\nHEAD /big HTTP/1.0\r\n\r\n',
  'PUT /e HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc',
  // Keep-alive: many in a row over one connection.
  [1, 2, 3, 4, 5, 6].map((n) => `GET /k${n} HTTP/1.1\r\nHost: a\r\nX-N: ${n}\r\n\r\n`).join(''),
  [1, 2, 3].map((n) => `POST /l${n} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabc${n}GET /m${n} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''),
  [1, 2, 3].map((n) => `POST /d${n} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabc${n}\r\n00A\r\n0123456789\r\n0\r\n\r\n`).join(''),
  'GET /o1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nPOST /o2 HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nxGET /o3 HTTP/1.0\r\n\r\n',
  'HEAD /big HTTP/1.1\r\nHost: a\r\n\r\nGET /big HTTP/1.1\r\nHost: a\r\n\r\nDELETE /x HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /in HTTP/1.1\r\nHost: a\r\nContent-Length: 39\r\n\r\nGET /hidden HTTP/1.1\r\nHost: hidden\r\n\r\n\r\nGET /seen HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /te HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\nCONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: x-a, keep-alive\r\nX-A: secret\r\nX-Forwarded-For: 9.9.9.9\r\nTE: trailers\r\n\r\n\r\nGET /big HTTP/1.1\r\nHost: a\r\n\r\n',
];

export const gatewayHttpTarget = async (): Promise<FuzzTarget> => {
  const origin = await startOrigin();
  const rig = await startRig({ pods: [podAt(origin.port)] });
  let failure: unknown;
  const onFailure = (error: unknown): void => void (failure = error);
  process.on('uncaughtException', onFailure);
  process.on('unhandledRejection', onFailure);
  return {
    name: 'gateway-http',
    corpus,
    check: async (input) => {
      origin.seen.length = origin.strange.length = 0;
      origin.unnamed = false;
      const pieces = cutAtRandom(randomFor(input), input);
      const reference = await requestsAsNodeReads(pieces);
      const wanted = reference.requests.filter(({ whole }) => whole).length;
      const answer = await send(rig.port, pieces, wanted);
      insist(failure === undefined, `nothing is thrown past its handler: ${inspect(failure)}`);
      // What was cut off may still be on its way to the pod: it must not be taken for part of the next input.
      if (reference.broken || answersIn(answer) < wanted || wanted === 0) await pause(5);
      insist(answer === '' || answer.startsWith('HTTP/1.'), 'what comes back is HTTP', answer.slice(0, 200));
      // What is not HTTP ends the connection, also under an answer that is on its way.
      insist(wanted === 0 || reference.broken || answersIn(answer) > 0, 'a request that came whole is answered', reference.requests);
      insist(origin.strange.length === 0, 'what goes on to a pod is HTTP to it', origin.strange);
      checkSubsequence(reference.requests, origin, input.includes(';'));
    },
    close: async () => {
      process.off('uncaughtException', onFailure);
      process.off('unhandledRejection', onFailure);
      await rig.stop();
      origin.close();
    },
  };
};
