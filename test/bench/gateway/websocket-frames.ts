import { createHash } from 'node:crypto';

/** As much of WebSocket (RFC 6455) as small binary messages in single frames need. */

const mostPayload = 125;
const maskBytes = 4;

/** The answer to a client's key. */
export const acceptOf = (key: string): string => createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

/** A frame with the payload; from a client with a mask. */
export const frameOf = (payload: Buffer, mask?: Buffer): Buffer => {
  if (payload.length > mostPayload) throw new Error(`a payload of ${payload.length} bytes is not small`);
  const head = Buffer.from([0x82, payload.length | (mask === undefined ? 0 : 0x80)]);
  return mask === undefined ? Buffer.concat([head, payload]) : Buffer.concat([head, mask, masked(payload, mask)]);
};

/** Finds the frames in what comes in, however it was cut. */
export class FrameReader {
  readonly #onPayload: (payload: Buffer) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onPayload: (payload: Buffer) => void) {
    this.#onPayload = onPayload;
  }

  read(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const isMasked = ((bytes[1] ?? 0) & 0x80) !== 0;
      const from = isMasked ? 2 + maskBytes : 2;
      const length = (bytes[1] ?? 0) & 0x7f;
      if (length > mostPayload) throw new Error('a frame that is not small');
      const to = from + length;
      if (bytes.length < 2 || bytes.length < to) break;
      const payload = bytes.subarray(from, to);
      this.#onPayload(isMasked ? masked(payload, bytes.subarray(2, from)) : payload);
      bytes = bytes.subarray(to);
    }
    this.#rest = bytes;
  }
}

const masked = (payload: Buffer, mask: Buffer): Buffer => {
  const result = Buffer.allocUnsafe(payload.length);
  for (let index = 0; index < payload.length; index++) result[index] = (payload[index] ?? 0) ^ (mask[index % maskBytes] ?? 0);
  return result;
};
