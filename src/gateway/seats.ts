import type { Random, WorkloadRoute } from '../core/index.ts';
import type { Call } from './call.ts';
import type { WorkloadCounters } from './counters.ts';
import { isPacked, pickByClient, pickPod } from './pick.ts';
import type { Pod } from './pod.ts';
import type { PodSet } from './pod-set.ts';
import { pickByZone } from './zones.ts';

type SeatRules = Pick<WorkloadRoute, 'containerConcurrency' | 'sessionAffinity'>;

/** Which call is in which pod, and who gets the next place. */
export class Seats {
  readonly #pods: PodSet;
  readonly #random: Random;
  readonly #counters: WorkloadCounters;
  readonly #permitFreed: () => void;

  /** `permitFreed`: a pod has one call less of those beyond our share of it. */
  constructor(pods: PodSet, random: Random, counters: WorkloadCounters, permitFreed: () => void) {
    this.#pods = pods;
    this.#random = random;
    this.#counters = counters;
    this.#permitFreed = permitFreed;
  }

  /** The pod for `call`; undefined while none has room for it. */
  pick(call: Call, { containerConcurrency, sessionAffinity }: SeatRules): Pod | undefined {
    const { usable, zones, slowStartNow } = this.#pods;
    if (sessionAffinity === 'client-ip') return pickByClient(usable, call.target, containerConcurrency, call.clientAddress);
    return zones === undefined || isPacked(containerConcurrency)
      ? pickPod(usable, call.target, containerConcurrency, this.#random, slowStartNow)
      : pickByZone(zones, call.target, containerConcurrency, this.#random, slowStartNow);
  }

  /** The same for one that `than` did not take on: another pod, where one has room and the client need not stay with its own. */
  pickOther(call: Call, than: Pod | undefined, rules: SeatRules): Pod | undefined {
    if (than === undefined || rules.sessionAffinity === 'client-ip') return this.pick(call, rules);
    const others = this.#pods.usable.filter((pod) => pod !== than);
    return pickPod(others, call.target, rules.containerConcurrency, this.#random) ?? this.pick(call, rules);
  }

  anyRoom({ containerConcurrency }: SeatRules): boolean {
    return this.#pods.usable.some((pod) => pod.isBelow(containerConcurrency));
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
      if (call.pod.share !== undefined && call.pod.inFlight >= call.pod.share) this.#permitFreed();
    }
    call.pod = undefined;
  }

  inFlightByPod(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const pod of this.#pods.all) if (pod.inFlight > 0) counts[pod.route.id] = pod.inFlight;
    return counts;
  }
}
