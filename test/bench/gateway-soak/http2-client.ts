import { createHash } from 'node:crypto';
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { Cut, Wrong, type AnswerHead } from './http-connection.ts';
import { downloadBytes, stretch } from './payload.ts';
import { leftTimes, type AnswerSource, type Attempt } from './tally.ts';

/** Longer than the gateway holds a request. */
const patienceMs = 75_000;

/** One stream, read as strictly as a connection of HTTP/1.1: what is not whole is `Cut`. */
class Http2Answer implements AnswerSource {
  readonly #stream: ClientHttp2Stream;
  readonly #head: Promise<IncomingHttpHeaders>;
  readonly #closed: Promise<void>;

  constructor(stream: ClientHttp2Stream) {
    this.#stream = stream;
    stream.setTimeout(patienceMs, () => stream.close(constants.NGHTTP2_CANCEL));
    stream.on('error', () => undefined);
    this.#closed = new Promise((resolve) => stream.once('close', resolve));
    this.#head = new Promise((resolve, reject) => {
      stream.once('response', resolve);
      stream.once('close', () => reject(this.#cut()));
    });
    this.#head.catch(() => undefined);
  }

  async head(): Promise<AnswerHead> {
    const head = await this.#head;
    const fields = new Map(Object.entries(head).map(([name, value]) => [name, String(value)]));
    return { status: Number(head[':status']), fields };
  }

  async *body(): AsyncGenerator<Buffer, void, undefined> {
    try {
      for await (const piece of this.#stream as AsyncIterable<Buffer>) yield piece;
    } catch {
      throw this.#cut();
    }
    await this.#closed;
    if (this.#stream.rstCode !== 0) throw this.#cut();
  }

  async text(): Promise<string> {
    const pieces: Buffer[] = [];
    for await (const piece of this.body()) pieces.push(piece);
    return Buffer.concat(pieces).toString('latin1');
  }

  close(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  #cut(): Cut {
    return new Cut(`the stream ended with ${String(this.#stream.rstCode)}`);
  }
}

/** Asks over a connection of HTTP/2 that it keeps. */
export class Http2Client {
  readonly #port: number;
  #session: ClientHttp2Session | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  async small(attempt: Attempt, ms: number): Promise<undefined> {
    const answer = this.#ask(attempt, `/small?ms=${ms}`);
    await attempt.answer(answer);
    const text = await answer.text();
    if (text !== `${attempt.id} ${String(attempt.pod)}`) throw new Wrong(text);
  }

  async post(attempt: Attempt, body: Buffer, announced: boolean): Promise<undefined> {
    const answer = this.#ask(attempt, '/echo?', body, announced);
    await attempt.answer(answer);
    const text = await answer.text();
    const expected = `${attempt.id} ${String(attempt.pod)} ${body.length} ${createHash('sha256').update(body).digest('hex')}`;
    if (text !== expected) throw new Wrong(`${text}, not ${expected}`);
  }

  /** Left when `enough` has come. */
  async download(attempt: Attempt, from: number, enough = Infinity): Promise<typeof leftTimes | undefined> {
    const answer = this.#ask(attempt, `/download?from=${from}`);
    await attempt.answer(answer);
    let length = 0;
    for await (const piece of answer.body()) {
      if (!piece.equals(stretch(from + length, piece.length))) throw new Wrong(`byte ${length} or one of the next ${piece.length} differs`);
      length += piece.length;
      if (length < enough) continue;
      answer.close();
      return leftTimes;
    }
    if (length !== downloadBytes) throw new Wrong(`whole, with ${length} bytes`);
    return undefined;
  }

  close(): void {
    this.#session?.close();
  }

  #ask(attempt: Attempt, target: string, body?: Buffer, announced = false): Http2Answer {
    const { method, id } = attempt;
    const length = announced && body !== undefined ? { 'content-length': body.length } : {};
    const stream = this.#open().request({ ':method': method, ':path': `${target}&id=${id}`, 'x-request-id': id, ...length }, { endStream: body === undefined });
    if (body !== undefined) stream.end(body);
    // Whether the gateway has had it is known when it answers.
    attempt.sent = true;
    attempt.alone = false;
    return new Http2Answer(stream);
  }

  #open(): ClientHttp2Session {
    const kept = this.#session;
    if (kept !== undefined && !kept.closed && !kept.destroyed) return kept;
    const session = connect(`http://127.0.0.1:${this.#port}`);
    session.on('error', () => undefined).on('goaway', () => session.close());
    this.#session = session;
    return session;
  }
}
