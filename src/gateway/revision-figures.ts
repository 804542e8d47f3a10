import { latencyBucketOf, latencyBucketUpTo, LatencySketch, type RevisionReport } from '../core/index.ts';
import { Meter } from './meter.ts';

/** Upper bounds of `rouse_gateway_request_duration_seconds`: 2^0 to 2^16 ms. Bounds of the sketch's buckets, so that one look at a duration places it in both. */
const mostExponent = 16;
const exponents = Array.from({ length: mostExponent + 1 }, (_, exponent) => exponent);
export const durationSecondsBounds: readonly number[] = exponents.map((exponent) => 2 ** exponent / 1000);
/** From a bucket of the sketch to the bucket of the histogram. */
const slotOf = Uint8Array.from({ length: latencyBucketUpTo(mostExponent) + 1 }, (_, bucket) =>
  exponents.findIndex((exponent) => bucket <= latencyBucketUpTo(exponent)),
);

/** Durations in seconds as plain numbers: `counts[i]` is what fell at or below `bounds[i]` and above the bound before, the last one what lay above all. */
export interface DurationSeconds {
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum: number;
  count: number;
}

/** What has gone through a call, and what of that the figures have. */
export interface Carried {
  readonly requestBytes: number;
  readonly responseBytes: number;
  countedRequestBytes: number;
  countedResponseBytes: number;
}

/**
 * What the pods of one revision did since the gateway first saw one of them: preallocated numbers that each of its pods points to, so that a request costs no look-up.
 * The one without a name is for requests that were never given to a pod.
 */
export class RevisionFigures {
  readonly revision: string;
  /** Each request once, by the status that the client got: 499 where it went away before an answer, 0 for a TCP connection. */
  readonly requests = new Map<number, number>();
  /** From arrival to the end of the answer, time in the queue included. */
  readonly durationSeconds: DurationSeconds = { bounds: durationSecondsBounds, counts: durationSecondsBounds.map(() => 0).concat(0), sum: 0, count: 0 };
  requestBytes = 0;
  responseBytes = 0;
  /** Monotonic time at which its last pod had gone while another revision had some; undefined while it is the one in use. */
  goneAt: number | undefined;
  readonly #meter = new Meter();
  /** Of the interval: how long requests were in a pod. */
  readonly #latency = new LatencySketch();
  #reportedRequestBytes = 0;
  #reportedResponseBytes = 0;

  constructor(revision: string) {
    this.revision = revision;
  }

  /** Calls that are in its pods. */
  get concurrency(): number {
    return this.#meter.concurrency;
  }

  given(now: number): void {
    this.#meter.arrive(now);
  }

  left(now: number): void {
    this.#meter.leave(now);
  }

  /** A request has ended that took `totalMs`, of which `inPodMs` in a pod; undefined for one that was in none. */
  took(totalMs: number, inPodMs: number | undefined): void {
    const histogram = this.durationSeconds;
    const slot = slotOf[latencyBucketOf(totalMs)] ?? mostExponent + 1;
    histogram.counts[slot] = (histogram.counts[slot] ?? 0) + 1;
    histogram.sum += totalMs / 1000;
    histogram.count += 1;
    if (inPodMs !== undefined) this.#latency.add(latencyBucketOf(inPodMs));
  }

  /** Takes over what has gone through `call` since it was last asked. */
  countBytes(call: Carried): void {
    const { requestBytes, responseBytes } = call;
    this.requestBytes += requestBytes - call.countedRequestBytes;
    this.responseBytes += responseBytes - call.countedResponseBytes;
    call.countedRequestBytes = requestBytes;
    call.countedResponseBytes = responseBytes;
  }

  /** The figures of the interval that began at `since`; undefined where there is nothing to say. */
  report(since: number, now: number): RevisionReport | undefined {
    const { averageConcurrency, requestCount } = this.#meter.take(since, now);
    const requestBytes = this.requestBytes - this.#reportedRequestBytes;
    const responseBytes = this.responseBytes - this.#reportedResponseBytes;
    if (averageConcurrency === 0 && requestCount === 0 && this.#latency.count === 0 && requestBytes === 0 && responseBytes === 0) return undefined;
    this.#reportedRequestBytes = this.requestBytes;
    this.#reportedResponseBytes = this.responseBytes;
    const latency = this.#latency.counts();
    this.#latency.clear();
    return { revision: this.revision, averageConcurrency, requestCount, latency, requestBytes, responseBytes };
  }
}
