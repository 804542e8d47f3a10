/** What every coded error of the project carries; each folder has its own closed list of codes in its `errors.ts`. */
export interface ErrorTraits {
  /** HTTP status to answer with where the error reaches a client. */
  readonly httpStatus?: number;
  /** True if trying again later, unchanged, may succeed. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** An unexpected failure (a bug, or I/O) with a stable `code`. Expected outcomes are `Result` values instead. */
export class RouseError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly httpStatus: number;
  readonly retryable: boolean;

  constructor(code: Code, message: string, traits: ErrorTraits = {}) {
    super(message, traits.cause === undefined ? undefined : { cause: traits.cause });
    this.name = 'RouseError';
    this.code = code;
    this.httpStatus = traits.httpStatus ?? 500;
    this.retryable = traits.retryable ?? false;
  }
}

/** The message of anything that was thrown. */
export const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

/** True for the error that an aborted `AbortSignal` raises. */
export const isAbort = (thrown: unknown): boolean => thrown instanceof Error && (thrown.name === 'AbortError' || thrown.name === 'TimeoutError');
