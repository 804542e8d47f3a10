import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { mutate } from '../../../test/fuzz/mutate.ts';
import { answerAsNodeReads, nodeMethods, requestsAsNodeReads } from '../../../test/support/node-http.ts';
import { cuts, inPieces, latin1 } from '../../../test/support/pieces.ts';
import { seededRandom } from '../../core/index.ts';
import { FieldReader, passableTrailers } from './fields.ts';
import { HeadReader } from './head-reader.ts';
import { bodyReader, type BodyReader, type BodySink, type MessageLength } from './message-body.ts';
import { Head } from './request-head.ts';
import { ResponseHead } from './response-head.ts';

/**
 * What we take is read by node:http in the same way, to the byte: another reader behind or in front of us must not see other messages than we do. We refuse more than it does,
 * and take more in two things: methods
 * that it has no name for, and chunk extensions, which end here.
 */

interface Message<Of> {
  readonly head: Of;
  readonly text: string;
  readonly body: string;
  readonly trailers: readonly string[];
  readonly whole: boolean;
  /** In the form in which it goes on. */
  readonly framed: string;
  /** It may have chunk extensions, which end here: node:http refuses some of them, we pass over whatever is visible. */
  readonly extended: boolean;
}

/** One side of a connection, read by our parts as our connections do. */
class Reading<Of> {
  readonly messages: Message<Of>[] = [];
  readonly #read: (text: string, end: number) => Of | undefined;
  readonly #lengthOf: (head: Of) => MessageLength;
  readonly #isLast: (head: Of) => boolean;
  readonly #heads = new HeadReader(64 * 1024);
  #head: Of | undefined;
  #body: BodyReader | undefined;
  #plain: BodyReader | undefined;
  #content = '';
  #text = '';
  #framed = '';
  #extended = false;
  #over = false;
  readonly #goesOn: BodySink = {
    text: (text) => void (this.#framed += text),
    bytes: (bytes, from, to) => void (this.#framed += bytes.toString('latin1', from, to)),
    holdsBytes: false,
  };

  constructor(read: (text: string, end: number) => Of | undefined, lengthOf: (head: Of) => MessageLength, isLast: (head: Of) => boolean) {
    this.#read = read;
    this.#lengthOf = lengthOf;
    this.#isLast = isLast;
  }

  take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length && !this.#over;) at = this.#body === undefined ? this.#takeHead(chunk, at) : this.#takeBody(this.#body, chunk, at);
  }

  end(): void {
    if (this.#body?.end(this.#goesOn) === true) this.#whole();
    else if (this.#body !== undefined) this.#add(false);
  }

  #takeHead(chunk: Buffer, from: number): number {
    const at = this.#heads.read(chunk, from);
    if (at === 'more') return chunk.length;
    const head = typeof at === 'string' ? undefined : this.#read(this.#heads.text, this.#heads.length);
    if (typeof at === 'string' || head === undefined) {
      this.#over = true;
      return chunk.length;
    }
    this.#head = head;
    this.#text = this.#heads.text.slice(0, this.#heads.length);
    this.#content = this.#framed = '';
    this.#extended = false;
    const length = this.#lengthOf(head);
    this.#body = bodyReader(length, 'chunked');
    this.#plain = bodyReader(length, 'plain');
    if (length === 0) this.#whole();
    return at;
  }

  #takeBody(body: BodyReader, chunk: Buffer, from: number): number {
    const at = body.read(chunk, from, this.#goesOn);
    this.#plain?.read(chunk, from, {
      text: () => undefined,
      bytes: (bytes, start, end) => (this.#content += bytes.toString('latin1', start, end)),
      holdsBytes: false,
    });
    this.#extended ||= chunk.toString('latin1', from, at < 0 ? chunk.length : at).includes(';');
    if (at < 0) {
      this.#over = true;
      this.#add(false);
      this.#body = undefined;
    } else if (body.done) this.#whole();
    return at < 0 ? chunk.length : at;
  }

  #whole(): void {
    this.#add(true);
    this.#body = undefined;
    if (this.#head !== undefined && this.#isLast(this.#head)) this.#over = true;
  }

  #add(whole: boolean): void {
    if (this.#head === undefined) return;
    const section = /\r\n0\r\n((?:[^\r\n]+\r\n)+)\r\n$/.exec(`\r\n${this.#framed}`)?.[1] ?? '';
    const trailers = whole && this.#lengthOf(this.#head) === 'chunked' ? pairsIn(`${section}\r\n`, 0) : [];
    this.messages.push({ head: this.#head, text: this.#text, body: this.#content, trailers, whole, framed: this.#framed, extended: this.#extended });
  }
}

/** Names and values in turn. */
const pairsIn = (text: string, from: number): readonly string[] => {
  const fields = new FieldReader(text, from);
  const pairs: string[] = [];
  while (fields.next()) pairs.push(text.slice(fields.start, fields.nameEnd), fields.value);
  return fields.malformed ? [] : pairs;
};
const fieldsOf = (text: string): readonly string[] => pairsIn(text, text.indexOf('\r\n', 2) + 2);
const passable = (fields: readonly string[]): readonly string[] =>
  fields.filter((_, index) => passableTrailers(`${fields[index - (index % 2)] ?? ''}: 1\r\n\r\n`) !== '');

const requestsIn = (pieces: readonly Buffer[]): readonly Message<Head>[] => {
  const reading = new Reading<Head>(
    (text, end) => {
      const read = Head.read(text, end);
      return read.ok ? read.value : undefined;
    },
    (head) => head.length,
    (head) => !head.keepsAlive || head.upgrade !== undefined,
  );
  for (const piece of pieces) reading.take(piece);
  reading.end();
  return reading.messages;
};

/** An absolute target goes on as its path. */
const pathOf = (url: string): string => url.replace(/^https?:\/\/[^/?]*/i, '').replace(/^(?=\?|$)/, '/');

const sameRequests = async (t: ExecutionContext, bytes: Buffer, at: readonly number[]): Promise<number> => {
  const pieces = inPieces(bytes, at);
  const ours = requestsIn(pieces);
  const { requests } = await requestsAsNodeReads(pieces);
  const said = JSON.stringify(bytes.toString('latin1'));
  for (const [index, { head, text, body, trailers, whole, framed, extended }] of ours.entries()) {
    const theirs = requests[index];
    if (!nodeMethods.has(head.method)) return index;
    // Behind any offer to upgrade it reads nothing more, whatever becomes of the offer.
    if (ours[index - 1]?.head.header('upgrade') !== undefined) return index;
    if (theirs === undefined) {
      t.fail(`node:http sees ${requests.length} requests, we see ${ours.length}: ${said}`);
      return index;
    }
    t.deepEqual([head.method, head.path, fieldsOf(text)], [theirs.method, pathOf(theirs.url), theirs.fields], said);
    if (!whole) return index;
    const { requests: forwarded } = await requestsAsNodeReads([latin1(`${head.forUpstream('1.2.3.4', false, 'pod')}${framed}`)]);
    t.deepEqual(
      forwarded.map((read) => [read.method, read.url, read.body, read.trailers, read.whole]),
      [[head.method, head.path, body, trailers, true]],
      said,
    );
    if (!theirs.whole && extended) return index + 1;
    t.deepEqual([body, trailers, true], [theirs.body, passable(theirs.trailers), theirs.whole], said);
  }
  return ours.length;
};

const requests = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /a?b=c HTTP/1.1\r\nHost: web.default.localhost:80\r\nX-A:  b \t\r\nx-a:\r\nUser-Agent: \xe4\r\n\r\nHEAD /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  'POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloPUT /second HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nGET /third HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n5;a=b;c="d e"\r\nhello\r\n0A\r\n0123456789\r\n0\r\nX-T: 1\r\nSet-Cookie: a\r\n\r\nGET /after HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nPOST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\n!\r\n0\r\n\r\n',
  'GET http://other.example:81/abs HTTP/1.1\r\nHost: other.example:81\r\n\r\nGET http://b?c HTTP/1.1\r\nHost: b\r\n\r\n',
  'GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\nPOST /old HTTP/1.0\r\nContent-Length: 1\r\n\r\nx',
  'PUT /e HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello',
];

/** The same ones each time: to look for new ones is the fuzz's affair. */
const sample = { numRuns: 2000, seed: 9112 };

/** Of one of `corpus`, with a few random edits. */
const edited = (corpus: readonly string[]): fc.Arbitrary<Buffer> => fc.nat().map((seed) => mutate(seededRandom(seed), corpus));

test.serial('the requests that we take are those that node:http sees', async (t) => {
  let read = 0;
  for (const text of requests) read += await sameRequests(t, latin1(text), []);
  t.is(read, 17);
});

test.serial('however requests are damaged and split, what we take of them node:http reads alike', async (t) => {
  let read = 0;
  await fc.assert(
    fc.asyncProperty(edited(requests), cuts, async (bytes, at) => {
      read += await sameRequests(t, bytes, at);
    }),
    sample,
  );
  t.true(read > 500, 'most of them are not so damaged that nothing is left');
});

const sameAnswer = async (t: ExecutionContext, bytes: Buffer, at: readonly number[], isHead: boolean): Promise<number> => {
  const pieces = inPieces(bytes, at);
  const reading = new Reading<ResponseHead>(
    (text, end) => ResponseHead.read(text, end),
    (head) => (isHead ? 0 : head.length),
    ({ status }) => status >= 200 || status === 101,
  );
  for (const piece of pieces) reading.take(piece);
  reading.end();
  const ours = reading.messages;
  const theirs = await answerAsNodeReads(pieces, isHead ? 'HEAD' : 'GET');
  const said = JSON.stringify(bytes.toString('latin1'));
  for (const [index, { head, text, body, trailers, whole, framed, extended }] of ours.entries()) {
    if (head.status === 101) return index;
    // An interim answer that says `close` is the last that it reads.
    if (/^connection:.*close/im.test(ours[index - 1]?.text ?? '')) return index;
    if (head.status < 200) {
      t.deepEqual([head.status, fieldsOf(text)], [theirs.interim[index]?.status, theirs.interim[index]?.fields], said);
      continue;
    }
    const { final } = theirs;
    t.deepEqual([head.status, fieldsOf(text)], [final?.status, final?.fields], said);
    if (!whole) return index;
    const chunked = !isHead && head.length !== 0 && typeof head.length !== 'number';
    const passed = `${head.forClient({ chunked, connection: undefined, date: 'now' })}${framed}`;
    const forwarded = await answerAsNodeReads([latin1(passed)], isHead ? 'HEAD' : 'GET');
    t.deepEqual(
      [forwarded.final?.status, forwarded.final?.body, forwarded.final?.trailers, forwarded.wholeBeforeEnd],
      [head.status, body, trailers, true],
      said,
    );
    if (final?.whole === false && extended) return index + 1;
    t.deepEqual([body, trailers, true], [final?.body, passable(final?.trailers ?? []), final?.whole], said);
  }
  return ours.length;
};

const answers = [
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 200 OK\r\nServer: x\r\nX-A:  b \t\r\nSet-Cookie: a=1\r\nSet-Cookie: b=\xe4\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n4;a=b\r\nbody\r\n0A\r\n0123456789\r\n0\r\nX-Sum: 42\r\n\r\n',
  'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end',
  'HTTP/1.0 404 Not Found\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n',
  'HTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 5\r\n\r\n',
  'HTTP/1.1 500 \r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
];

test.serial('the answers that we take are those that node:http sees', async (t) => {
  let read = 0;
  for (const text of answers) for (const isHead of [false, true]) read += await sameAnswer(t, latin1(text), [], isHead);
  t.is(read, 2 * (answers.length + 2));
});

test.serial('however answers are damaged and split, what we take of them node:http reads alike', async (t) => {
  let read = 0;
  await fc.assert(
    fc.asyncProperty(edited(answers), cuts, fc.boolean(), async (bytes, at, isHead) => {
      read += await sameAnswer(t, bytes, at, isHead);
    }),
    sample,
  );
  t.true(read > 500, 'most of them are not so damaged that nothing is left');
});
