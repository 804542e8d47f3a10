import type { Random, WorkloadRoute } from '../core/index.ts';
import type { Call } from './call.ts';
import type { WorkloadCounters } from './counters.ts';
import { pickByClient, pickPod } from './pick.ts';
import type { Pod } from './pod.ts';
import type { PodSet } from './pod-set.ts';

type SeatRules = Pick<WorkloadRoute, 'containerConcurrency' | 'sessionAffinity'>;

/** Which call is in which pod, and who gets the next place. */
export class Seats {
  readonly #pods: PodSet;
  readonly #random: Random;
  readonly #counters: WorkloadCounters;

  constructor(pods: PodSet, random: Random, counters: WorkloadCounters) {
    this.#pods = pods;
    this.#random = random;
    this.#counters = counters;
  }

  /** The pod for `call`; undefined while none has room for it. */
  pick(call: Call, { containerConcurrency, sessionAffinity }: SeatRules): Pod | undefined {
    return sessionAffinity === 'client-ip'
      ? pickByClient(this.#pods.usable, call.target, containerConcurrency, call.clientAddress)
      : pickPod(this.#pods.usable, call.target, containerConcurrency, this.#random);
  }

  anyRoom({ containerConcurrency }: SeatRules): boolean {
    return this.#pods.usable.some((pod) => containerConcurrency === undefined || pod.inFlight < containerConcurrency);
  }

  take(call: Call, pod: Pod, now: number): void {
    call.state = 'seated';
    call.pod = pod;
    call.givenAt = now;
    if (!call.metered) return;
    pod.inFlight += 1;
    pod.figures.given(now);
    this.#counters.inFlight += 1;
  }

  /** Gives the place back. */
  leave(call: Call, now: number): void {
    if (call.state !== 'seated' || call.pod === undefined) return;
    call.state = 'new';
    if (call.metered) {
      call.pod.inFlight -= 1;
      call.pod.figures.left(now);
      this.#counters.inFlight -= 1;
    }
    call.pod = undefined;
  }

  inFlightByPod(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const pod of this.#pods.all) if (pod.inFlight > 0) counts[pod.route.id] = pod.inFlight;
    return counts;
  }
}
