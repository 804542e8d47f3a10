import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** The connection ended before what was waited for was whole. */
export class Cut extends Error {}

/** What came cannot be right, whatever became of any pod. */
export class Wrong extends Error {}

export interface AnswerHead {
  readonly status: number;
  /** By name in lower case. */
  readonly fields: ReadonlyMap<string, string>;
}

/** Longer than the gateway holds a request. */
const patienceMs = 75_000;

/** A client's connection, read strictly: what is ambiguous is `Wrong`, what is not whole is `Cut`. */
export class HttpConnection {
  /** A request has been answered over it. */
  used = false;
  readonly #socket: Socket;
  #unread: Buffer = Buffer.alloc(0);
  #problem: string | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setTimeout(patienceMs, () => socket.destroy(new Error(`nothing moved for ${patienceMs / 1000} s`)));
    socket.on('error', (error) => (this.#problem ??= error.message)).on('end', () => (this.#problem ??= 'FIN'));
  }

  static async open(port: number): Promise<HttpConnection> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    await once(socket, 'connect').catch((error: unknown) => {
      throw new Cut('no connection to the gateway', { cause: error });
    });
    return new HttpConnection(socket);
  }

  /** Open, and nothing has come that nobody asked for. */
  get usable(): boolean {
    if (this.#problem !== undefined || !this.#socket.writable) return false;
    if (this.#unread.length > 0 || this.#socket.readableLength > 0) throw new Wrong('bytes that no request was made for');
    return true;
  }

  /** True when the kernel has it, false where the connection is gone. */
  send(data: string | Buffer): Promise<boolean> {
    return new Promise((resolve) => this.#socket.write(data, (error) => resolve(error === undefined || error === null)));
  }

  /** The head of the next final answer. */
  async head(): Promise<AnswerHead> {
    for (;;) {
      const head = readHead(await this.#upTo('\r\n\r\n'));
      if (head.status >= 200 || head.status === 101) return head;
    }
  }

  /** The body behind a head, piece by piece; it is whole when this ends. */
  async *body({ fields }: AnswerHead): AsyncGenerator<Buffer, void, undefined> {
    const [length, coding] = [fields.get('content-length'), fields.get('transfer-encoding')];
    if ((length === undefined) === (coding === undefined)) throw new Wrong(`framed by ${String(length)} and ${String(coding)}`);
    if (length !== undefined) {
      if (!/^\d+$/.test(length)) throw new Wrong(`a length of ${length}`);
      yield* this.#bytes(Number(length));
    } else {
      if (coding !== 'chunked') throw new Wrong(`the coding ${String(coding)}`);
      yield* this.#chunks();
    }
    this.used = true;
  }

  /** The whole body at once. */
  async text(head: AnswerHead): Promise<string> {
    const pieces: Buffer[] = [];
    for await (const piece of this.body(head)) pieces.push(piece);
    return Buffer.concat(pieces).toString('latin1');
  }

  /** Whatever comes next; for other protocols than HTTP. */
  async piece(): Promise<Buffer> {
    if (this.#unread.length === 0) await this.#more();
    const piece = this.#unread;
    this.#unread = Buffer.alloc(0);
    return piece;
  }

  /** Ends this side, and waits for the other to do the same without another byte. */
  async finish(): Promise<void> {
    this.#socket.end();
    const more = await this.piece().catch((error: unknown) => {
      if (error instanceof Cut && this.#problem === 'FIN') return undefined;
      throw error;
    });
    if (more !== undefined) throw new Wrong(`${more.length} bytes behind the last ones`);
  }

  close(): void {
    this.#socket.destroy();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  async *#chunks(): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const line = await this.#upTo('\r\n');
      const size = /^([\da-f]{1,8})$/i.exec(line)?.[1];
      if (size === undefined) throw new Wrong(`not a chunk: ${JSON.stringify(line.slice(0, 60))}`);
      const length = Number.parseInt(size, 16);
      yield* this.#bytes(length);
      if ((await this.#upTo('\r\n')) !== '') throw new Wrong('a chunk that is longer than it says');
      if (length === 0) return;
    }
  }

  async *#bytes(length: number): AsyncGenerator<Buffer, void, undefined> {
    for (let left = length; left > 0;) {
      if (this.#unread.length === 0) await this.#more();
      const piece = this.#unread.subarray(0, left);
      this.#unread = this.#unread.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  async #upTo(end: string): Promise<string> {
    for (;;) {
      const at = this.#unread.indexOf(end, 0, 'latin1');
      if (at >= 0) {
        const text = this.#unread.toString('latin1', 0, at);
        this.#unread = this.#unread.subarray(at + end.length);
        return text;
      }
      await this.#more();
    }
  }

  /** Resolves when there is more to read. What is not read waits in the kernel, and slows the other side down. */
  async #more(): Promise<void> {
    for (;;) {
      const piece = this.#socket.read() as Buffer | null;
      if (piece !== null) {
        this.#unread = this.#unread.length === 0 ? piece : Buffer.concat([this.#unread, piece]);
        return;
      }
      if (this.#socket.destroyed || this.#socket.readableEnded) throw new Cut(this.#problem ?? 'closed');
      await this.#moved();
    }
  }

  #moved(): Promise<void> {
    return new Promise((resolve) => {
      const events = ['readable', 'end', 'close'] as const;
      const seen = (): void => {
        for (const event of events) this.#socket.off(event, seen);
        resolve();
      };
      for (const event of events) this.#socket.on(event, seen);
    });
  }
}

const readHead = (text: string): AnswerHead => {
  const [line = '', ...lines] = text.split('\r\n');
  const status = /^HTTP\/1\.1 ([1-5]\d\d) /.exec(line)?.[1];
  if (status === undefined) throw new Wrong(`not a status line: ${JSON.stringify(line.slice(0, 60))}`);
  const fields = new Map<string, string>();
  for (const each of lines) {
    const [, name = '', value = ''] = /^([!#$%&'*+\-.^_`|~\w]+): *(.*?) *$/.exec(each) ?? [];
    if (name === '' || fields.has(name.toLowerCase())) throw new Wrong(`not a field, or twice: ${JSON.stringify(each.slice(0, 60))}`);
    fields.set(name.toLowerCase(), value);
  }
  return { status: Number(status), fields };
};
