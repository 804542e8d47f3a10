import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../../src/core/index.ts';
import { acceptOf, frameOf, FrameReader } from '../gateway/websocket-frames.ts';
import { Cut, HttpConnection, Wrong } from './http-connection.ts';
import { Http2Client } from './http2-client.ts';
import { downloadBytes, mostOffset, stretch } from './payload.ts';
import { Attempt, leftTimes, type Kind, type Tally } from './tally.ts';

const mostPosted = 200_000;
const key = Buffer.alloc(16, 'rouse').toString('base64');
const mask = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

/** One in `weight` out of all of them. */
const mix: readonly (readonly [weight: number, kind: Kind])[] = [
  [32, 'GET, kept connection'],
  [12, 'GET, new connection'],
  [11, 'POST with a length'],
  [9, 'POST in chunks'],
  [8, '1 MB download'],
  [3, 'event stream'],
  [3, 'WebSocket'],
  [10, 'pipelined pair'],
  [4, 'left in the request'],
  [4, 'left while waiting'],
  [4, 'left in the answer'],
  [8, 'GET, HTTP/2'],
  [6, 'POST, HTTP/2'],
  [3, '1 MB download, HTTP/2'],
  [2, 'left in the answer, HTTP/2'],
  [6, 'TCP connection'],
];

/** Somebody who asks one thing after the other, over a connection of their own that they keep and over new ones. */
export class Client {
  readonly #name: string;
  readonly #port: number;
  readonly #tcpPort: number;
  readonly #http2: Http2Client;
  readonly #random: Random;
  readonly #tally: Tally;
  #kept: HttpConnection | undefined;
  #asked = 0;

  constructor(name: string, { port, tcpPort }: { readonly port: number; readonly tcpPort: number }, random: Random, tally: Tally) {
    this.#name = name;
    this.#port = port;
    this.#tcpPort = tcpPort;
    this.#http2 = new Http2Client(port);
    this.#random = random;
    this.#tally = tally;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#once(this.#chosen());
      await sleep(this.#between(20, 250));
    }
    this.#kept?.close();
    this.#http2.close();
  }

  async #once(kind: Kind): Promise<void> {
    if (kind === 'pipelined pair') return this.#pair();
    const attempt = new Attempt(kind, this.#newId(), kind.startsWith('POST') || kind === 'left in the request' ? 'POST' : 'GET');
    try {
      const outcome = await this.#exchanges[kind](attempt);
      if (outcome === leftTimes) this.#tally.aborted(attempt);
      else this.#tally.ok(attempt);
    } catch (error) {
      this.#tally.failed(attempt, error);
    }
  }

  readonly #exchanges: Readonly<Record<Exclude<Kind, 'pipelined pair'>, (attempt: Attempt) => Promise<typeof leftTimes | undefined>>> = {
    'GET, kept connection': (attempt) => this.#over(attempt, true, (connection) => this.#small(attempt, connection)),
    'GET, new connection': (attempt) => this.#over(attempt, false, (connection) => this.#small(attempt, connection)),
    'POST with a length': (attempt) => this.#over(attempt, this.#chance(0.7), (connection) => this.#post(attempt, connection, false)),
    'POST in chunks': (attempt) => this.#over(attempt, this.#chance(0.7), (connection) => this.#post(attempt, connection, true)),
    '1 MB download': (attempt) => this.#over(attempt, this.#chance(0.5), (connection) => this.#download(attempt, connection)),
    'event stream': (attempt) => this.#over(attempt, false, (connection) => this.#events(attempt, connection)),
    WebSocket: (attempt) => this.#over(attempt, false, (connection) => this.#webSocket(attempt, connection)),
    'left in the request': (attempt) => this.#over(attempt, false, (connection) => this.#leaveInRequest(attempt, connection)),
    'left while waiting': (attempt) => this.#over(attempt, false, (connection) => this.#leaveWaiting(attempt, connection)),
    'left in the answer': (attempt) => this.#over(attempt, false, (connection) => this.#leaveInAnswer(attempt, connection)),
    'GET, HTTP/2': (attempt) => this.#http2.small(attempt, this.#between(0, 30)),
    'POST, HTTP/2': (attempt) => this.#http2.post(attempt, this.#upload(), this.#chance(0.5)),
    '1 MB download, HTTP/2': (attempt) => this.#http2.download(attempt, this.#between(0, mostOffset)),
    'left in the answer, HTTP/2': (attempt) => this.#http2.download(attempt, this.#between(0, mostOffset), this.#between(1, downloadBytes / 2)),
    'TCP connection': (attempt) => this.#tcp(attempt),
  };

  // The exchanges.

  async #small(attempt: Attempt, connection: HttpConnection): Promise<undefined> {
    attempt.sent = await connection.send(head(attempt, `/small?ms=${this.#between(0, 30)}`));
    await readSmall(attempt, connection);
  }

  async #post(attempt: Attempt, connection: HttpConnection, chunked: boolean): Promise<undefined> {
    const body = this.#upload();
    const sending = this.#sendPost(attempt, connection, body, chunked);
    const answer = await attempt.answer(connection);
    const text = await connection.text(answer);
    await sending;
    const expected = `${attempt.id} ${String(attempt.pod)} ${body.length} ${createHash('sha256').update(body).digest('hex')}`;
    if (text !== expected) throw new Wrong(`${text}, not ${expected}`);
  }

  async #sendPost(attempt: Attempt, connection: HttpConnection, body: Buffer, chunked: boolean): Promise<void> {
    attempt.sent = await connection.send(head(attempt, '/echo?', chunked ? 'Transfer-Encoding: chunked\r\n' : `Content-Length: ${body.length}\r\n`));
    let fine = attempt.sent;
    for (let at = 0; fine && at < body.length;) {
      const piece = body.subarray(at, at + this.#between(1, 50_000));
      at += piece.length;
      fine = await connection.send(chunked ? Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]) : piece);
      if (this.#chance(0.2)) await sleep(this.#between(1, 30));
    }
    if (fine && chunked) await connection.send('0\r\n\r\n');
  }

  /** A third of the clients are slow to read, so that the gateway has to wait for them. */
  async #download(attempt: Attempt, connection: HttpConnection): Promise<undefined> {
    const from = this.#between(0, mostOffset);
    const slow = this.#chance(0.33);
    attempt.sent = await connection.send(head(attempt, `/download?from=${from}${this.#chance(0.5) ? '&chunked' : ''}`));
    let length = 0;
    for await (const piece of connection.body(await attempt.answer(connection))) {
      if (!piece.equals(stretch(from + length, piece.length))) throw new Wrong(`byte ${length} or one of the next ${piece.length} differs`);
      length += piece.length;
      if (slow) await sleep(this.#between(1, 20));
    }
    if (length !== downloadBytes) throw new Wrong(`whole, with ${length} bytes`);
  }

  async #events(attempt: Attempt, connection: HttpConnection): Promise<undefined> {
    const ms = this.#between(50, 300);
    const count = Math.round(this.#between(3000, 10_000) / ms);
    attempt.sent = await connection.send(head(attempt, `/events?count=${count}&ms=${ms}`));
    const text = await connection.text(await attempt.answer(connection));
    const expected = Array.from({ length: count }, (_, index) => `data: ${attempt.id} ${String(attempt.pod)} ${index}\n\n`).join('');
    if (text !== expected) throw new Wrong(`events of ${text.length} bytes, not ${expected.length}`);
  }

  async #webSocket(attempt: Attempt, connection: HttpConnection): Promise<undefined> {
    const fields = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n`;
    attempt.sent = await connection.send(head(attempt, '/socket?', fields));
    const answer = await attempt.answer(connection, 101);
    if (answer.fields.get('sec-websocket-accept') !== acceptOf(key)) throw new Wrong('not the key of this client');
    const echoes: string[] = [];
    const reader = new FrameReader((payload) => echoes.push(payload.toString('latin1')));
    const until = performance.now() + this.#between(1000, 8000);
    for (let sent = 0; performance.now() < until;) {
      const messages = Array.from({ length: this.#between(1, 4) }, (_, index) => `${attempt.id} ${sent + index}`);
      await connection.send(Buffer.concat(messages.map((message) => frameOf(Buffer.from(message), mask))));
      sent += messages.length;
      while (echoes.length < sent) reader.read(await connection.piece());
      if (echoes.slice(-messages.length).join() !== messages.join()) throw new Wrong(`${echoes.slice(-messages.length).join()}, not ${messages.join()}`);
      await sleep(this.#between(20, 300));
    }
    await connection.finish();
  }

  /** Two requests in one packet. A cut connection takes the second one along; behind an answer of the gateway's own it is answered like any other. */
  async #pair(): Promise<void> {
    const [first, second] = [new Attempt('pipelined pair', this.#newId(), 'GET'), new Attempt('pipelined pair', this.#newId(), 'GET')];
    second.alone = false;
    const requests = [first, second].map((attempt) => head(attempt, `/small?ms=${this.#between(0, 30)}`)).join('');
    await this.#over(first, this.#chance(0.5), async (connection) => {
      first.sent = second.sent = await connection.send(requests);
      for (const attempt of [first, second])
        await readSmall(attempt, connection).then(
          () => this.#tally.ok(attempt),
          (error: unknown) => {
            this.#tally.failed(attempt, error, first.pod);
            if (error instanceof Cut || error instanceof Wrong) connection.close();
          },
        );
    }).catch((error: unknown) => {
      for (const attempt of [first, second]) this.#tally.failed(attempt, error);
    });
  }

  /** The head and a part of the body, and away. */
  async #leaveInRequest(attempt: Attempt, connection: HttpConnection): Promise<typeof leftTimes> {
    const body = this.#upload();
    attempt.sent = await connection.send(head(attempt, '/echo?', `Content-Length: ${body.length + 1}\r\n`));
    await connection.send(body);
    await sleep(this.#between(0, 200));
    return this.#leave(connection);
  }

  async #leaveWaiting(attempt: Attempt, connection: HttpConnection): Promise<typeof leftTimes> {
    attempt.sent = await connection.send(head(attempt, '/small?ms=2000'));
    await sleep(this.#between(0, 400));
    return this.#leave(connection);
  }

  async #leaveInAnswer(attempt: Attempt, connection: HttpConnection): Promise<typeof leftTimes> {
    const [from, enough] = [this.#between(0, mostOffset), this.#between(1, downloadBytes / 2)];
    attempt.sent = await connection.send(head(attempt, `/download?from=${from}${this.#chance(0.5) ? '&chunked' : ''}`));
    let length = 0;
    for await (const piece of connection.body(await attempt.answer(connection))) {
      if (!piece.equals(stretch(from + length, piece.length))) throw new Wrong(`byte ${length} or one of the next ${piece.length} differs`);
      length += piece.length;
      if (length >= enough) break;
    }
    return this.#leave(connection);
  }

  /** The pod is spoken to as by itself. */
  async #tcp(attempt: Attempt): Promise<undefined> {
    const connection = await HttpConnection.open(this.#tcpPort);
    // It is a request for the gateway as it is.
    attempt.sent = true;
    try {
      await connection.send(head(attempt, `/small?ms=${this.#between(0, 30)}`));
      await readSmall(attempt, connection);
    } finally {
      connection.close();
    }
  }

  // The rest.

  #leave(connection: HttpConnection): typeof leftTimes {
    if (this.#chance(0.5)) connection.reset();
    else connection.close();
    return leftTimes;
  }

  /** Over the connection that is kept or over a new one, which is closed afterwards. */
  async #over<Outcome>(attempt: Attempt, kept: boolean, exchange: (connection: HttpConnection) => Promise<Outcome>): Promise<Outcome> {
    const before = kept ? this.#kept : undefined;
    if (kept) this.#kept = undefined;
    const connection = before?.usable === true ? before : await HttpConnection.open(this.#port);
    attempt.alone = !connection.used;
    try {
      const outcome = await exchange(connection);
      if (kept) this.#kept = connection;
      return outcome;
    } finally {
      // After a failure half an answer may still be in it.
      if (this.#kept !== connection) connection.close();
    }
  }

  #chosen(): Kind {
    let left = this.#random() * mix.reduce((sum, [weight]) => sum + weight, 0);
    return mix.find(([weight]) => (left -= weight) < 0)?.[1] ?? 'GET, kept connection';
  }

  #newId(): string {
    this.#asked += 1;
    return `${this.#name}-${this.#asked}`;
  }

  /** Small ones as often as large ones. */
  #upload(): Buffer {
    const length = Math.max(1, Math.floor(mostPosted ** this.#random()));
    return stretch(this.#between(0, mostOffset), length);
  }

  #between(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1));
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }
}

/** `target` ends in its query, to which the id is added. */
const head = ({ method, id }: Attempt, target: string, fields = ''): string =>
  `${method} ${target}&id=${id} HTTP/1.1\r\nHost: soak\r\nX-Request-Id: ${id}\r\n${fields}\r\n`;

const readSmall = async (attempt: Attempt, connection: HttpConnection): Promise<undefined> => {
  const text = await connection.text(await attempt.answer(connection));
  if (text !== `${attempt.id} ${String(attempt.pod)}`) throw new Wrong(text);
};
