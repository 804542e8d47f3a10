/** Bytes that grow at their end, in one piece. */
export class ByteBuffer {
  bytes: Buffer;
  length = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Makes room for so many more. */
  reserve(more: number): void {
    const wanted = this.length + more;
    if (wanted <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(wanted, 2 * this.bytes.length));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }

  /** The rest is written to places that `reserve` has made. */
  byte(value: number): void {
    this.bytes[this.length++] = value;
  }

  uint32(value: number): void {
    const { bytes, length } = this;
    bytes[length] = value >>> 24;
    bytes[length + 1] = value >>> 16;
    bytes[length + 2] = value >>> 8;
    bytes[length + 3] = value;
    this.length = length + 4;
  }

  /** `chunk[from, to)`; makes its own room. */
  copy(chunk: Uint8Array, from: number, to: number): void {
    const size = to - from;
    this.reserve(size);
    const { bytes, length } = this;
    // A call into native code costs more than a few bytes by hand.
    if (size > 64) bytes.set(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to), length);
    else for (let at = 0; at < size; at += 1) bytes[length + at] = chunk[from + at] ?? 0;
    this.length = length + size;
  }
}
