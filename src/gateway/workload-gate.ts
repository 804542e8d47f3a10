import {
  permitsInUse,
  type Clock,
  type FirstByte,
  type Logger,
  type Poke,
  type Random,
  type WorkloadKey,
  type WorkloadReport,
  type WorkloadRoute,
} from '../core/index.ts';
import type { AccessLog } from './access-log/access-log.ts';
import type { Call, CallProgress, Refusal } from './call.ts';
import type { RequestHead } from './request.ts';
import { countUp, newWorkloadCounters, type ConnectFailure, type WorkloadCounters } from './counters.ts';
import type { Deadlines } from './deadlines.ts';
import type { HoldBudget } from './hold-budget.ts';
import { compileIgnoreRules, type Ignores } from './ignore.ts';
import { Meter } from './meter.ts';
import { pickPod } from './pick.ts';
import type { Pod } from './pod.ts';
import { PodSet, type GatewaySelf, type PodSetEvents } from './pod-set.ts';
import { Poker } from './poker.ts';
import type { PushOut } from './push-out.ts';
import {
  abandonedStatus,
  cannotConnect,
  gatewayFull,
  heldTooLong,
  ignoredAtZero,
  notHttp2,
  notRouted,
  queueFull,
  shuttingDown,
  wakeFailed,
} from './refusals.ts';
import { Retries } from './retries.ts';
import { Seats } from './seats.ts';
import { Tally } from './tally.ts';
import type { Tracer } from './tracing.ts';
import { WaitingRoom } from './waiting-room.ts';
import { WakeWatch } from './wake-watch.ts';

export interface GateSurroundings {
  readonly gateway: GatewaySelf;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly deadlines: Deadlines;
  readonly holdBudget: HoldBudget;
  readonly pushOut: PushOut;
  /** Undefined where none is kept. */
  readonly accessLog: AccessLog | undefined;
  readonly tracer: Tracer | undefined;
  poke(poke: Poke): void;
  firstByte(firstByte: FirstByte): void;
  podLeaves(pod: Pod): void;
  podGone(pod: Pod): void;
  /** A pod has one call less of those beyond our share of it. */
  readonly permitFreed: () => void;
  /** It has something to report. */
  active(gate: WorkloadGate): void;
}

/** From the first failed connection until `connect-failed`: other pods are tried, and the same ones again. */
const connectForMs = 9000;
/** A call is given to so many pods that do not speak HTTP/2: where one was set up wrong the next will be, too. */
const mostMisunderstood = 3;
/** For a call that takes no place. */
const anyPod = { containerConcurrency: undefined, sessionAffinity: 'none' } as const;

/**
 * Everything between "this call is for that workload" and "it goes to this pod": metering, waiting, the choice of pod, and giving places back.
 * Knows calls and pods, no protocol. All of it happens in one turn of the event loop at a time, so nothing here is ever half done.
 */
export class WorkloadGate implements CallProgress {
  readonly key: WorkloadKey;
  readonly counters: WorkloadCounters;
  readonly #around: GateSurroundings;
  readonly #meter = new Meter();
  readonly #tally: Tally;
  readonly #waiting: WaitingRoom;
  readonly #pods: PodSet;
  readonly #seats: Seats;
  readonly #poker: Poker;
  readonly #wake: WakeWatch;
  readonly #retries: Retries;
  #route: WorkloadRoute;
  #ignores: Ignores;
  #releasing = false;
  #releaseAgain = false;
  #retired = false;

  constructor(route: WorkloadRoute, around: GateSurroundings) {
    const { clock, random, logger } = around;
    this.key = route.workload;
    this.#route = route;
    this.#around = around;
    this.counters = newWorkloadCounters(route.workload, clock);
    this.#ignores = compileIgnoreRules(route.ignoreRequests);
    this.#retries = new Retries(this.counters);
    this.#tally = new Tally(this.key, this.counters, around.accessLog);
    this.#waiting = new WaitingRoom(around, this.counters);
    const events: PodSetEvents = {
      usable: () => this.#release(),
      leaves: (pod) => around.podLeaves(pod),
      gone: (pod) => around.podGone(pod),
      ejected: (reason) => countUp(this.counters.ejections, reason),
      out: (count) => (this.counters.ejectedPods = count),
    };
    this.#pods = new PodSet(clock, logger.child({ workload: route.workload }), around.gateway, this.counters, events);
    this.#seats = new Seats(this.#pods, random, this.counters, around.permitFreed);
    this.#poker = new Poker(clock, () => this.#pokeNow());
    this.#wake = new WakeWatch(route.workload);
  }

  get route(): WorkloadRoute {
    return this.#route;
  }

  get wakeContext(): string | undefined {
    return this.#route.wakeContext;
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
    this.#pods.update(route.pods);
    this.#release();
    if (route.wakeFailure !== undefined && this.#atZero) this.#refuseWaiting(wakeFailed(route.wakeFailure));
  }

  /** No longer routed: what is here runs to its end on the pods known last; what waits for a pod that will not come is answered. */
  retire(): void {
    this.#retired = true;
    if (this.#atZero) this.#refuseWaiting(notRouted);
  }

  ignores(request: RequestHead): boolean {
    return this.#ignores(request);
  }

  // The way in.

  /** For a call that is not to be counted and wakes nobody: any usable pod, whatever its limit, or an answer at once. */
  pass(call: Call): void {
    const now = this.#around.clock.monotonic();
    call.progress = this;
    call.arrivedAt = now;
    call.metered = false;
    this.counters.ignored += 1;
    const pod = pickPod(this.#pods.usable, call.target, undefined, this.#around.random);
    if (pod === undefined) this.#refuse(call, ignoredAtZero);
    else this.#seat(call, pod, now);
  }

  /** For every other call: to a pod now, or held, or refused. */
  admit(call: Call): void {
    const now = this.#around.clock.monotonic();
    call.progress = this;
    call.arrivedAt = now;
    if (this.#around.tracer !== undefined && call.request !== undefined) call.trace = this.#around.tracer.begin(call.request, call, this);
    this.#meter.arrive(now);
    this.#retries.request(now);
    this.#around.active(this);
    const pod = this.#waiting.size === 0 ? this.#pick(call) : undefined;
    if (pod === undefined) this.#hold(call, now);
    else this.#seat(call, pod, now);
  }

  #hold(call: Call, now: number): void {
    const { wakeFailure, holdQueueDepth, holdTimeoutMs, waitingPage } = this.#route;
    const atZero = this.#atZero;
    if (atZero) this.#wake.began(now);
    this.#poker.poke(this.#waiting.size + 1);
    if (atZero && this.#retired) return this.#refuse(call, notRouted);
    // The poke has gone out: the controller may try again, but this one is not left waiting for what failed a moment ago.
    if (atZero && wakeFailure !== undefined) return this.#refuse(call, wakeFailed(wakeFailure));
    if (this.#waiting.size >= holdQueueDepth || holdTimeoutMs === 0) return this.#refuse(call, queueFull);
    if (atZero && waitingPage && call.canShowWaiting()) return call.showWaiting();
    if (!this.#waiting.enter(call, now, holdTimeoutMs)) return this.#refuse(call, gatewayFull);
    call.trace?.held(atZero);
    this.#release();
  }

  #pick(call: Call): Pod | undefined {
    call.trace?.picking();
    return this.#seats.pick(call, this.#route);
  }

  #seat(call: Call, pod: Pod, now: number): void {
    this.#seats.take(call, pod, now);
    call.dueAt = Infinity;
    call.fresh = this.#retries.isSpent;
    this.#around.deadlines.add(call);
    const port = pod.portOf(call.target) ?? 0;
    call.trace?.given(pod.route, port, { usable: this.#pods.usable.length, inFlight: pod.inFlight });
    call.start(pod, port);
  }

  /** Gives waiting calls to pods, oldest first, until no pod has room. Starting a call may end or hold another one: then it goes over the queue once more. */
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
    for (let call = this.#waiting.first; call !== undefined;) {
      const { next } = call;
      const pod = this.#retries.isPutOff(call, this.#around.clock.monotonic()) ? undefined : this.#pick(call);
      if (pod !== undefined) {
        this.#waiting.leave(call);
        this.#seat(call, pod, this.#around.clock.monotonic());
        if (this.#releaseAgain) return;
      } else if (!this.#seats.anyRoom(this.#route)) return;
      call = next;
    }
  }

  /** It had its turn, and waits in its old place: a little, where it may not go at once. */
  #back(call: Call, now: number, mayGo: boolean): void {
    this.#retries.putOff(call, now, mayGo);
    this.#waiting.reenter(call, now, this.#route.holdTimeoutMs);
    call.trace?.held(this.#atZero);
    this.#release();
    if (this.#waiting.size > 0) this.#poker.poke(this.#waiting.size);
  }

  // What calls tell.

  unreachable(call: Call, problem: string, failure: ConnectFailure = 'connect'): void {
    const { pod } = call;
    const now = this.#around.clock.monotonic();
    this.#seats.leave(call, now);
    this.counters.connectFailures += 1;
    if (pod !== undefined) this.#pods.suspect(pod, pod.portOf(call.target) ?? 0, problem, failure);
    call.trace?.unreachable(problem);
    if (failure === 'protocol') call.misunderstood += 1;
    if (call.misunderstood === mostMisunderstood) return this.#refuse(call, notHttp2);
    if (!call.metered) return this.#refuse(call, failure === 'protocol' ? notHttp2 : cannotConnect);
    call.connectDueAt ??= now + connectForMs;
    // Nor is one to be overrun that takes connections, and so comes through its probe, but does nothing with them.
    this.#back(call, now, this.#retries.mayGo(now) && (failure === 'connect' || !this.#atZero));
  }

  brokeOff(call: Call): void {
    // Nor would its answers end the row.
    if (!call.metered) return;
    call.broken = true;
    if (call.pod !== undefined) this.#pods.brokeOff(call.pod, call.pod.portOf(call.target) ?? 0);
  }

  again(call: Call, problem: string): void {
    const { pod } = call;
    const now = this.#around.clock.monotonic();
    this.#seats.leave(call, now);
    call.trace?.again(problem);
    const may = this.#retries.mayGo(now);
    // Those that are to be ignored never wait.
    const other = may || !call.metered ? this.#seats.pickOther(call, pod, call.metered ? this.#route : anyPod) : undefined;
    if (other === undefined && !call.metered) return this.#refuse(call, ignoredAtZero);
    if (other === undefined) return this.#back(call, now, may);
    this.#seat(call, other, now);
    this.#release();
  }

  answering(call: Call, status: number): void {
    this.#tally.answered(call, status);
    if (!this.#wake.isUnderWay || call.pod === undefined || !call.metered) return;
    const firstByte = this.#wake.answered(call.pod, this.#around.clock.monotonic());
    if (firstByte !== undefined) this.#around.firstByte(firstByte);
  }

  refusing(call: Call, refusal: Refusal): void {
    this.#tally.refused(call, refusal);
  }

  abandoned(call: Call): void {
    if (call.state === 'held') this.#waiting.leave(call);
    call.brokenOffBy = 'client';
    this.ended(call, abandonedStatus);
  }

  waitedTooLong(call: Call, now: number): void {
    if (call.connectDueAt !== undefined && now >= call.connectDueAt) {
      if (this.#pods.someUnreachable) return this.#refuseWaitingOne(call, cannotConnect);
      // The pods that refused are gone meanwhile: now it waits for a wake like any other.
      this.#stopConnecting(call);
    }
    if (now < call.holdDueAt) return;
    // A pod that refuses and answers its probe by turns may just be taken for usable.
    const refused = call.connectDueAt !== undefined && (this.#pods.someUnreachable || !this.#atZero);
    this.#refuseWaitingOne(call, refused ? cannotConnect : heldTooLong(this.#route.holdTimeoutMs, this.#atZero));
  }

  stillWaits(call: Call): void {
    this.#waiting.review(call);
    // Pods take connections again, and it waits for a place: now like any other, for as long as that may take.
    if (call.connectDueAt !== undefined && call.holdDueAt !== Infinity && !this.#atZero && !this.#seats.anyRoom(this.#route)) this.#stopConnecting(call);
    if (this.#retries.someDue(this.#around.clock.monotonic())) this.#release();
  }

  pushedOut(call: Call): void {
    if (call.state === 'held') this.#refuseWaitingOne(call, gatewayFull);
  }

  ended(call: Call, status: number): void {
    if (call.state === 'ended') return;
    const now = this.#around.clock.monotonic();
    // What a pod has answered ends its row of failures.
    if (call.counted && !call.broken && call.pod !== undefined) call.pod.failures = 0;
    this.#tally.ended(call, status, now);
    this.#seats.leave(call, now);
    call.state = 'ended';
    this.#around.deadlines.remove(call);
    if (call.metered) this.#meter.leave(now);
    if (this.idle) this.#wake.givenUp();
    this.#release();
  }

  // What the gateway asks of it.

  /** The figures of the interval that began at `since`; undefined where there is nothing to say. */
  report(since: number, now: number): WorkloadReport | undefined {
    const { averageConcurrency, requestCount } = this.#meter.take(since, now);
    const revisions = this.counters.revisions.report(since, now);
    if (averageConcurrency === 0 && requestCount === 0 && this.idle) return undefined;
    const { held, inFlight } = this.counters;
    return { workload: this.key, averageConcurrency, requestCount, held, inFlight, inFlightByPod: this.#seats.inFlightByPod(), revisions };
  }

  /** Enters what it has in pods beyond its share of their places into `uses`, by pod id. */
  permitsInUse(uses: Record<string, number>): void {
    if (this.#route.containerConcurrency === undefined) return;
    for (const pod of this.#pods.all) {
      const count = permitsInUse(pod.route, this.#around.gateway.id, pod.share, pod.inFlight);
      if (count > 0) uses[pod.route.id] = count;
    }
  }

  /** Says again that calls wait: the one who should hear it may have been away. */
  pokeAgain(): void {
    if (this.#waiting.size > 0) this.#pokeNow();
  }

  /** The end of a drain: whatever still waits is answered. */
  refuseAll(): void {
    this.#refuseWaiting(shuttingDown);
  }

  close(): void {
    this.#pods.close();
    this.#poker.close();
  }

  #stopConnecting(call: Call): void {
    call.connectDueAt = undefined;
    call.dueAt = call.holdDueAt;
  }

  get #atZero(): boolean {
    return this.#pods.usable.length === 0;
  }

  #refuse(call: Call, refusal: Refusal): void {
    this.#tally.refused(call, refusal);
    call.refuse(refusal);
  }

  #refuseWaitingOne(call: Call, refusal: Refusal): void {
    this.#waiting.leave(call);
    this.#refuse(call, refusal);
  }

  #refuseWaiting(refusal: Refusal): void {
    for (let call = this.#waiting.first; call !== undefined; call = this.#waiting.first) this.#refuseWaitingOne(call, refusal);
  }

  #pokeNow(): void {
    this.counters.pokes += 1;
    this.#around.poke({ workload: this.key, held: Math.max(1, this.#waiting.size), oldestHeldMs: this.#waiting.oldestAge(this.#around.clock.monotonic()) });
  }
}
