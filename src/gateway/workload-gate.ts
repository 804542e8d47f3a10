import type { Clock, FirstByte, Logger, Poke, Random, WorkloadKey, WorkloadReport, WorkloadRoute } from '../core/index.ts';
import type { Call, CallProgress, Refusal, RequestHead } from './call.ts';
import { countUp, newWorkloadCounters, observeHold, type WorkloadCounters } from './counters.ts';
import type { Deadlines } from './deadlines.ts';
import { HoldQueue } from './hold-queue.ts';
import { compileIgnoreRules, type Ignores } from './ignore.ts';
import { Meter } from './meter.ts';
import { pickByClient, pickPod } from './pick.ts';
import type { Pod } from './pod.ts';
import { PodSet } from './pod-set.ts';
import { Poker } from './poker.ts';
import { abandonedStatus, cannotConnect, heldTooLong, ignoredAtZero, notRouted, queueFull, shuttingDown, wakeFailed } from './refusals.ts';

export interface GateSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly deadlines: Deadlines;
  poke(poke: Poke): void;
  firstByte(firstByte: FirstByte): void;
  podGone(pod: Pod): void;
  /** It has something to report. */
  active(gate: WorkloadGate): void;
}

/** From the first failed connection until `connect-failed`: other pods are tried, and the same ones again. */
const connectForMs = 9000;

/**
 * Everything between "this call is for that workload" and "it goes to this pod": metering, the hold queue, the choice of pod, and giving places back.
 * Knows calls and pods, no protocol. All of it happens in one turn of the event loop at a time, so nothing here is ever half done.
 */
export class WorkloadGate implements CallProgress {
  readonly key: WorkloadKey;
  readonly counters: WorkloadCounters;
  readonly #around: GateSurroundings;
  readonly #meter = new Meter();
  readonly #queue = new HoldQueue();
  readonly #pods: PodSet;
  readonly #poker: Poker;
  readonly #seated = new Set<Call>();
  #route: WorkloadRoute;
  #ignores: Ignores;
  /** When the first call had to wait for a pod while none could be used. */
  #wakeSince: number | undefined;
  #releasing = false;
  #releaseAgain = false;
  #retired = false;

  constructor(route: WorkloadRoute, around: GateSurroundings) {
    this.key = route.workload;
    this.#route = route;
    this.#around = around;
    this.counters = newWorkloadCounters(route.workload);
    this.#ignores = compileIgnoreRules(route.ignoreRequests);
    this.#poker = new Poker(around.clock, () => this.#pokeNow());
    this.#pods = new PodSet(around.clock, around.logger.child({ workload: route.workload }), {
      usable: () => this.#release(),
      gone: (pod) => around.podGone(pod),
    });
  }

  get route(): WorkloadRoute {
    return this.#route;
  }

  /** Calls that are in a pod or wait. */
  get calls(): number {
    return this.#meter.concurrency;
  }

  /** No call is in it and none waits. */
  get idle(): boolean {
    return this.#meter.concurrency === 0;
  }

  update(route: WorkloadRoute): void {
    if (route.ignoreRequests !== this.#route.ignoreRequests) this.#ignores = compileIgnoreRules(route.ignoreRequests);
    this.#route = route;
    this.#retired = false;
    this.#pods.update(route.pods);
    this.#release();
    if (route.wakeFailure !== undefined && this.#pods.usable.length === 0) this.#refuseHeld(wakeFailed(route.wakeFailure));
  }

  /** No longer routed: what is here runs to its end on the pods known last; what waits for a pod that will not come is answered. */
  retire(): void {
    this.#retired = true;
    if (this.#pods.usable.length === 0) this.#refuseHeld(notRouted);
  }

  ignores(request: RequestHead): boolean {
    return this.#ignores(request);
  }

  /** For a call that is not to be counted and wakes nobody: any usable pod, whatever its limit, or an answer at once. */
  pass(call: Call): void {
    call.progress = this;
    call.metered = false;
    this.counters.ignored += 1;
    const pod = pickPod(this.#pods.usable, call.target, undefined, this.#around.random);
    if (pod === undefined) this.#refuse(call, ignoredAtZero);
    else this.#seat(call, pod);
  }

  /** For every other call: to a pod now, or held, or refused. */
  admit(call: Call): void {
    const now = this.#around.clock.monotonic();
    call.progress = this;
    this.#meter.arrive(now);
    this.#around.active(this);
    const pod = this.#queue.size === 0 ? this.#pick(call) : undefined;
    if (pod === undefined) this.#hold(call, now);
    else this.#seat(call, pod);
  }

  unreachable(call: Call, problem: string): void {
    const { pod } = call;
    this.#leavePod(call);
    this.counters.connectFailures += 1;
    if (pod !== undefined) this.#pods.suspect(pod, pod.route.ports[call.target] ?? 0, problem);
    if (!call.metered) return this.#refuse(call, cannotConnect);
    const now = this.#around.clock.monotonic();
    call.connectDueAt ??= now + connectForMs;
    this.#wait(call, now, 'first');
  }

  answering(call: Call, status: number): void {
    this.#count(call, status);
    if (this.#wakeSince === undefined || call.pod === undefined || !call.metered) return;
    const now = this.#around.clock.monotonic();
    this.#around.firstByte({
      workload: this.key,
      podId: call.pod.route.id,
      heldAgeMs: now - this.#wakeSince,
      readyAgeMs: Math.max(0, now - call.pod.usableSince),
    });
    this.#wakeSince = undefined;
  }

  refusing(_call: Call, refusal: Refusal): void {
    countUp(this.counters.refused, refusal.code);
  }

  abandoned(call: Call): void {
    if (call.state === 'held') this.#unhold(call);
    this.ended(call, abandonedStatus);
  }

  waitedTooLong(call: Call, now: number): void {
    if (call.connectDueAt !== undefined && now >= call.connectDueAt) {
      if (this.#pods.someUnreachable) return this.#refuseOneHeld(call, cannotConnect);
      // The pods that refused are gone meanwhile: now it waits for a wake like any other.
      call.connectDueAt = undefined;
      call.dueAt = call.holdDueAt;
    }
    if (now >= call.holdDueAt) this.#refuseOneHeld(call, heldTooLong(this.#route.holdTimeoutMs));
  }

  ended(call: Call, status: number): void {
    if (call.state === 'ended') return;
    if (call.state === 'seated') this.#leavePod(call);
    call.state = 'ended';
    this.#around.deadlines.remove(call);
    this.#count(call, status);
    if (call.metered) this.#meter.leave(this.#around.clock.monotonic());
    if (this.idle) this.#wakeSince = undefined;
    this.#release();
  }

  /** The figures of the interval that began at `since`; undefined where there is nothing to say. */
  report(since: number, now: number): WorkloadReport | undefined {
    const { averageConcurrency, requestCount } = this.#meter.take(since, now);
    if (averageConcurrency === 0 && requestCount === 0 && this.idle) return undefined;
    const inFlightByPod: Record<string, number> = {};
    for (const pod of this.#pods.all) if (pod.inFlight > 0) inFlightByPod[pod.route.id] = pod.inFlight;
    return { workload: this.key, averageConcurrency, requestCount, held: this.counters.held, inFlight: this.counters.inFlight, inFlightByPod };
  }

  /** Says again that calls wait: the one who should hear it may have been away. */
  pokeAgain(): void {
    if (this.#queue.size > 0) this.#pokeNow();
  }

  /** The end of a drain: whatever still waits is answered. */
  refuseAll(): void {
    this.#refuseHeld(shuttingDown);
  }

  /** After it: cuts what still runs. */
  cutAll(): void {
    for (const call of this.#seated) call.cut();
  }

  close(): void {
    this.#pods.close();
    this.#poker.close();
  }

  #pick(call: Call): Pod | undefined {
    const { containerConcurrency, sessionAffinity } = this.#route;
    return sessionAffinity === 'client-ip'
      ? pickByClient(this.#pods.usable, call.target, containerConcurrency, call.clientAddress)
      : pickPod(this.#pods.usable, call.target, containerConcurrency, this.#around.random);
  }

  #seat(call: Call, pod: Pod): void {
    call.state = 'seated';
    call.pod = pod;
    call.dueAt = Infinity;
    if (call.metered) {
      pod.inFlight += 1;
      this.counters.inFlight += 1;
    }
    this.#seated.add(call);
    this.#around.deadlines.add(call);
    call.start(pod, pod.route.ports[call.target] ?? 0);
  }

  #leavePod(call: Call): void {
    if (call.pod !== undefined && call.metered) {
      call.pod.inFlight -= 1;
      this.counters.inFlight -= 1;
    }
    call.pod = undefined;
    this.#seated.delete(call);
  }

  #hold(call: Call, now: number): void {
    const { wakeFailure, holdQueueDepth, holdTimeoutMs, waitingPage } = this.#route;
    const nonePods = this.#pods.usable.length === 0;
    if (nonePods) this.#wakeSince ??= now;
    this.#poker.poke(this.#queue.size + 1);
    if (nonePods && this.#retired) return this.#refuse(call, notRouted);
    // The poke has gone out: the controller may try again, but this one is not left waiting for what failed a moment ago.
    if (nonePods && wakeFailure !== undefined) return this.#refuse(call, wakeFailed(wakeFailure));
    if (this.#queue.size >= holdQueueDepth || holdTimeoutMs === 0) return this.#refuse(call, queueFull);
    if (nonePods && waitingPage && call.canShowWaiting()) {
      call.showWaiting();
      return;
    }
    this.#wait(call, now, 'last');
  }

  /** Puts a call into the queue and lets whoever can go, go. */
  #wait(call: Call, now: number, place: 'first' | 'last'): void {
    if (call.heldAt === undefined) {
      call.heldAt = now;
      // Where nothing is ever held, a call that found no connection is still tried for as long as that takes.
      call.holdDueAt = this.#route.holdTimeoutMs === 0 ? Infinity : now + this.#route.holdTimeoutMs;
    }
    call.state = 'held';
    call.dueAt = Math.min(call.holdDueAt, call.connectDueAt ?? Infinity);
    if (place === 'first') this.#queue.prepend(call);
    else this.#queue.append(call);
    this.counters.held += 1;
    this.#around.deadlines.add(call);
    this.#release();
    if (place === 'first' && this.#queue.size > 0) this.#poker.poke(this.#queue.size);
  }

  #unhold(call: Call): void {
    this.#queue.remove(call);
    this.counters.held -= 1;
    // One that found no connection has been counted when it first left the queue.
    if (call.heldAt !== undefined && call.connectDueAt === undefined)
      observeHold(this.counters.holdSeconds, (this.#around.clock.monotonic() - call.heldAt) / 1000);
  }

  /** Gives held calls to pods, oldest first, until no pod has room. Starting a call may end or hold another one: then it goes over the queue once more. */
  #release(): void {
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
    for (let call = this.#queue.first; call !== undefined;) {
      const { next } = call;
      const pod = this.#pick(call);
      if (pod !== undefined) {
        this.#unhold(call);
        this.#seat(call, pod);
        if (this.#releaseAgain) return;
      } else if (!this.#anyRoom()) return;
      call = next;
    }
  }

  #anyRoom(): boolean {
    const limit = this.#route.containerConcurrency;
    return this.#pods.usable.some((pod) => limit === undefined || pod.inFlight < limit);
  }

  #refuse(call: Call, refusal: Refusal): void {
    countUp(this.counters.refused, refusal.code);
    call.refuse(refusal);
  }

  #refuseOneHeld(call: Call, refusal: Refusal): void {
    this.#unhold(call);
    call.state = 'new';
    this.#refuse(call, refusal);
  }

  #refuseHeld(refusal: Refusal): void {
    for (let call = this.#queue.first; call !== undefined; call = this.#queue.first) this.#refuseOneHeld(call, refusal);
  }

  #count(call: Call, status: number): void {
    if (call.counted || !call.metered) return;
    call.counted = true;
    countUp(this.counters.requests, status);
  }

  #pokeNow(): void {
    this.counters.pokes += 1;
    const now = this.#around.clock.monotonic();
    this.#around.poke({ workload: this.key, held: Math.max(1, this.#queue.size), oldestHeldMs: now - (this.#queue.first?.heldAt ?? now) });
  }
}
