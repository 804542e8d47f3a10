import { Socket } from 'node:net';
import nodeProcess from 'node:process';
import { getSystemErrorName } from 'node:util';

/** What Node's part below JavaScript needs of a write that it cannot end at once; it calls `oncomplete` with 0 or the negative number of an error. */
interface WriteRequest {
  oncomplete?: (status: number) => void;
}

interface Handle {
  /** 0, or the negative number of an error. */
  writeLatin1String(request: WriteRequest, text: string): number;
}

/** By which Node's lib/internal/stream_base_commons.js writes. */
interface StreamWrap {
  readonly WriteWrap: new () => WriteRequest;
  readonly streamBaseState: Int32Array;
  readonly kLastWriteWasAsync: number;
}

type Written = (error?: Error | null) => void;

/** A write that is begun and not ended, or was refused. */
interface Begun {
  readonly request: WriteRequest;
  readonly status: number;
}

const isStreamWrap = (value: unknown): value is StreamWrap =>
  typeof value === 'object' && value !== null && 'WriteWrap' in value && 'streamBaseState' in value && 'kLastWriteWasAsync' in value;

/** `binding` is deprecated, and throws where a process runs with permissions. */
const loadStreamWrap = (): StreamWrap | undefined => {
  try {
    const binding = (nodeProcess as { binding?(name: string): unknown }).binding?.('stream_wrap');
    return isStreamWrap(binding) ? binding : undefined;
  } catch {
    return undefined;
  }
};

const streamWrap = loadStreamWrap();
/** No write needs it that ends at once, as nearly all do. */
let spare = streamWrap && new streamWrap.WriteWrap();

const errorOf = (status: number): Error => {
  const code = getSystemErrorName(status);
  return Object.assign(new Error(`write ${code}`), { errno: status, code, syscall: 'write' });
};

/**
 * A TCP connection that writes text past its stream while that has nothing to say. What the kernel takes at once, as it takes nearly all that is as short as a head, needs nothing of what the stream does for a write: an
 * object for it, calls back, `process.nextTick`. What it does not take at once is a write of the stream that has been begun already. To `setTimeout` text is no activity.
 * decisions/0035 says on what of Node's this rests; without `stream_wrap` text goes the stream's way.
 */
export class DirectSocket extends Socket {
  #begun: Begun | undefined;

  /** As `write(text, 'latin1')`, for short texts: what the kernel takes at once never becomes a write of the stream. */
  writeText(text: string): void {
    const handle = this.#idleHandle;
    if (streamWrap !== undefined && spare !== undefined && handle !== undefined) {
      const status = handle.writeLatin1String(spare, text);
      if (status === 0 && streamWrap.streamBaseState[streamWrap.kLastWriteWasAsync] === 0) return;
      this.#begun = { request: spare, status };
      spare = new streamWrap.WriteWrap();
    }
    this.write(text, 'latin1');
  }

  override _write(chunk: unknown, encoding: BufferEncoding, written: Written): void {
    const begun = this.#begun;
    if (begun === undefined) return super._write(chunk, encoding, written);
    this.#begun = undefined;
    if (begun.status !== 0) return written(errorOf(begun.status));
    begun.request.oncomplete = (status) => written(status === 0 ? null : errorOf(status));
  }

  get #idleHandle(): Handle | undefined {
    if (this.writableLength > 0 || this.writableCorked > 0 || this.connecting || !this.writable) return undefined;
    return (this as unknown as { readonly _handle?: Handle | null })._handle ?? undefined;
  }
}
