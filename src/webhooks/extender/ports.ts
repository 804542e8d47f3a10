import type { Clock, Logger } from '../../core/index.ts';
import type { KubeObject, OwnerView } from '../../kube/index.ts';

/** The pod that a scheduler asks about. */
export interface PodToPlace {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** Its controller. */
  readonly owner: OwnerView | undefined;
  /** Label `pod-template-hash`. */
  readonly templateHash: string | undefined;
  /** The whole pod as it came, for the mappers of `kube` (requests, images): nothing else of it was checked. Read it for pods of workloads only. */
  readonly object: KubeObject;
}

/** The Node that the scheduler sent along, as it came; undefined in names-only mode (`nodeCacheCapable`). Map it only where the snapshot has no node of that name. */
export type SentNode = (name: string) => KubeObject | undefined;

/** For each of the names: what was found under it is left there, and is looked at first when the name comes again. */
export type FoundBefore = readonly { found?: object | undefined }[];

/** One answer in the making: for one pod, from one look at the snapshot. */
export interface Placement {
  /**
   * How well each node suits, an integer from 0 to 10, in the order of `names`; undefined: no such node is known, neither from the snapshot nor from
   * `sent`. Called with a part of the nodes at a time, so that the time that it takes can be watched.
   */
  scores(names: readonly string[], sent: SentNode, before?: FoundBefore): readonly (number | undefined)[];
  /** Whether each node is of the pool that the pod belongs to; true where it belongs to none; undefined: no such node is known. Called like `scores`. */
  inPool(names: readonly string[], sent: SentNode, before?: FoundBefore): readonly (boolean | undefined)[];
  /**
   * These nodes have the highest of the scores that were asked for: the pod is on its way to one of them. In the scheduler's order, never empty, unknown
   * ones may be among them. Not called where the neutral answer was given, nor where the scheduler asks again: after `inPool`, unless one node is left.
   */
  answered(best: readonly string[]): void;
}

/** What the skin needs to know. It is asked once a call, and asks nobody else: everything is in memory. */
export interface Placer {
  /** Found by one look-up of the owner. `not-ours`: no workload's pod; `off`: its policy is off; `not-synced`: nodes and pods have not been read yet, so that nobody knows. */
  placementOf(pod: PodToPlace): Placement | 'not-ours' | 'off' | 'not-synced';
}

export interface ExtenderPorts {
  readonly placer: Placer;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly logger: Logger;
}
