import type { ExtenderCall } from './call.ts';
import type { ExtenderPorts, Placement } from './ports.ts';

/** What a scheduler was told, or why it was not. */
export type AnswerReason =
  /** Scores, or the nodes of the pool. */
  | 'scored'
  /** The same, though some nodes were not known. */
  | 'unknown-nodes'
  /** These are answered with the same for all nodes. */
  | 'not-ours'
  | 'off'
  | 'not-synced'
  | 'over-budget'
  | 'failed'
  /** These are answered with an error. */
  | 'invalid'
  | 'too-large'
  | 'busy'
  /** The scheduler did not wait for it. */
  | 'gone';

export interface Answer<T> {
  readonly reason: AnswerReason;
  /** In the order of the nodes; undefined: the same for all. */
  readonly each: readonly T[] | undefined;
}

/** Between the best and the worst: for nodes of which nothing is known. */
const neutral = 5;
/** Of a call; the scheduler waits 30 ms, and the event loop is everybody's. */
const budgetMs = 5;
/** Nodes that are judged before the clock is looked at. */
const atOnce = 250;

/** What `judge` says of each node; undefined where the budget was not enough. */
const withinBudget = <T>(
  { clock }: ExtenderPorts,
  { names, sent, known }: ExtenderCall,
  judge: (names: readonly string[], sent: ExtenderCall['sent'], known: ExtenderCall['known']) => readonly T[],
): readonly T[] | undefined => {
  const startedAt = clock.monotonic();
  const judged: T[] = [];
  for (let from = 0; from < names.length; from += atOnce) {
    // What all nodes got is worth having, however long it took.
    if (from > 0 && clock.monotonic() - startedAt > budgetMs) return undefined;
    judged.push(...judge(names.slice(from, from + atOnce), sent, known?.slice(from, from + atOnce)));
  }
  return judged;
};

/** Whatever goes wrong with us, the pod is placed without us. */
const answerOf = <T>(ports: ExtenderPorts, call: ExtenderCall, of: (placement: Placement) => Answer<T>): Answer<T> => {
  try {
    const placement = ports.placer.placementOf(call.pod);
    return typeof placement === 'string' ? { reason: placement, each: undefined } : of(placement);
  } catch (error) {
    const { namespace, name } = call.pod;
    ports.logger.error('a pod was placed without us', { namespace, name, error });
    return { reason: 'failed', each: undefined };
  }
};

const bestOf = (names: readonly string[], scores: readonly number[]): readonly string[] => {
  const highest = scores.reduce((most, score) => Math.max(most, score), 0);
  return names.filter((_name, index) => scores[index] === highest);
};

/** How well each node suits. */
export const scoresOf = (ports: ExtenderPorts, call: ExtenderCall): Answer<number> =>
  answerOf(ports, call, (placement) => {
    const known = withinBudget(ports, call, (...some) => placement.scores(...some));
    if (known === undefined) return { reason: 'over-budget', each: undefined };
    const each = known.map((score) => score ?? neutral);
    if (each.length > 0) placement.answered(bestOf(call.names, each));
    return { reason: known.includes(undefined) ? 'unknown-nodes' : 'scored', each };
  });

/** Which nodes are left: those of the pod's pool, or all of them where none is known to be of it: a pod that cannot be placed helps nobody. */
export const fittingOf = (ports: ExtenderPorts, call: ExtenderCall): Answer<boolean> =>
  answerOf(ports, call, (placement) => {
    const known = withinBudget(ports, call, (...some) => placement.inPool(...some));
    if (known === undefined) return { reason: 'over-budget', each: undefined };
    const reason = known.includes(undefined) ? 'unknown-nodes' : 'scored';
    const each = known.includes(true) ? known.map((fits) => fits === true) : undefined;
    const left = each === undefined ? call.names : call.names.filter((_name, index) => each[index]);
    // Of one node a scheduler does not ask what it is worth: the pod is on its way there, and counts when the next one asks.
    if (left.length === 1) {
      placement.scores(left, call.sent);
      placement.answered(left);
    }
    return { reason, each };
  });
