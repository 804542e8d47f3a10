import { connect, type Socket } from 'node:net';

const endOfHead = '\r\n\r\n';

/** One connection that GETs the same thing again and again, one request at a time, for as little CPU as Node needs. */
export class KeepAliveConnection {
  readonly #socket: Socket;
  readonly #request: string;
  readonly #onAnswer: (problem: string | undefined) => void;
  #answer = '';

  /** @param onAnswer told of each answer, with what is wrong with it; for the last time when the connection has ended. */
  constructor(port: number, path: string, onAnswer: (problem: string | undefined) => void) {
    this.#onAnswer = onAnswer;
    this.#request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.#socket.setEncoding('latin1').on('data', (chunk: string) => this.#read(chunk));
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => onAnswer('closed'));
  }

  send(): void {
    this.#answer = '';
    this.#socket.write(this.#request);
  }

  #read(chunk: string): void {
    this.#answer += chunk;
    const headEnd = this.#answer.indexOf(endOfHead);
    if (headEnd < 0) return;
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(this.#answer)?.[1]);
    const rest = headEnd + endOfHead.length + length - this.#answer.length;
    if (rest > 0) return;
    this.#onAnswer(rest === 0 && this.#answer.startsWith('HTTP/1.1 200 ') ? undefined : 'status');
  }
}
