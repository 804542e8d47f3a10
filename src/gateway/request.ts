/** What identification and ignore rules look at. */
export interface RequestHead {
  /** With query. */
  readonly path: string;
  /** Without port, in lower case; empty where the request names none. */
  readonly host: string;
  readonly userAgent: string;
  /** `name` in lower case. */
  hasHeader(name: string): boolean;
}

/** What a line of the access log, or a span, tells of a request. */
export interface LoggedRequest extends RequestHead {
  readonly method: string;
  /** `HTTP/1.1` and the like. */
  readonly protocol: string;
  /** The first value; `name` in lower case. */
  header(name: string): string | undefined;
  /** All values, in order. */
  headers(name: string): readonly string[];
}
