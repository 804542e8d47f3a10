import { millis, type Clock, type Instant, type Logger, type Millis, type Random } from '../core/index.ts';
import type { Selection } from './client.ts';
import type { KubeConnection } from './connection.ts';
import type { Resource } from './resource.ts';
import type { Snapshot } from './snapshot.ts';

/** How a watched resource is doing. Told on every change. */
export interface ReflectorState {
  /** `pods`, `deployments.apps`, … */
  readonly resource: string;
  readonly namespace: string | undefined;
  /** `watching`: up to date. `listing`: fetching everything. `waiting`: out of touch, between attempts; the snapshot stays as it was at `lastHeard`. */
  readonly phase: 'listing' | 'watching' | 'waiting';
  /** Failed attempts in a row. */
  readonly failures: number;
  readonly problem: string | undefined;
  /** HTTP status of the refusal, if that was the problem of a list. */
  readonly status: number | undefined;
}

/** Totals since the start. */
export interface ReflectorCounts {
  readonly lists: number;
  readonly watches: number;
  /** Times that an event came that could not be read. Each led to a new list. */
  readonly unreadable: number;
  /** Times that the server had forgotten our place (410). */
  readonly expired: number;
}

export interface WatchOptions<V> {
  readonly connection: KubeConnection;
  readonly resource: Resource;
  readonly selection?: Selection;
  /** The trimmed copy to keep; undefined: not of interest. */
  readonly view: (raw: unknown) => V | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly onState?: (state: ReflectorState) => void;
  readonly timing?: Partial<WatchTiming>;
}

export interface WatchTiming {
  /** Longest silence of a watch that is believed; default 75 s, as bookmarks come about once a minute. */
  readonly silence: Millis;
  /** The server is asked to end a watch after one to two times this; default 5 min, as client-go does. */
  readonly serverTimeout: Millis;
  /** Wait after a failure: default 100 ms, doubling to 10 s, jittered. */
  readonly firstBackoff: Millis;
  readonly longestBackoff: Millis;
  /** A watch that lived this long ends a row of failures; default 2 s. */
  readonly healthyAfter: Millis;
  /** An event that is not delivered this long after its bytes is lost; default 1 s. */
  readonly lossCheck: Millis;
  /** Wait after the answer that our resourceVersion is of the future; default 1 s, as the API server asks for. */
  readonly aheadRetry: Millis;
  /** For one page of a list; default 30 s. */
  readonly listTimeout: Millis;
}

export const defaultTiming: WatchTiming = {
  silence: millis(75_000),
  serverTimeout: millis(300_000),
  firstBackoff: millis(100),
  longestBackoff: millis(10_000),
  healthyAfter: millis(2000),
  lossCheck: millis(1000),
  aheadRetry: millis(1000),
  listTimeout: millis(30_000),
};

export interface ResourceWatch<V> {
  readonly snapshot: Snapshot<V>;
  /** Keeps the snapshot up to date until `signal` aborts; then resolves. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
  /** When the server last said anything; undefined before the first list. */
  lastHeard(): Instant | undefined;
  counts(): ReflectorCounts;
}
