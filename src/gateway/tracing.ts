import type { GatewayCode, PodRoute, WorkloadKey } from '../core/index.ts';
import type { LoggedRequest, Scheme } from './request.ts';
import type { BrokenOffBy } from './counters.ts';

/** Opt-in: follows HTTP requests through the gateway. Who implements it says what a trace is made of; requests that are to be ignored are in none. */
export interface Tracer {
  begin(request: LoggedRequest, client: RequestClient, workload: TracedWorkload): RequestTrace;
}

export interface TracedWorkload {
  readonly key: WorkloadKey;
  /** Of the wake that is under way, or has just ended (`WorkloadRoute`); undefined: of none that is traced. */
  readonly wakeContext: string | undefined;
}

/** Who has sent it, and how. */
export interface RequestClient {
  readonly clientAddress: string;
  readonly scheme: Scheme;
  /** When the first of the head was read, where that is known (monotonic). */
  readonly headAt: number | undefined;
}

/** What a pod gets in the place of the client's fields of these names, in lower case; undefined: nothing. */
export type PodFields = ReadonlyMap<string, string | undefined>;

/** One request on its way, told as it happens. */
export interface RequestTrace {
  /** For the pod that it was given to last. */
  readonly fields: PodFields;
  /** It waits from now on; `atZero`: for a pod to start. */
  held(atZero: boolean): void;
  /** A pod is looked for, in vain or not. */
  picking(): void;
  given(pod: PodRoute, port: number, choice: PodChoice): void;
  /** There was no connection to that pod. */
  unreachable(problem: string): void;
  /** That pod broke off, and it may be sent once more. */
  again(problem: string): void;
  ended(status: number, call: TracedCall): void;
}

/** How many pods could be used, and how many requests the chosen one has now. */
export interface PodChoice {
  readonly usable: number;
  readonly inFlight: number;
}

/** What of a call is told at its end. */
export interface TracedCall {
  /** Why the gateway answered by itself. */
  readonly refusedWith: GatewayCode | undefined;
  readonly brokenOffBy: BrokenOffBy | undefined;
  readonly requestBytes: number;
  readonly responseBytes: number;
}
