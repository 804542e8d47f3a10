/** The error codes of RFC 9113 §7 that are said here. Written out, so that nobody loads node:http2 for their sake. */
export const h2 = { noError: 0, protocolError: 1, internalError: 2, refusedStream: 7, cancel: 8 } as const;

/** In the flags of a HEADERS frame: nothing follows it. */
const endStream = 1;

export const endsStream = (flags: number): boolean => (flags & endStream) !== 0;

/** For a stream or session whose end says it all: Node would throw an `error` that nobody listens to. */
export const ignoreError = (): void => undefined;
