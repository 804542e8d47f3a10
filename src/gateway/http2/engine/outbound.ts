import { ByteBuffer } from './byte-buffer.ts';
import { ByteQueue } from './byte-queue.ts';
import { firstWindow, flags, frameBytes, frameHeadBytes, greatestWindow, types } from './codes.ts';
import { Encoder } from './hpack/encoder.ts';
import { ReadyRing } from './ready-ring.ts';
import type { Sensitive } from './sensitive.ts';
import type { PeerSettings } from './settings.ts';
import type { Fields, Stream, StreamOutput } from './stream.ts';
import { takeBlock } from './write-blocks.ts';

/** While so much waits to be written DATA stays with its stream, where the others have their turns too. */
const enoughBytes = 64 * 1024;

/** What a connection sends: its frames one behind the other, and DATA as the windows allow it, each stream in its turn. */
export class Outbound implements StreamOutput {
  readonly encoder = new Encoder();
  /** The socket takes no more for now. */
  isBlocked = false;
  readonly #peer: PeerSettings;
  readonly #wake: () => void;
  readonly #ready = new ReadyRing();
  readonly #buffer = new ByteBuffer(Buffer.alloc(0));
  #lastSize = 0;
  /** Of the connection. */
  #window = firstWindow;

  /** `wake`: there is something to flush. */
  constructor(peer: PeerSettings, wake: () => void) {
    this.#peer = peer;
    this.#wake = wake;
  }

  /** Bytes that wait to be written. */
  get size(): number {
    return this.#buffer.length;
  }

  /** True while DATA waits that may be sent as soon as the socket takes it. */
  get hasMore(): boolean {
    return this.#ready.first !== undefined && this.#window > 0;
  }

  /** What is to be written, whose memory is the caller's now. */
  take(): { readonly bytes: Buffer; readonly length: number } {
    const { bytes, length } = this.#buffer;
    this.#lastSize = length;
    this.#buffer.bytes = emptyBytes;
    this.#buffer.length = 0;
    return { bytes, length };
  }

  raw(bytes: Buffer): void {
    this.#room(bytes.length).copy(bytes, 0, bytes.length);
  }

  /** A frame whose payload is `words`, of 32 bits each, or `payload`. */
  control(type: number, flag: number, stream: number, words: readonly number[], payload?: Buffer): void {
    const length = words.length * 4 + (payload?.length ?? 0);
    const into = this.#head(length, type, flag, stream);
    for (const word of words) into.uint32(word);
    if (payload !== undefined) into.copy(payload, 0, payload.length);
  }

  reset(id: number, code: number): void {
    this.#head(4, types.reset, 0, id).uint32(code);
  }

  windowUpdate(id: number, bytes: number): void {
    this.#head(4, types.windowUpdate, 0, id).uint32(bytes);
  }

  headers(stream: Stream, fields: Fields, sensitive: Sensitive, end: boolean): void {
    this.section(stream.id, fields, sensitive, end);
    if (end) stream.sentEnd();
  }

  /** A field section of whatever kind. */
  section(id: number, fields: Fields, sensitive: Sensitive, end: boolean): void {
    const into = this.#head(0, types.headers, flags.endHeaders | (end ? flags.endStream : 0), id);
    const start = into.length;
    this.encoder.encode(fields, sensitive, into);
    const length = into.length - start;
    if (length <= frameBytes) setLength(into, start, length);
    else this.#split(into, start, id);
  }

  data(stream: Stream, bytes: Uint8Array, from: number, to: number, end: boolean): boolean {
    let at = from;
    if (stream.unsent === undefined && this.#ready.first === undefined) at = this.#now(stream, bytes, from, to, end);
    if (at < to) {
      (stream.unsent ??= new ByteQueue()).push(bytes, at, to);
      stream.wantsRoom = true;
      if (stream.sendWindow > 0) this.#ready.add(stream);
      if (end) stream.endsBehind = true;
      return false;
    }
    if (!end) return stream.unsent === undefined;
    if (stream.unsent !== undefined) stream.endsBehind = true;
    else {
      if (from === to) this.#head(0, types.data, flags.endStream, stream.id);
      stream.sentEnd();
    }
    return true;
  }

  /** Sends as much as may go now; returns where that ends. */
  #now(stream: Stream, bytes: Uint8Array, from: number, to: number, end: boolean): number {
    let at = from;
    while (at < to && stream.sendWindow > 0 && this.#window > 0 && this.#hasRoom) {
      const length = this.#next(to - at, stream);
      this.#frame(stream, length, end && at + length === to).copy(bytes, at, at + length);
      at += length;
    }
    return at;
  }

  trailers(stream: Stream, fields: Fields, sensitive: Sensitive): void {
    if (stream.unsent === undefined) return this.headers(stream, fields, sensitive, true);
    stream.trailersBehind = fields;
    stream.sensitiveBehind = sensitive;
  }

  /** The other side takes so much more. False where that is more than anybody may. */
  grant(bytes: number): boolean {
    this.#window += bytes;
    if (this.#window > greatestWindow) return false;
    if (this.#ready.first !== undefined) this.#wake();
    return true;
  }

  /** Of a stream; `bytes` may be negative (RFC 9113 §6.9.2). */
  grantStream(stream: Stream, bytes: number): boolean {
    stream.sendWindow += bytes;
    if (stream.sendWindow > greatestWindow) return false;
    if (stream.unsent === undefined) return true;
    if (stream.sendWindow <= 0) this.#ready.remove(stream);
    else {
      this.#ready.add(stream);
      this.#wake();
    }
    return true;
  }

  /** What it has not sent it never will. */
  forget(stream: Stream): void {
    this.#ready.remove(stream);
    stream.unsent = undefined;
  }

  /** Sends of what waits, a frame of each stream in turn, until the windows are used up or there is enough to write. */
  pump(): void {
    for (let stream = this.#ready.first; stream !== undefined && this.#window > 0 && this.#hasRoom; stream = this.#ready.first) {
      const { unsent } = stream;
      const length = this.#next(unsent?.size ?? 0, stream);
      const isLast = length === unsent?.size;
      const ends = isLast && stream.endsBehind;
      const into = this.#frame(stream, length, ends);
      unsent?.moveTo(into, length);
      if (isLast) this.#emptied(stream, ends);
      else if (stream.sendWindow <= 0) this.#ready.remove(stream);
      else this.#ready.rotate();
    }
  }

  get #hasRoom(): boolean {
    return !this.isBlocked && this.#buffer.length < enoughBytes;
  }

  #emptied(stream: Stream, ended: boolean): void {
    this.forget(stream);
    if (ended) return stream.sentEnd();
    if (stream.trailersBehind !== undefined) return this.headers(stream, stream.trailersBehind, stream.sensitiveBehind, true);
    if (!stream.wantsRoom) return;
    stream.wantsRoom = false;
    stream.listener.writable(stream);
  }

  #next(wanted: number, stream: Stream): number {
    return Math.min(wanted, frameBytes, stream.sendWindow, this.#window);
  }

  #frame(stream: Stream, length: number, end: boolean): ByteBuffer {
    stream.sendWindow -= length;
    this.#window -= length;
    return this.#head(length, types.data, end ? flags.endStream : 0, stream.id);
  }

  #room(bytes: number): ByteBuffer {
    const buffer = this.#buffer;
    if (buffer.length === 0) {
      if (buffer.bytes.length === 0) buffer.bytes = takeBlock(this.#lastSize);
      this.#wake();
    }
    buffer.reserve(bytes);
    return buffer;
  }

  #head(length: number, type: number, flag: number, stream: number): ByteBuffer {
    const into = this.#room(frameHeadBytes + length);
    into.uint32((length << 8) | type);
    into.byte(flag);
    into.uint32(stream);
    return into;
  }

  /** A section that is too long for one frame: HEADERS with the first part, CONTINUATION with the rest (RFC 9113 §6.10). */
  #split(into: ByteBuffer, start: number, id: number): void {
    const block = Buffer.from(into.bytes.subarray(start, into.length));
    setLength(into, start, frameBytes);
    into.bytes[start - 5] = (into.bytes[start - 5] ?? 0) & ~flags.endHeaders;
    into.length = start + frameBytes;
    for (let at = frameBytes; at < block.length; at += frameBytes) {
      const end = Math.min(block.length, at + frameBytes);
      this.#head(end - at, types.continuation, end === block.length ? flags.endHeaders : 0, id).copy(block, at, end);
    }
  }
}

const emptyBytes = Buffer.alloc(0);

const setLength = ({ bytes }: ByteBuffer, start: number, length: number): void => {
  bytes[start - 9] = length >> 16;
  bytes[start - 8] = length >> 8;
  bytes[start - 7] = length;
};
