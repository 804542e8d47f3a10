import type { Instant, WorkloadKey } from '../../core/index.ts';
import type { Leaving, PlacementReasons, Pool } from '../../decider/index.ts';

/** Why a pod was to go to a node, and what the others were worth. */
export interface PlacedPod {
  readonly at: Instant;
  readonly pod: string;
  readonly uid: string;
  readonly policy: string;
  readonly pool: Pool | undefined;
  /** The node with the highest score; of several the one that the scheduler named first. */
  readonly node: string;
  readonly score: number;
  readonly terms: PlacementReasons['terms'];
  readonly leaving: Leaving | undefined;
  /** How many nodes could have had it: the scheduler has ruled out the rest. */
  readonly nodes: number;
  /** The three next best. */
  readonly next: readonly { readonly node: string; readonly score: number; readonly leaving: Leaving | undefined }[];
  /** Where it is; undefined until that is seen. Another node than ours: the scheduler's own scores, or the filters of the moment, went before. */
  readonly boundTo: string | undefined;
}

const mostOfWorkload = 16;

/** The newest placements of each workload. */
export class PlacedPods {
  readonly #byWorkload = new Map<WorkloadKey, PlacedPod[]>();
  /** Those that are not seen bound yet. */
  readonly #onTheirWay = new Map<string, WorkloadKey>();

  note(workload: WorkloadKey, placed: PlacedPod): void {
    const own = (this.#byWorkload.get(workload) ?? []).filter(({ uid }) => uid !== placed.uid);
    for (const { uid } of own.splice(0, own.length + 1 - mostOfWorkload)) this.#onTheirWay.delete(uid);
    this.#byWorkload.set(workload, [...own, placed]);
    this.#onTheirWay.set(placed.uid, workload);
  }

  bound(uid: string, node: string): void {
    const workload = this.#onTheirWay.get(uid);
    if (workload === undefined) return;
    this.#onTheirWay.delete(uid);
    const own = this.#byWorkload.get(workload) ?? [];
    this.#byWorkload.set(
      workload,
      own.map((placed) => (placed.uid === uid ? { ...placed, boundTo: node } : placed)),
    );
  }

  /** The newest last. */
  of(workload: WorkloadKey): readonly PlacedPod[] {
    return this.#byWorkload.get(workload) ?? [];
  }

  forget(workload: WorkloadKey): void {
    for (const { uid } of this.of(workload)) this.#onTheirWay.delete(uid);
    this.#byWorkload.delete(workload);
  }
}
