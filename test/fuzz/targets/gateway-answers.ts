import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { podAt, startRig } from '../../support/gateway-rig.ts';
import { answerAsNodeReads, type NodeAnswer } from '../../support/node-http.ts';
import { endToEnd, passableTrailers, valuesOf } from '../http-fields.ts';
import { insist } from '../insist.ts';
import { cutAtRandom, randomFor, turn } from '../pieces.ts';
import type { FuzzTarget } from '../target.ts';

/**
 * Raw bytes as the answer of a pod, through a real listener of the gateway, and the same bytes to a client of node:http. What the client behind the gateway takes for an answer of the
 * pod, and for a whole one, node:http must have seen in the same way without it; and the request after it gets its own answer, whatever came behind the first.
 */

interface Script {
  pieces: readonly Buffer[];
  /** The connection ends behind them. */
  ends: boolean;
}

const afterBody = 'the-answer-after';
const after = `HTTP/1.1 200 OK\r\nContent-Length: ${afterBody.length}\r\n\r\n${afterBody}`;

const play = async (socket: Socket, { pieces, ends }: Script): Promise<void> => {
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await turn();
    socket.write(piece);
  }
  if (ends) socket.end();
};

/** Answers `/fuzz` by the script, and every other request properly. */
const scriptedPod = (script: Script) => {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    let text = '';
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const isFuzz = text.split(' ', 2)[1] === '/fuzz';
        text = text.slice(end + 4);
        if (isFuzz) void play(socket, script);
        else socket.write(after);
      }
    });
  });
  return { server, sockets };
};

const limitMs = 5000;

/** All that comes back to two requests in a row. */
const ask = (port: number, method: string): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(`${method} /fuzz HTTP/1.1\r\nHost: a\r\n\r\nGET /after HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`),
    );
    const chunks: Buffer[] = [];
    const late = setTimeout(() => {
      socket.destroy();
      reject(new Error(`after ${limitMs} ms there is no end, but ${JSON.stringify(Buffer.concat(chunks).toString('latin1').slice(0, 500))}`));
    }, limitMs);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(late);
      resolve(Buffer.concat(chunks));
    });
  });

const isOwn = ({ final }: NodeAnswer): boolean => final?.status === 502 && valuesOf(final.fields, 'content-type').includes('application/problem+json');
/** The gateway writes them itself, where the pod did not. */
const fieldsOf = (status: number, fields: readonly string[], others: readonly string[]): readonly string[] =>
  endToEnd(fields, status < 200 || status === 204 ? [...others, 'content-length'] : others);

const checkInterim = (pod: NodeAnswer, got: NodeAnswer): void => {
  for (const [index, { status, fields }] of got.interim.entries()) {
    const sent = pod.interim[index];
    insist(sent?.status === status, 'an interim answer is one that the pod gave', { sent, status });
    insist(inspect(fieldsOf(status, sent.fields, [])) === inspect(endToEnd(fields, [])), 'an interim answer has the fields that the pod gave', {
      sent,
      fields,
    });
  }
};

/** `extended`: there may be chunk extensions, of which node:http refuses some; they end at the gateway. */
const checkFinal = (pod: NodeAnswer, got: NodeAnswer, extended: boolean): void => {
  const [sent, passed] = [pod.final, got.final];
  if (passed === undefined) return;
  insist(sent !== undefined && !pod.switched && sent.status === passed.status, 'the answer has the status that the pod gave', { pod, got });
  const noDate = valuesOf(sent.fields, 'date').length === 0 || endToEnd(sent.fields, []).every((field) => field.toLowerCase() !== 'date');
  const others = noDate ? ['date'] : [];
  const [wanted, fields] = [fieldsOf(sent.status, sent.fields, others), fieldsOf(sent.status, passed.fields, others)];
  insist(inspect(wanted) === inspect(fields), 'the answer has the fields that the pod gave', { wanted, fields });
  if (!passed.whole || (extended && !sent.whole)) {
    insist(sent.body.startsWith(passed.body) || passed.body.startsWith(sent.body), 'what there is of the body is what the pod gave', { sent, passed });
    return;
  }
  insist(sent.whole, 'what is passed on as whole is whole', { sent, passed });
  insist(sent.body === passed.body, 'the answer has the body that the pod gave', { sent, passed });
  insist(inspect(passableTrailers(sent.trailers)) === inspect(passed.trailers), 'the answer has the trailers that the pod gave', { sent, passed });
};

const corpus = [
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison',
  'HTTP/1.1 200 OK\r\nServer: x\r\nX-A:  b \t\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n4;a=b\r\nbody\r\n0A\r\n0123456789\r\n0\r\nX-Sum: 42\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n!\r\n0\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 200 OK\r\nConnection: close\r\nX-B: c\r\n\r\nuntil the end',
  'HTTP/1.1 200 OK\r\n\r\nuntil the end',
  'HTTP/1.0 404 Not Found\r\nConnection: keep-alive, x-a\r\nX-A: b\r\nContent-Length: 1\r\n\r\nx',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.0 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 5\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x01\x02',
  'HTTP/1.1 500 \r\nTransfer-Encoding: chunked\r\nKeep-Alive: timeout=5\r\n\r\n0\r\n\r\n',
  `HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n${'x'.repeat(20_000)}`,
];

export const gatewayAnswersTarget = async (): Promise<FuzzTarget> => {
  const script: Script = { pieces: [], ends: true };
  const { server, sockets } = scriptedPod(script);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const rig = await startRig({ pods: [podAt((server.address() as AddressInfo).port)] });
  let failure: unknown;
  const onFailure = (error: unknown): void => void (failure = error);
  process.on('uncaughtException', onFailure);
  process.on('unhandledRejection', onFailure);
  return {
    name: 'gateway-answers',
    corpus,
    check: async (input) => {
      const random = randomFor(input);
      const method = random() < 0.2 ? 'HEAD' : 'GET';
      const pieces = cutAtRandom(random, input);
      const pod = await answerAsNodeReads(pieces, method);
      script.ends = !pod.wholeBeforeEnd;
      // What comes late behind a whole answer is taken for the next one, by everybody: nothing in HTTP/1.1 tells them apart. So here it comes at once.
      const late = pod.wholeBeforeEnd && (await answerAsNodeReads(pieces.slice(0, -1), method)).wholeBeforeEnd;
      script.pieces = late ? [input] : pieces;
      const answer = await ask(rig.port, method);
      insist(failure === undefined, `nothing is thrown past its handler: ${inspect(failure)}`);
      // Cut before anything of it was written: the pod broke the framing with its first bytes.
      if (answer.length === 0) return;
      const got = await answerAsNodeReads([answer], method);
      insist(got.final !== undefined && !got.switched, 'there is an answer that can be read', answer.toString('latin1').slice(0, 500));
      checkInterim(pod, got);
      // An interim answer that says `close` is the last that node:http reads; to us only the final one says what becomes of the connection (RFC 9112 §9.6).
      if (pod.interim.some(({ fields }) => valuesOf(fields, 'connection').some((value) => /\bclose\b/i.test(value)))) return;
      if (!isOwn(got)) checkFinal(pod, got, input.includes(';'));
      const { final } = got;
      if (!final.whole) return;
      insist(got.wholeBeforeEnd, 'to HTTP/1.1 no answer ends with its connection', answer.toString('latin1').slice(0, 500));
      if (valuesOf(final.fields, 'connection').includes('close')) return;
      const text = answer.toString('latin1');
      insist(text.endsWith(`\r\n\r\n${afterBody}`) && text.split(afterBody).length === 2, 'the next request gets its own answer', text.slice(-500));
    },
    close: async () => {
      process.off('uncaughtException', onFailure);
      process.off('unhandledRejection', onFailure);
      await rig.stop();
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
};
