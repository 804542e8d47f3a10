import type { ContestantName } from './contestant.ts';
import type { VirtualCluster } from './virtual-cluster.ts';
import type { Fates, Interval, VirtualGateway } from './virtual-gateway.ts';

/** One second of a run. */
export interface Sample {
  /** Requests in pods and held, the mean of the second. */
  readonly requests: number;
  /** Requests that the ready pods can work on at once. */
  readonly capacity: number;
  readonly held: number;
  /** Pods that there are: starting, ready, ending. */
  readonly pods: number;
  /** `spec.replicas`. */
  readonly desired: number;
}

export interface Outcome {
  readonly name: ContestantName;
  readonly samples: readonly Sample[];
  readonly fates: Fates;
  /** Request-seconds that were spent in the gateway's hold queue. */
  readonly heldSeconds: number;
  readonly podSeconds: number;
  /** Pod-seconds beyond what the requests of that second would have filled. */
  readonly spareSeconds: number;
  /** Of requests, until a pod began to work on them, in ms. */
  readonly wait: { readonly mean: number; readonly p99: number; readonly worst: number };
  /** How often the count was changed. */
  readonly changes: number;
}

/** Keeps the score of a run. */
export class Score {
  readonly #slots: number;
  readonly #cluster: VirtualCluster;
  readonly #samples: Sample[] = [];
  #heldSeconds = 0;
  #changes = 0;

  constructor(slots: number, cluster: VirtualCluster) {
    this.#slots = slots;
    this.#cluster = cluster;
    cluster.workloads.subscribe((event) => {
      if (event.type === 'set' && event.previous !== undefined && event.previous.specReplicas !== event.value.specReplicas) this.#changes += 1;
    });
  }

  /** The load begins: what was before only set the scene. */
  begin(): void {
    this.#changes = 0;
  }

  second({ report, averageHeld }: Interval): void {
    const pods = [...this.#cluster.pods.values()];
    const ready = pods.filter((pod) => pod.ready && !pod.deleting).length;
    this.#heldSeconds += averageHeld;
    this.#samples.push({
      requests: report.averageConcurrency,
      capacity: ready * this.#slots,
      held: report.held,
      pods: pods.length,
      desired: this.#cluster.workload.specReplicas,
    });
  }

  outcome(name: ContestantName, { fates, waits }: VirtualGateway): Outcome {
    const sum = (value: (sample: Sample) => number): number => this.#samples.reduce((total, sample) => total + value(sample), 0);
    return {
      name,
      samples: this.#samples,
      fates,
      heldSeconds: this.#heldSeconds,
      podSeconds: sum(({ pods }) => pods),
      spareSeconds: sum(({ pods, requests }) => Math.max(0, pods - Math.ceil(requests / this.#slots))),
      wait: { mean: waits.mean, p99: waits.quantile(0.99), worst: waits.worst },
      changes: this.#changes,
    };
  }
}
