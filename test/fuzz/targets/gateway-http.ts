import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { pause, podAt, startRig } from '../../support/gateway-rig.ts';
import type { Duplex } from 'node:stream';
import { inspect } from 'node:util';
import { insist } from '../insist.ts';
import type { FuzzTarget } from '../target.ts';

/**
 * Raw bytes to a real listener of the gateway, and the same bytes to a strict HTTP server (node:http). The pod behind the gateway must not see a request
 * that the strict server does not see: nothing is smuggled, joined or cut. Every connection ends.
 */

/** A request as a server saw it. */
interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly string[];
  body: string;
  whole: boolean;
}

const listen = async (server: Server): Promise<number> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};

interface Recorder {
  readonly server: Server;
  readonly seen: Seen[];
  /** Something came that is not HTTP, or a CONNECT. */
  broken: boolean;
  forget(): void;
}

/** Writes down what comes, and answers when it has come whole. */
const recorder = (): Recorder => {
  const seen: Seen[] = [];
  const recorded: Recorder = {
    server: createServer(),
    seen,
    broken: false,
    forget: () => {
      seen.length = 0;
      recorded.broken = false;
    },
  };
  const { server } = recorded;
  server.on('request', (request: IncomingMessage, response) => {
    const entry: Seen = { method: request.method ?? '', url: request.url ?? '', headers: request.rawHeaders, body: '', whole: false };
    seen.push(entry);
    request.setEncoding('latin1').on('data', (chunk: string) => (entry.body += chunk));
    request.on('end', () => {
      entry.whole = request.complete;
      response.end(entry.url.includes('big') ? 'x'.repeat(100_000) : 'ok');
    });
    request.on('error', () => undefined);
  });
  const breakOff = (socket: Duplex): void => {
    recorded.broken = true;
    socket.destroy();
  };
  server.on('clientError', (_error, socket) => breakOff(socket));
  server.on('connect', (_request, socket) => breakOff(socket));
  // Else what came before the end of a connection might not be read to its end.
  Object.assign(server, { httpAllowHalfOpen: true });
  return recorded;
};

const limitMs = 5000;

/** Final answers in what came back; no body here looks like one. */
const answersIn = (text: string): number => [...text.matchAll(/HTTP\/1\.[01] [2-5]\d\d [^\r\n]*\r\n/g)].length;

/** Sends `bytes` and gives what came back once the other side has ended. Our side ends when `wanted` answers are there: to end is to be gone, for HTTP servers. */
const send = (port: number, bytes: Buffer, wanted: number, limit = limitMs): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let answer = '';
    const late = setTimeout(() => {
      socket.destroy();
      reject(new Error(`after ${limit} ms there are neither ${wanted} answers nor an end, but ${JSON.stringify(answer.slice(0, 500))}`));
    }, limit);
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
    if (wanted === 0) socket.end(bytes);
    else socket.write(bytes);
  });

/** An absolute target is legal at a proxy and forwarded as its path. */
const pathOf = (url: string): string =>
  url
    .replace(/^https?:\/\/[^/?]*(?=[/?])/i, '')
    .replace(/^https?:\/\/[^/?]*$/i, '/')
    .replace(/^\?/, '/?');

const sameRequest = (sent: Seen, got: Seen): boolean =>
  got.method === sent.method && pathOf(got.url) === pathOf(sent.url) && (got.whole ? sent.whole && got.body === sent.body : sent.body.startsWith(got.body));

const added = new Set([
  'host',
  'connection',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'forwarded',
  'via',
  'transfer-encoding',
  'content-length',
  'keep-alive',
  'te',
  'expect',
]);
const fieldsOf = ({ headers }: Seen): readonly string[] =>
  headers.flatMap((name, index) => (index % 2 === 0 && !added.has(name.toLowerCase()) ? [`${name.toLowerCase()}: ${headers[index + 1] ?? ''}`] : []));

const checkFraming = ({ headers }: Seen): void => {
  const names = headers.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  insist(names.filter((name) => name === 'content-length' || name === 'transfer-encoding').length <= 1, 'a pod sees one framing', headers);
  insist(names.filter((name) => name === 'host').length === 1, 'a pod sees one Host', headers);
  insist(!headers.some((field) => /[\0\r\n]/.test(field)), 'no header has a line end in it', headers);
};

/** Each request that the pod saw, in order, is one of those that the strict server saw, in order. */
const checkSubsequence = (reference: readonly Seen[], origin: readonly Seen[]): void => {
  let from = 0;
  for (const got of origin) {
    checkFraming(got);
    const at = reference.findIndex((sent, index) => index >= from && sameRequest(sent, got));
    const sent = reference[at];
    insist(sent !== undefined, 'the pod sees no request that was not sent', { got, reference, origin });
    const fields = fieldsOf(sent);
    const strange = fieldsOf(got).find((field) => !fields.includes(field));
    insist(strange === undefined, 'the pod sees no header that was not sent', { strange, got, sent });
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
  'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\nCONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: x-a, keep-alive\r\nX-A: secret\r\nX-Forwarded-For: 9.9.9.9\r\nTE: trailers\r\n\r\n\r\nGET /big HTTP/1.1\r\nHost: a\r\n\r\n',
];

export const gatewayHttpTarget = async (): Promise<FuzzTarget> => {
  const origin = recorder();
  const reference = recorder();
  const [originPort, referencePort] = [await listen(origin.server), await listen(reference.server)];
  const rig = await startRig({ pods: [podAt(originPort)] });
  let failure: unknown;
  const onFailure = (error: unknown): void => void (failure = error);
  process.on('uncaughtException', onFailure);
  process.on('unhandledRejection', onFailure);
  return {
    name: 'gateway-http',
    corpus,
    check: async (input) => {
      origin.forget();
      reference.forget();
      // It may wait for the rest of what never comes: that is not what is looked at.
      await send(referencePort, input, 0, 200).catch(() => undefined);
      const wanted = reference.seen.filter(({ whole }) => whole).length;
      const answer = await send(rig.port, input, wanted);
      insist(failure === undefined, `nothing is thrown past its handler: ${inspect(failure)}`);
      // What was cut off may still be on its way to the pod: it must not be taken for part of the next input.
      if (reference.broken || answersIn(answer) < wanted || wanted === 0) await pause(5);
      insist(answer === '' || answer.startsWith('HTTP/1.'), 'what comes back is HTTP', answer.slice(0, 200));
      // What is not HTTP ends the connection, also under an answer that is on its way.
      insist(wanted === 0 || reference.broken || answersIn(answer) > 0, 'a request that came whole is answered', reference.seen);
      checkSubsequence(reference.seen, origin.seen);
    },
    close: async () => {
      process.off('uncaughtException', onFailure);
      process.off('unhandledRejection', onFailure);
      await rig.stop();
      for (const { server } of [origin, reference]) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
};
