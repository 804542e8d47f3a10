import type { Clock, Poke, WorkloadRoute } from '../core/index.ts';
import type { Call, Refusal } from './call.ts';
import type { WorkloadCounters } from './counters.ts';
import type { Pod } from './pod.ts';
import type { PodSet } from './pod-set.ts';
import { Poker } from './poker.ts';
import { cannotConnect, gatewayFull, heldTooLong, notRouted, queueFull, wakeFailed } from './refusals.ts';
import type { Retries } from './retries.ts';
import type { Seats } from './seats.ts';
import { WaitingRoom, type WaitingRoomSurroundings } from './waiting-room.ts';
import type { WakeWatch } from './wake-watch.ts';

/** Whose calls wait. */
export interface Door {
  readonly route: WorkloadRoute;
  /** No longer routed: at zero no pod will come. */
  readonly retired: boolean;
  /** Gives a call that waited to a pod. It may end at once, or wait again. */
  seat(call: Call, pod: Pod, now: number): void;
  refuse(call: Call, refusal: Refusal): void;
}

export interface HeldCallsSurroundings extends WaitingRoomSurroundings {
  readonly clock: Clock;
  poke(poke: Poke): void;
}

/** What of a workload a call that waits depends upon. */
export interface HeldCallsParts {
  readonly counters: WorkloadCounters;
  readonly pods: PodSet;
  readonly seats: Seats;
  readonly retries: Retries;
  readonly wake: WakeWatch;
}

/** From "there is no pod for this call now" to "it goes to this pod" or "it is refused": who may wait and for how long, that the controller hears of it, and who is next. */
export class HeldCalls {
  readonly #door: Door;
  readonly #around: HeldCallsSurroundings;
  readonly #parts: HeldCallsParts;
  readonly #waiting: WaitingRoom;
  readonly #poker: Poker;
  #releasing = false;
  #releaseAgain = false;

  constructor(door: Door, around: HeldCallsSurroundings, parts: HeldCallsParts) {
    this.#door = door;
    this.#around = around;
    this.#parts = parts;
    this.#waiting = new WaitingRoom(around, parts.counters);
    this.#poker = new Poker(around.clock, () => this.#pokeNow());
  }

  get size(): number {
    return this.#waiting.size;
  }

  get #atZero(): boolean {
    return this.#parts.pods.usable.length === 0;
  }

  hold(call: Call, now: number): void {
    const { route, retired } = this.#door;
    const { wakeFailure, holdQueueDepth, holdTimeoutMs, waitingPage } = route;
    const atZero = this.#atZero;
    if (atZero) this.#parts.wake.began(now);
    this.#poker.poke(this.#waiting.size + 1);
    if (atZero && retired) return this.#door.refuse(call, notRouted);
    // The poke has gone out: the controller may try again, but this one is not left waiting for what failed a moment ago.
    if (atZero && wakeFailure !== undefined) return this.#door.refuse(call, wakeFailed(wakeFailure));
    if (this.#waiting.size >= holdQueueDepth || holdTimeoutMs === 0) return this.#door.refuse(call, queueFull);
    if (atZero && waitingPage && call.canShowWaiting()) return call.showWaiting();
    if (!this.#waiting.enter(call, now, holdTimeoutMs)) return this.#door.refuse(call, gatewayFull);
    call.trace?.held(atZero);
    this.release();
  }

  /** It had its turn, and waits in its old place: a little, where it may not go at once. */
  back(call: Call, now: number, mayGo: boolean): void {
    this.#parts.retries.putOff(call, now, mayGo);
    this.#waiting.reenter(call, now, this.#door.route.holdTimeoutMs);
    call.trace?.held(this.#atZero);
    this.release();
    if (this.#waiting.size > 0) this.#poker.poke(this.#waiting.size);
  }

  leave(call: Call): void {
    this.#waiting.leave(call);
  }

  /** Gives waiting calls to pods, oldest first, until no pod has room. Starting a call may end or hold another one: then it goes over the queue once more. */
  release(): void {
    this.#releaseAgain = true;
    if (this.#releasing) return;
    this.#releasing = true;
    while (this.#takeReleaseAgain()) this.#releaseOnce();
    this.#releasing = false;
  }

  #takeReleaseAgain(): boolean {
    const again = this.#releaseAgain;
    this.#releaseAgain = false;
    return again;
  }

  #releaseOnce(): void {
    const { seats, retries } = this.#parts;
    for (let call = this.#waiting.first; call !== undefined;) {
      const { next } = call;
      const { route } = this.#door;
      const pod = retries.isPutOff(call, this.#around.clock.monotonic()) ? undefined : seats.pick(call, route);
      if (pod !== undefined) {
        this.#waiting.leave(call);
        this.#door.seat(call, pod, this.#around.clock.monotonic());
        if (this.#releaseAgain) return;
      } else if (!seats.anyRoom(route)) return;
      call = next;
    }
  }

  waitedTooLong(call: Call, now: number): void {
    const { pods } = this.#parts;
    if (call.connectDueAt !== undefined && now >= call.connectDueAt) {
      if (pods.someUnreachable) return this.refuse(call, cannotConnect);
      // The pods that refused are gone meanwhile: now it waits for a wake like any other.
      this.#stopConnecting(call);
    }
    if (now < call.holdDueAt) return;
    // A pod that refuses and answers its probe by turns may just be taken for usable.
    const refused = call.connectDueAt !== undefined && (pods.someUnreachable || !this.#atZero);
    this.refuse(call, refused ? cannotConnect : heldTooLong(this.#door.route.holdTimeoutMs, this.#atZero));
  }

  stillWaits(call: Call): void {
    this.#waiting.review(call);
    const { seats, retries } = this.#parts;
    // Pods take connections again, and it waits for a place: now like any other, for as long as that may take.
    if (call.connectDueAt !== undefined && call.holdDueAt !== Infinity && !this.#atZero && !seats.anyRoom(this.#door.route)) this.#stopConnecting(call);
    if (retries.someDue(this.#around.clock.monotonic())) this.release();
  }

  refuse(call: Call, refusal: Refusal): void {
    this.#waiting.leave(call);
    this.#door.refuse(call, refusal);
  }

  refuseAll(refusal: Refusal): void {
    for (let call = this.#waiting.first; call !== undefined; call = this.#waiting.first) this.refuse(call, refusal);
  }

  /** Says again that calls wait: the one who should hear it may have been away. */
  pokeAgain(): void {
    if (this.#waiting.size > 0) this.#pokeNow();
  }

  close(): void {
    this.#poker.close();
  }

  #stopConnecting(call: Call): void {
    call.connectDueAt = undefined;
    call.dueAt = call.holdDueAt;
  }

  #pokeNow(): void {
    this.#parts.counters.pokes += 1;
    const { size } = this.#waiting;
    this.#around.poke({ workload: this.#door.route.workload, held: Math.max(1, size), oldestHeldMs: this.#waiting.oldestAge(this.#around.clock.monotonic()) });
  }
}
