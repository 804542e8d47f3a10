import { isPassableTrailer } from '../http1/fields.ts';
import type { PodConnection } from '../http1/pod-connection.ts';
import type { Fields, Stream } from './engine/stream.ts';
import { eachField } from './fields.ts';
import type { Framing } from './http1-request.ts';

/**
 * Carries the body of a client's stream to a pod of HTTP/1.1. What the pod does not take waits in the stream's window: its client stalls. The engine has seen to it that no more and no less
 * comes than was announced.
 */
export class Upload {
  readonly #client: Stream;
  #pod: PodConnection;
  readonly #isChunked: boolean;
  #left: number;
  /** Bytes that wait for the pod. */
  #owed = 0;
  /** All of it has been given to the pod's connection. */
  #isWhole = false;

  constructor(client: Stream, pod: PodConnection, framing: Framing) {
    this.#client = client;
    this.#pod = pod;
    this.#isChunked = framing === 'chunked';
    this.#left = framing === 'chunked' ? Infinity : framing;
    if (this.#left === 0) this.#whole();
  }

  /** Over another connection to a pod, which has been given what the one before had and had not written. */
  goOn(pod: PodConnection): void {
    this.#pod = pod;
    if (this.#isWhole) pod.requestSent();
    this.drained();
  }

  data(bytes: Buffer, from: number, to: number, end: boolean): void {
    const { out } = this.#pod;
    const length = to - from;
    if (length > 0) {
      this.#left -= length;
      if (this.#isChunked) out.text(`${length.toString(16)}\r\n`);
      // What the socket does not take at once it keeps.
      out.bytes(Buffer.from(bytes.subarray(from, to)), 0, length);
      if (this.#isChunked) out.text('\r\n');
      else if (this.#left === 0) this.#whole();
    }
    if (end && this.#isChunked) this.#endChunks('');
    if (out.flush()) this.#client.consumed(length);
    else this.#owed += length;
  }

  trailers(fields: Fields): void {
    if (!this.#isChunked) return;
    this.#endChunks(trailerLines(fields));
    this.#pod.out.flush();
  }

  /** The pod takes more again. */
  drained(): void {
    const owed = this.#owed;
    this.#owed = 0;
    this.#client.consumed(owed);
  }

  #endChunks(lines: string): void {
    this.#pod.out.text(`0\r\n${lines}\r\n`);
    this.#whole();
  }

  #whole(): void {
    this.#isWhole = true;
    this.#pod.requestSent();
  }
}

const trailerLines = (fields: Fields): string => {
  let lines = '';
  eachField(fields, (name, value) => {
    if (isPassableTrailer(name)) lines += `${name}: ${value}\r\n`;
  });
  return lines;
};
