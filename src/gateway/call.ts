import type { GatewayCode } from '../core/index.ts';
import type { BrokenOffBy, ConnectFailure } from './counters.ts';
import type { Pod } from './pod.ts';
import type { Carried } from './revision-figures.ts';
import type { LoggedRequest, Scheme } from './request.ts';
import type { Member } from './roster.ts';
import type { RequestTrace } from './tracing.ts';

/** An answer of the gateway's own. */
export interface Refusal {
  readonly code: GatewayCode;
  readonly detail: string;
  /** One of core's `wakeFailures`, where the code is `wake-failed`. */
  readonly reason?: string;
  readonly retryAfterSeconds?: number;
}

/** What a call tells whoever admitted it. After `ended` it says nothing more. */
export interface CallProgress {
  /** No connection that could be used, so nothing was written: the call may go to another pod. */
  unreachable(call: Call, problem: string, failure?: ConnectFailure): void;
  /** The pod broke its answer off, before or after its beginning, by no wish of the client or ours. */
  brokeOff(call: Call): void;
  /** Its connection was dead, or the pod did not take it on: it may be sent once more, to whichever pod. */
  again(call: Call, problem: string): void;
  /** The answer began, with this status; interim answers do not count. */
  answering(call: Call, status: number): void;
  /** It will answer by itself, with this. */
  refusing(call: Call, refusal: Refusal): void;
  /** The client went away before its call was given to a pod. */
  abandoned(call: Call): void;
  /** Its time in the queue is over. */
  waitedTooLong(call: Call, now: number): void;
  /** It waits on, as is seen every 50 ms; `heldBytes` may have changed. */
  stillWaits(call: Call): void;
  /** It is out of the queue, for others that have more right to the place. */
  pushedOut(call: Call): void;
  ended(call: Call, status: number): void;
}

/**
 * One unit of work that takes one place in a pod: an HTTP request, an upgraded connection, a TCP connection. Its own class knows the protocol;
 * the queue, the choice of pod and the meter know only this. Fields are written by the workload's gate and its parts alone.
 */
export abstract class Call implements Carried, Member {
  /** Among the deadlines. */
  place = -1;
  progress: CallProgress | undefined;
  state: 'new' | 'held' | 'seated' | 'ended' = 'new';
  pod: Pod | undefined;
  /** False for ignored requests. */
  metered = true;
  counted = false;
  /** Its answer broke off. */
  broken = false;
  /** Undefined while nothing is traced. */
  trace: RequestTrace | undefined;
  /** The code of the gateway's own answer. */
  refusedWith: GatewayCode | undefined;
  /** Who broke it off, where somebody did. */
  brokenOffBy: BrokenOffBy | undefined;
  next: Call | undefined;
  previous: Call | undefined;
  /** Monotonic times. `heldAt`: when it first had to wait; `givenAt`: when it was last given to a pod. */
  arrivedAt = 0;
  givenAt = 0;
  heldAt: number | undefined;
  holdDueAt = Infinity;
  /** Of the gateway's budget, taken while it is held. */
  heldSlots = 0;
  /** After a first failed connection: when trying ends. */
  connectDueAt: number | undefined;
  /** Pods that it was given to, and that did not speak HTTP/2. */
  misunderstood = 0;
  /** No kept connection is to be tried for it. */
  fresh = false;
  /** While it is held: not given to a pod before. */
  notBefore = 0;
  /** When `expire` is to be called; `Infinity` for never. */
  dueAt = Infinity;

  /** Of the deadlines since it was last given to a connection of a pod: time that this process has run in. */
  sweeps = 0;

  /** What the figures have of `requestBytes` and `responseBytes`. */
  countedRequestBytes = 0;
  countedResponseBytes = 0;

  /** Of HTTP. */
  abstract readonly request: LoggedRequest | undefined;
  get scheme(): Scheme {
    return 'http';
  }

  /** When the first of its head was read, where that is known (monotonic). */
  get headAt(): number | undefined {
    return undefined;
  }

  /** For `sessionAffinity: ClientIP`. */
  abstract readonly clientAddress: string;
  /** Key into `PodRoute.ports`. */
  abstract readonly target: string;

  /** Memory that it costs while it waits: what was read and not passed on, and the objects behind it. */
  abstract readonly heldBytes: number;

  /** Content of the body that has come from the client so far, and of the pod's answer; of an upgraded or TCP connection, what came over it. */
  abstract readonly requestBytes: number;
  abstract readonly responseBytes: number;

  /** Goes to `address:port` of `pod` now. */
  abstract start(pod: Pod, port: number): void;
  /** The gateway answers by itself. Ends the call. */
  abstract refuse(refusal: Refusal): void;
  /** A time limit while in a pod may be over. */
  abstract timedOut(now: number): void;
  /** Cut off at the end of a drain. */
  abstract cut(): void;

  /** True for a browser that can be shown the waiting page instead of being held. */
  canShowWaiting(): boolean {
    return false;
  }

  showWaiting(): void {
    throw new Error('only a page request can be shown the waiting page');
  }

  /** Every 50 ms: tells what is over, and that the rest waits on. */
  sweep(now: number): void {
    this.sweeps += 1;
    if (this.dueAt <= now) {
      if (this.state === 'held') this.progress?.waitedTooLong(this, now);
      else this.timedOut(now);
    } else if (this.state === 'held') this.progress?.stillWaits(this);
  }
}
