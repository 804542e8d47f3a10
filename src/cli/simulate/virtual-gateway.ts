import type { WorkloadKey, WorkloadReport } from '../../core/index.ts';
import type { Arrival } from './arrivals.ts';
import { EventHeap } from './event-heap.ts';
import { Fifo } from './fifo.ts';
import { PokePauses } from './poke-pauses.ts';
import { Waits } from './waits.ts';

export interface VirtualGatewayOptions {
  readonly arrivals: Iterator<Arrival, undefined>;
  /** Requests that a pod works on at once. */
  readonly slots: number;
  /** True where the gateway gives a pod no more than that and holds the rest; else they wait in the pod that they were given to. */
  readonly isLimited: boolean;
  readonly holdQueueDepth: number;
  readonly holdTimeoutMs: number;
  /** When everything begins, the lead-in included. */
  readonly startMs: number;
  /** A pod that was to go has ended its last request. */
  readonly drained: (uid: string) => void;
}

interface Pod {
  readonly uid: string;
  working: number;
  /** Given to it and not begun; only without a limit. */
  readonly queue: Fifo<Arrival>;
  isRetired: boolean;
  isLeaving: boolean;
}

/** What became of the requests of the load itself, without the lead-in. */
export interface Fates {
  readonly arrived: number;
  readonly answered: number;
  /** 503: the hold queue was full; 504: the hold timeout was over. */
  readonly refused: number;
  readonly held: number;
  readonly inPods: number;
}

/** Figures since the last call of `take`. */
export interface Interval {
  readonly report: Omit<WorkloadReport, 'workload'>;
  /** Time-weighted mean of requests held. */
  readonly averageHeld: number;
}

/**
 * The gateway and the programs in the pods, on virtual time: requests arrive, are given to the least loaded pod with room, held in order of arrival where there is none,
 * and refused as the product does. Requests are events of their own, not timers of the clock: there are millions. Times are ms since the load began.
 */
export class VirtualGateway {
  readonly waits = new Waits();
  readonly #options: VirtualGatewayOptions;
  readonly #pods = new Map<string, Pod>();
  readonly #ends = new EventHeap<{ readonly pod: Pod; readonly arrival: Arrival }>();
  readonly #pokes = new PokePauses();
  readonly #held = new Fifo<Arrival>();
  #next: Arrival | undefined;
  #now: number;
  #inPods = 0;
  #counted = { arrived: 0, answered: 0, refused: 0, inPods: 0 };
  #interval = { since: 0, inSystem: 0, held: 0, requests: 0 };

  constructor(options: VirtualGatewayOptions) {
    this.#options = options;
    this.#now = options.startMs;
    this.#interval.since = options.startMs;
    this.#next = options.arrivals.next().value;
  }

  get held(): number {
    return this.#held.length;
  }

  get fates(): Fates {
    return { ...this.#counted, held: [...this.#held].filter(isCounted).length };
  }

  /** Lets requests come and go until `until`, or until a poke is due before that: gives the time that was reached, and how many wait where a poke is due. */
  advance(until: number): { readonly at: number; readonly poke: number | undefined } {
    for (;;) {
      const arrivesAt = this.#next?.at ?? Infinity;
      const expiresAt = (this.#held.first?.at ?? Infinity) + this.#options.holdTimeoutMs;
      const pokesAt = this.#pokes.dueAt(this.held);
      const at = Math.min(arrivesAt, this.#ends.nextAt, expiresAt, pokesAt);
      if (at > until) {
        this.#meter(until);
        return { at: until, poke: undefined };
      }
      this.#meter(Math.max(this.#now, at));
      if (at === this.#ends.nextAt) this.#end();
      else if (at === expiresAt) this.#expire();
      else if (at === arrivesAt) this.#arrive();
      if (this.held > 0 && this.#pokes.dueAt(this.held) <= this.#now) {
        this.#pokes.said(this.#now, this.held);
        return { at: this.#now, poke: this.held };
      }
    }
  }

  /** The pod answers from now on. */
  podReady(uid: string): void {
    this.#pods.set(uid, { uid, working: 0, queue: new Fifo(), isRetired: false, isLeaving: false });
    this.#release();
  }

  /** Nothing new for these pods; for all others, again. */
  retire(uids: ReadonlySet<string>): void {
    for (const pod of this.#pods.values()) pod.isRetired = uids.has(pod.uid);
    this.#release();
  }

  /** The pod is told to end, and ends what it has. */
  podLeaves(uid: string): void {
    const pod = this.#pods.get(uid);
    if (pod === undefined) {
      this.#options.drained(uid);
      return;
    }
    pod.isLeaving = true;
    this.#forgetIfDone(pod);
  }

  take(): Interval {
    const { since, inSystem, held, requests } = this.#interval;
    const length = Math.max(1, this.#now - since);
    this.#interval = { since: this.#now, inSystem: 0, held: 0, requests: 0 };
    const inFlightByPod: Record<string, number> = {};
    for (const pod of this.#pods.values()) if (pod.working > 0) inFlightByPod[pod.uid] = pod.working + pod.queue.length;
    return {
      averageHeld: held / length,
      report: { averageConcurrency: inSystem / length, requestCount: requests, held: this.held, inFlight: this.#inPods, inFlightByPod },
    };
  }

  /** The run is over: what still waits has waited so long at least. */
  close(): void {
    for (const arrival of this.#held) this.#waited(arrival);
    for (const pod of this.#pods.values()) for (const arrival of pod.queue) this.#waited(arrival);
  }

  #meter(to: number): void {
    const passed = to - this.#now;
    this.#interval.inSystem += (this.#inPods + this.held) * passed;
    this.#interval.held += this.held * passed;
    this.#now = to;
  }

  #arrive(): void {
    const arrival = this.#next;
    if (arrival === undefined) return;
    this.#next = this.#options.arrivals.next().value;
    this.#interval.requests += 1;
    if (isCounted(arrival)) this.#counted.arrived += 1;
    const pod = this.held === 0 ? this.#pick() : undefined;
    if (pod !== undefined) this.#give(arrival, pod);
    else if (this.held >= this.#options.holdQueueDepth || this.#options.holdTimeoutMs === 0) {
      if (isCounted(arrival)) this.#counted.refused += 1;
    } else this.#hold(arrival);
  }

  #hold(arrival: Arrival): void {
    this.#held.push(arrival);
    this.#pokes.held(this.#now);
  }

  #expire(): void {
    const arrival = this.#held.shift();
    if (arrival === undefined) return;
    this.#waited(arrival);
    if (isCounted(arrival)) this.#counted.refused += 1;
  }

  #end(): void {
    const ended = this.#ends.take();
    if (ended === undefined) return;
    const { pod, arrival } = ended;
    pod.working -= 1;
    this.#inPods -= 1;
    if (isCounted(arrival)) {
      this.#counted.answered += 1;
      this.#counted.inPods -= 1;
    }
    const next = pod.queue.shift();
    if (next !== undefined) this.#begin(next, pod);
    this.#forgetIfDone(pod);
    this.#release();
  }

  /** The least loaded pod, if it has room. */
  #pick(): Pod | undefined {
    let best: Pod | undefined;
    let least = this.#options.isLimited ? this.#options.slots : Infinity;
    for (const pod of this.#pods.values()) {
      const load = pod.working + pod.queue.length;
      if (pod.isRetired || pod.isLeaving || load >= least) continue;
      [best, least] = [pod, load];
    }
    return best;
  }

  #release(): void {
    while (this.held > 0) {
      const pod = this.#pick();
      const arrival = pod === undefined ? undefined : this.#held.shift();
      if (pod === undefined || arrival === undefined) return;
      this.#give(arrival, pod);
    }
  }

  #give(arrival: Arrival, pod: Pod): void {
    this.#inPods += 1;
    if (isCounted(arrival)) this.#counted.inPods += 1;
    if (pod.working < this.#options.slots) this.#begin(arrival, pod);
    else pod.queue.push(arrival);
  }

  #begin(arrival: Arrival, pod: Pod): void {
    pod.working += 1;
    this.#waited(arrival);
    this.#ends.add(this.#now + arrival.serviceMs, { pod, arrival });
  }

  #waited(arrival: Arrival): void {
    if (isCounted(arrival)) this.waits.add(Math.max(0, this.#now - arrival.at));
  }

  #forgetIfDone(pod: Pod): void {
    if (!pod.isLeaving || pod.working > 0) return;
    this.#pods.delete(pod.uid);
    this.#options.drained(pod.uid);
  }
}

/** What comes in the lead-in only sets the scene. */
const isCounted = ({ at }: Arrival): boolean => at >= 0;

export const asReport = (workload: WorkloadKey, { report }: Interval): WorkloadReport | undefined =>
  report.averageConcurrency === 0 && report.requestCount === 0 && report.held === 0 ? undefined : { workload, ...report };
