/**
 * What the kubelet and its guard process say to each other. Down (guard's standard input): one JSON command a line. Up (standard output):
 * frames of a type byte, a process id of ours and a length (big-endian 32 bits each), then the payload. Nothing here but `node:` is imported: the guard must stay small.
 */
export type GuardCommand =
  | {
      readonly op: 'start';
      readonly id: number;
      readonly argv: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly cwd: string;
    }
  | { readonly op: 'signal'; readonly id: number; readonly signal: StopSignal };

/** `SIGTERM` asks the whole process group to end; the process then counts as ended when the group is empty. */
export type StopSignal = 'SIGTERM' | 'SIGKILL';

export const frame = { ready: 0, started: 1, failed: 2, stdout: 3, stderr: 4, exited: 5 } as const;
export type FrameType = (typeof frame)[keyof typeof frame];

export interface StartedPayload {
  readonly pid: number;
}

export interface FailedPayload {
  /** `ENOENT`, `EACCES`, …; `ENOCWD` where the working directory does not exist. */
  readonly code: string;
  readonly message: string;
}

export interface ExitedPayload {
  readonly code: number | null;
  readonly signal: string | null;
}

/** Every process carries it: `GUARD/ID`. What left its process group is found by it where /proc can be read. */
export const markerVariable = 'LOCAL_ROUSE_PROCESS';

const headerBytes = 9;

export const encodeFrame = (type: FrameType, id: number, payload: Uint8Array): Buffer => {
  const bytes = Buffer.allocUnsafe(headerBytes + payload.length);
  bytes.writeUInt8(type, 0);
  bytes.writeUInt32BE(id, 1);
  bytes.writeUInt32BE(payload.length, 5);
  bytes.set(payload, headerBytes);
  return bytes;
};

export interface Frame {
  readonly type: number;
  readonly id: number;
  readonly payload: Buffer;
}

/** Puts frames together from chunks of any size. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): readonly Frame[] {
    const frames: Frame[] = [];
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= headerBytes) {
      const end = headerBytes + bytes.readUInt32BE(5);
      if (bytes.length < end) break;
      frames.push({ type: bytes.readUInt8(0), id: bytes.readUInt32BE(1), payload: bytes.subarray(headerBytes, end) });
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
    return frames;
  }
}
