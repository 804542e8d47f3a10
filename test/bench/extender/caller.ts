import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';

export interface CallAnswer {
  readonly status: number;
  readonly bodyBytes: number;
}

/** A whole request, made before: what is measured is not the scheduler's work. */
export const requestOf = (verb: string, body: string): Buffer =>
  Buffer.from(
    `POST /extender/${verb} HTTP/1.1\r\nhost: extender\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );

const headOf = (text: string): { readonly status: number; readonly length: number } => ({
  status: Number(text.slice('HTTP/1.1 '.length).slice(0, 3)),
  length: Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1]),
});

/** A scheduler's connection: one call after the other. It does nothing with answers but count their bytes, so that little of its time is in the figures. */
export class Caller {
  readonly #socket: TLSSocket;
  #head = '';
  #missing = 0;
  #answer: CallAnswer | undefined;
  #done: ((answer: CallAnswer) => void) | undefined;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#take(chunk);
    });
  }

  static async connect(port: number): Promise<Caller> {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
    socket.setNoDelay();
    await once(socket, 'secureConnect');
    return new Caller(socket);
  }

  call(request: Buffer): Promise<CallAnswer> {
    return new Promise((resolve) => {
      this.#done = resolve;
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    let bytes = chunk.length;
    if (this.#answer === undefined) {
      const before = this.#head.length;
      this.#head += chunk.toString('latin1', 0, Math.min(bytes, 4096));
      const end = this.#head.indexOf('\r\n\r\n');
      if (end === -1) return;
      const { status, length } = headOf(this.#head.slice(0, end));
      this.#answer = { status, bodyBytes: length };
      this.#missing = length;
      bytes -= end + 4 - before;
      this.#head = '';
    }
    this.#missing -= bytes;
    if (this.#missing > 0) return;
    const answer = this.#answer;
    this.#answer = undefined;
    this.#done?.(answer);
  }
}
