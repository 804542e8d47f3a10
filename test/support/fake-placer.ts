import type { Placement, Placer, PodToPlace, SentNode } from '../../src/webhooks/index.ts';

interface FakeNode {
  readonly score: number;
  readonly pool: string;
}

export interface FakePlacerOptions {
  readonly nodes?: Readonly<Record<string, FakeNode>>;
  /** Pool of the pods. */
  readonly pool?: string;
  /** Workloads with policy `off`. */
  readonly off?: readonly string[];
  readonly synced?: boolean;
  /** Called before each part of the nodes is judged. */
  readonly onJudge?: () => void;
}

/** Places the pods of ReplicaSets `web-…` and `off-…` from a table; nodes that were sent along have the score and the pool that their labels say. */
export class FakePlacer implements Placer {
  readonly asked: PodToPlace[] = [];
  readonly best: (readonly string[])[] = [];
  readonly judged: number[] = [];
  readonly #options: FakePlacerOptions;

  constructor(options: FakePlacerOptions) {
    this.#options = options;
  }

  placementOf(pod: PodToPlace): Placement | 'not-ours' | 'off' | 'not-synced' {
    const { synced = true, nodes = {}, pool, onJudge } = this.#options;
    this.asked.push(pod);
    if (!synced) return 'not-synced';
    const workload = pod.owner?.kind === 'ReplicaSet' && pod.templateHash !== undefined ? pod.owner.name.slice(0, -pod.templateHash.length - 1) : '';
    if (workload === 'off') return 'off';
    if (workload !== 'web') return 'not-ours';
    const judge = <T>(names: readonly string[], sent: SentNode, of: (node: FakeNode) => T): readonly (T | undefined)[] => {
      onJudge?.();
      this.judged.push(names.length);
      return names.map((name) => {
        const labels = sent(name)?.metadata?.labels;
        const known = Object.hasOwn(nodes, name)
          ? nodes[name]
          : labels === undefined
            ? undefined
            : { score: /^\d$/.test(labels['score'] ?? '') ? Number(labels['score']) : 0, pool: labels['pool'] ?? '' };
        return known === undefined ? undefined : of(known);
      });
    };
    return {
      scores: (names, sent) => judge(names, sent, ({ score }) => score),
      inPool: (names, sent) => judge(names, sent, (node) => pool === undefined || node.pool === pool),
      answered: (best) => this.best.push(best),
    };
  }
}
