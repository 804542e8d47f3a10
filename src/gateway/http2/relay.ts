import type { Http2Stream, OutgoingHttpHeaders } from 'node:http2';

/** What is asked and told while a body goes from one stream to another. */
export interface RelayEnds {
  /** So many bytes went through; or none, but there is room for more of them. */
  readonly moved: (bytes: number) => void;
  /** At the end of what `from` gave: true if that was the whole body. False where it was cut off, which looks the same: the other side must not take it for whole. */
  readonly whole: () => boolean;
  /** What goes behind the body; asked for when all of that is gone. */
  readonly trailers: () => OutgoingHttpHeaders;
  /** The trailers have been handed over: nothing more goes into `to`. */
  readonly sent: () => void;
}

/**
 * Carries a body from one stream to the other. What `to` does not take waits in the window of `from`: its sender stalls, and no more than one window and one buffer are in memory.
 * `to` must have been opened with `waitForTrailers`: without it Node ends a stream well (END_STREAM) that is told to close with an error code. Returns the way to stop, with `from` paused.
 */
export const relay = (from: Http2Stream, to: Http2Stream, { moved, whole, trailers, sent }: RelayEnds): (() => void) => {
  const onData = (chunk: Buffer | string): void => {
    moved(chunk.length);
    if (to.writable && !to.write(chunk)) from.pause();
  };
  const onDrain = (): void => {
    moved(0);
    from.resume();
  };
  const onEnd = (): void => {
    if (whole() && to.writable) to.end();
  };
  const onWantTrailers = (): void => {
    to.sendTrailers(trailers());
    sent();
  };
  from.on('data', onData).on('end', onEnd);
  to.on('drain', onDrain).on('wantTrailers', onWantTrailers);
  // An empty body has ended by itself while the request was held.
  if (from.readableEnded) onEnd();
  from.resume();
  return () => {
    from.off('data', onData).off('end', onEnd);
    to.off('drain', onDrain);
    from.pause();
  };
};
