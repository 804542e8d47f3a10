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
import { HeldCalls, type Door } from './held-calls.ts';
import type { HoldBudget } from './hold-budget.ts';
import { compileIgnoreRules, type Ignores } from './ignore.ts';
import { Meter } from './meter.ts';
import { pickPod } from './pick.ts';
import type { Pod } from './pod.ts';
import { PodSet, type GatewaySelf, type PodSetEvents } from './pod-set.ts';
import type { PushOut } from './push-out.ts';
import { abandonedStatus, cannotConnect, gatewayFull, ignoredAtZero, notHttp2, notRouted, shuttingDown, wakeFailed } from './refusals.ts';
import { Retries } from './retries.ts';
import { Seats } from './seats.ts';
import { Tally } from './tally.ts';
import type { Tracer } from './tracing.ts';
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
 * Everything between "this call is for that workload" and "it goes to this pod": metering, the choice of pod, and giving places back; what has no pod yet waits in `held-calls.ts`.
 * Knows calls and pods, no protocol. All of it happens in one turn of the event loop at a time, so nothing here is ever half done.
 */
export class WorkloadGate implements CallProgress, Door {
  readonly key: WorkloadKey;
  readonly counters: WorkloadCounters;
  readonly #around: GateSurroundings;
  readonly #meter = new Meter();
  readonly #tally: Tally;
  readonly #pods: PodSet;
  readonly #seats: Seats;
  readonly #wake: WakeWatch;
  readonly #retries: Retries;
  readonly #held: HeldCalls;
  #route: WorkloadRoute;
  #ignores: Ignores;
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
    const events: PodSetEvents = {
      usable: () => this.#held.release(),
      leaves: (pod) => around.podLeaves(pod),
      gone: (pod) => around.podGone(pod),
      ejected: (reason) => countUp(this.counters.ejections, reason),
      out: (count) => (this.counters.ejectedPods = count),
    };
    this.#pods = new PodSet(clock, logger.child({ workload: route.workload }), around.gateway, this.counters, events);
    this.#seats = new Seats(this.#pods, random, this.counters, around.permitFreed);
    this.#wake = new WakeWatch(route.workload);
    const parts = { counters: this.counters, pods: this.#pods, seats: this.#seats, retries: this.#retries, wake: this.#wake };
    this.#held = new HeldCalls(this, around, parts);
  }

  get route(): WorkloadRoute {
    return this.#route;
  }

  get retired(): boolean {
    return this.#retired;
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
    this.#held.release();
    if (route.wakeFailure !== undefined && this.#atZero) this.#held.refuseAll(wakeFailed(route.wakeFailure));
  }

  /** No longer routed: what is here runs to its end on the pods known last; what waits for a pod that will not come is answered. */
  retire(): void {
    this.#retired = true;
    if (this.#atZero) this.#held.refuseAll(notRouted);
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
    if (pod === undefined) this.refuse(call, ignoredAtZero);
    else this.seat(call, pod, now);
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
    const pod = this.#held.size === 0 ? this.#seats.pick(call, this.#route) : undefined;
    if (pod === undefined) this.#held.hold(call, now);
    else this.seat(call, pod, now);
  }

  /** Gives the call to `pod`, now. */
  seat(call: Call, pod: Pod, now: number): void {
    this.#seats.take(call, pod, now);
    call.dueAt = Infinity;
    call.fresh = this.#retries.isSpent;
    this.#around.deadlines.add(call);
    const port = pod.portOf(call.target) ?? 0;
    call.trace?.given(pod.route, port);
    call.start(pod, port);
  }

  refuse(call: Call, refusal: Refusal): void {
    this.#tally.refused(call, refusal);
    call.refuse(refusal);
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
    if (call.misunderstood === mostMisunderstood) return this.refuse(call, notHttp2);
    if (!call.metered) return this.refuse(call, failure === 'protocol' ? notHttp2 : cannotConnect);
    call.connectDueAt ??= now + connectForMs;
    // Nor is one to be overrun that takes connections, and so comes through its probe, but does nothing with them.
    this.#held.back(call, now, this.#retries.mayGo(now) && (failure === 'connect' || !this.#atZero));
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
    if (other === undefined && !call.metered) return this.refuse(call, ignoredAtZero);
    if (other === undefined) return this.#held.back(call, now, may);
    this.seat(call, other, now);
    this.#held.release();
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
    if (call.state === 'held') this.#held.leave(call);
    call.brokenOffBy = 'client';
    this.ended(call, abandonedStatus);
  }

  waitedTooLong(call: Call, now: number): void {
    this.#held.waitedTooLong(call, now);
  }

  stillWaits(call: Call): void {
    this.#held.stillWaits(call);
  }

  pushedOut(call: Call): void {
    if (call.state === 'held') this.#held.refuse(call, gatewayFull);
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
    this.#held.release();
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

  pokeAgain(): void {
    this.#held.pokeAgain();
  }

  /** The end of a drain: whatever still waits is answered. */
  refuseAll(): void {
    this.#held.refuseAll(shuttingDown);
  }

  close(): void {
    this.#pods.close();
    this.#held.close();
  }

  get #atZero(): boolean {
    return this.#pods.usable.length === 0;
  }
}
