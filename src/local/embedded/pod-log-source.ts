/** What `pods/log` asks for, as parsed from the query: see PodLogOptions of core/v1. */
export interface PodLogRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  readonly container: string;
  /** The terminated instance before the present one. */
  readonly previous: boolean;
  /** Stay until this instance of the container ends or `signal` aborts. */
  readonly follow: boolean;
  /** Put the RFC 3339 time (nanosecond digits) and a space before each line. */
  readonly timestamps: boolean;
  readonly tailLines: number | undefined;
  /** Only what was written at or after this moment, ms since the epoch. */
  readonly sinceMs: number | undefined;
  readonly limitBytes: number | undefined;
  readonly signal: AbortSignal;
}

/** `missing`: answer 400 BadRequest with `message`, as a real API server passes on what the kubelet says. */
export type PodLog = { readonly kind: 'stream'; readonly chunks: AsyncIterable<Uint8Array> } | { readonly kind: 'missing'; readonly message: string };

/** Where the text of a container's log comes from (the kubelet); the API serves it as `pods/NAME/log`. */
export interface PodLogSource {
  open(request: PodLogRequest): PodLog;
}
