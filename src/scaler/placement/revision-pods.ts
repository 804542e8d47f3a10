import type { OwnerView } from '../../kube/index.ts';

/** The pods of one revision of a workload: those of a ReplicaSet, or of a StatefulSet with one template. */
export type RevisionId = string;

interface Revised {
  readonly owner: OwnerView | undefined;
  readonly revision: string | undefined;
}

/** Undefined: a pod of no workload that could be ours. */
export const revisionId = ({ owner, revision }: Revised): RevisionId | undefined =>
  owner !== undefined && revision !== undefined && (owner.kind === 'ReplicaSet' || owner.kind === 'StatefulSet') ? `${owner.uid} ${revision}` : undefined;

const none: ReadonlyMap<string, number> = new Map();

/** How many pods of each revision are on each node. */
export class RevisionPods {
  readonly #counts = new Map<RevisionId, Map<string, number>>();

  /** By node; nodes without one are not in it. */
  byNode(id: RevisionId | undefined): ReadonlyMap<string, number> {
    return id === undefined ? none : (this.#counts.get(id) ?? none);
  }

  add(id: RevisionId | undefined, node: string, by: 1 | -1): void {
    if (id === undefined) return;
    const counts = this.#counts.get(id) ?? new Map<string, number>();
    this.#counts.set(id, counts);
    const count = (counts.get(node) ?? 0) + by;
    if (count > 0) counts.set(node, count);
    else counts.delete(node);
    if (counts.size === 0) this.#counts.delete(id);
  }
}
