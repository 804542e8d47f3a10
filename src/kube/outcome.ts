/** Why the API server did not do as asked. All of these are normal in a running cluster and handled by the caller. */
export interface Refusal {
  readonly kind:
    | 'not-found'
    | 'already-exists'
    | 'conflict'
    | 'forbidden'
    | 'unauthorized'
    | 'invalid'
    | 'too-many-requests'
    /** Connection failed, timed out, or a 5xx: nothing is known about whether a write took place. */
    | 'unavailable'
    | 'other';
  readonly message: string;
  /** HTTP status, if there was an answer. */
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
}
