import type { Clock } from '../../core/index.ts';

export interface PreferredNode {
  readonly name: string;
  readonly score: number;
}

/** Nodes that a pod's affinity names: each is a preference of its own, as `metadata.name` takes one value (kubernetes/pkg/apis/core/validation, ValidateNodeFieldSelectorRequirement). */
const mostPreferred = 16;
/** As for a scheduler's call: the event loop is everybody's. */
const budgetMs = 5;
/** Nodes that are judged before the clock is looked at. */
const atOnce = 250;

const inTurn = (names: readonly string[], from: number): readonly string[] => {
  const at = names.length === 0 ? 0 : from % names.length;
  return [...names.slice(at), ...names.slice(0, at)];
};

/**
 * The best nodes, best first, unless all are as good: of those that can be judged in 5 ms, and one lot at least. `next` is where the following pod begins: so
 * that it sees others where not all were seen (as kube-scheduler's `nextStartNodeIndex` does), and of equals prefers others.
 */
export const preferredNodes = (
  clock: Pick<Clock, 'monotonic'>,
  names: readonly string[],
  judge: (names: readonly string[]) => readonly (number | undefined)[],
  from: number,
): { readonly nodes: readonly PreferredNode[]; readonly next: number } => {
  const begun = clock.monotonic();
  const turned = inTurn(names, from);
  const judged: PreferredNode[] = [];
  do {
    const some = turned.slice(judged.length, judged.length + atOnce);
    for (const [at, score] of judge(some).entries()) judged.push({ name: some[at] ?? '', score: score ?? 0 });
  } while (judged.length < turned.length && clock.monotonic() - begun <= budgetMs);
  const next = judged.length < turned.length ? from + judged.length : from + 1;
  judged.sort((one, other) => other.score - one.score);
  const areAlike = judged.at(0)?.score === judged.at(-1)?.score;
  return { nodes: areAlike ? [] : judged.slice(0, mostPreferred).filter(({ score }) => score > 0), next };
};
