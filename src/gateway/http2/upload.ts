import type { ServerHttp2Stream } from 'node:http2';
import { isPassableTrailer } from '../http1/fields.ts';
import type { PodConnection } from '../http1/pod-connection.ts';
import { eachField, type RawFields } from './fields.ts';
import type { Framing } from './http1-request.ts';

/** What is asked and told while a body goes to the pod. */
export interface UploadEnds {
  /** So many bytes went through. */
  readonly moved: (bytes: number) => void;
  /** At the end of what the client gave: true if that was the whole body. */
  readonly whole: () => boolean;
  /** What came behind the body. */
  readonly trailers: () => RawFields;
}

/**
 * Carries the body of a client's stream to a pod of HTTP/1.1. What the pod does not take waits in the stream's window: its client stalls. nghttp2 has seen to it that no more and no
 * less comes than was announced. Returns the way to stop, with the stream paused.
 */
export const upload = (client: ServerHttp2Stream, pod: PodConnection, framing: Framing, { moved, whole, trailers }: UploadEnds): (() => void) => {
  let left = framing === 'chunked' ? Infinity : framing;
  if (left === 0) pod.requestSent();
  const onData = (chunk: Buffer): void => {
    moved(chunk.length);
    left -= chunk.length;
    if (framing === 'chunked') pod.out.text(`${chunk.length.toString(16)}\r\n`);
    pod.out.bytes(chunk, 0, chunk.length);
    if (framing === 'chunked') pod.out.text('\r\n');
    else if (left === 0) pod.requestSent();
    if (!pod.out.flush()) client.pause();
  };
  const onEnd = (): void => {
    if (framing !== 'chunked' || !whole()) return;
    pod.out.text(`0\r\n${trailerLines(trailers())}\r\n`);
    pod.requestSent();
    pod.out.flush();
  };
  client.on('data', onData).on('end', onEnd);
  // An empty body has ended by itself while the request was held.
  if (client.readableEnded) onEnd();
  client.resume();
  return () => {
    client.off('data', onData).off('end', onEnd);
    client.pause();
  };
};

const trailerLines = (raw: RawFields): string => {
  let lines = '';
  eachField(raw, (name, value) => {
    if (isPassableTrailer(name)) lines += `${name}: ${value}\r\n`;
  });
  return lines;
};
