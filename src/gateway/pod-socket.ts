import type { SocketConstructorOpts } from 'node:net';
import { DirectSocket } from './direct-socket.ts';

/** `null` and undefined: it has gone out. */
type Written = (error?: NodeJS.ErrnoException | null) => void;

/**
 * A connection to a pod that is read to its end though nothing can be written to it any more. A pod may answer before it has read all of an upload, and close: our next write then fails while its answer
 * still waits in the kernel, and Node would throw that away with the socket. Here such a write just never ends; what had still come is read, and behind it comes the end of the connection.
 */
export class PodSocket extends DirectSocket {
  /** It was reset: its end is no end of an answer. The kernel tells that once, to whoever writes first, and shows a plain end to whoever reads. */
  wasReset = false;
  /** False: whoever writes hears of a failure, as with any socket. */
  readsOn = true;
  #written: Written = () => undefined;

  override _write(chunk: unknown, encoding: BufferEncoding, written: Written): void {
    this.#written = written;
    super._write(chunk, encoding, this.#onWritten);
  }

  override _writev(chunks: { readonly chunk: unknown; readonly encoding: BufferEncoding }[], written: Written): void {
    this.#written = written;
    super._writev?.(chunks, this.#onWritten);
  }

  readonly #onWritten: Written = (error) => {
    // Linux: EPIPE where the pod had ended its side in order before it reset the rest, so that all it said has come; ECONNRESET where it had not.
    const isReset = error?.code === 'ECONNRESET';
    if (!this.readsOn || (!isReset && error?.code !== 'EPIPE')) this.#written(error);
    else if (isReset) this.wasReset = true;
  };
}

/** Throws at an address that is none. */
export const connectToPod = (options: SocketConstructorOpts, address: string, port: number): PodSocket => {
  const socket = new PodSocket({ ...options, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 });
  socket.connect({ host: address, port });
  return socket;
};
