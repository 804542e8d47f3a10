import type { PlacementSpec } from '../core/index.ts';

/** CPU in cores, memory in bytes, and how many pods. */
export interface Amount {
  readonly cpu: number;
  readonly memory: number;
  readonly pods: number;
}

/** Why no pod should begin on a node: it is cordoned, an autoscaler is about to remove it, or its cloud takes it back. */
export type Leaving = 'cordoned' | 'draining' | 'interrupted';

/** A node as it is now; pods that are on their way to it count as there. */
export interface PlacementNode {
  readonly name: string;
  readonly zone: string | undefined;
  readonly allocatable: Amount;
  readonly requested: Amount;
  /** Pods that are bound to it and not ready yet, whosever they are. */
  readonly starting: number;
  readonly leaving: Leaving | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Knows the names of the images that are there. */
  readonly images: Pick<ReadonlySet<string>, 'has'>;
  /** A small number that no other node has, for whoever remembers something of nodes; one that stays has one. */
  readonly slot?: number | undefined;
  /** How long a start there takes, whosever it is, as a multiple of what it typically takes; undefined: none was seen. */
  readonly slowness?: number | undefined;
}

export type Pool = 'base' | 'burst';

/** The pod that is to be placed, and what is known of the others of its workload. */
export interface PlacementPod {
  readonly policy: PlacementSpec['policy'];
  readonly requests: Pick<Amount, 'cpu' | 'memory'>;
  readonly images: readonly string[];
  /** Which nodes it should go to by its ordinal; undefined: it does not matter. */
  readonly pool: Pool | undefined;
  poolOf(node: PlacementNode): Pool | undefined;
  /** Pods of the same revision on that node. */
  podsOn(node: PlacementNode): number | undefined;
  /** And by zone; zones without one are in it too, with 0. */
  readonly podsByZone: ReadonlyMap<string, number>;
}

/** What earlier starts tell. */
export interface PlacementHistory {
  /** This revision's image was there when one of its pods ran. */
  hasRun(node: PlacementNode): boolean;
  /** How long a start on that node takes, as a multiple of what it typically takes: of this workload, else of whatever started there; undefined: none was seen. */
  slowness(node: PlacementNode): number | undefined;
  /** How much longer a start of this revision takes where its images have to come first, in typical starts where they are there; `unseen`: not both were seen yet; `nowhere`: it has run on no node. */
  pull(): number | 'unseen' | 'nowhere';
}

/** Each an integer from 0 (avoid) to 10 (best). */
export interface PlacementTerms {
  /** Its images are there: from the node's status, which names 50 at most, and from what has run there. */
  readonly image: number;
  /** 5 where a start takes as long as it typically does, 10 in half the time; 5 where nobody knows. */
  readonly start: number;
  /** Few others are starting there: 5 with one start for every two cores. */
  readonly quiet: number;
  /** When it will be ready: 10 in the typical time of a start where the images are there, 5 in twice that. Of the pull, the node's own slowness and what else starts there. */
  readonly soon: number;
  /** What is free of CPU or memory, whichever is scarcer, once the pod is there; 0 where it does not fit. */
  readonly headroom: number;
  /** What is taken then; 0 where it does not fit. */
  readonly fullness: number;
  /** Few of its revision are on that node and in that zone. */
  readonly spread: number;
  /** The node is of the pool that the pod's ordinal belongs to. */
  readonly pool: number;
}

export interface PlacementScore {
  readonly node: string;
  /** An integer from 0 to 10, as kube-scheduler takes it (`MaxExtenderPriority`, k8s.io/kube-scheduler/extender/v1). */
  readonly score: number;
}

type Weights = Readonly<Record<keyof PlacementTerms, number>>;

/**
 * Which terms lead. The pool is the user's own word: with 5/4 of what all other terms weigh together, no node of another pool ever scores as high as one
 * of the right pool (15 of 27 rounds to 6, 12 of 27 to 4). It does not weigh where the pod belongs to none, so that the others keep the whole scale.
 */
export const placementWeights: Readonly<Record<Exclude<PlacementSpec['policy'], 'off'>, Weights>> = {
  warm: { image: 0, start: 0, quiet: 0, soon: 12, headroom: 0, fullness: 0, spread: 0, pool: 15 },
  spread: { image: 2, start: 1, quiet: 1, soon: 0, headroom: 1, fullness: 0, spread: 7, pool: 15 },
  pack: { image: 0, start: 0, quiet: 0, soon: 8, headroom: 0, fullness: 4, spread: 0, pool: 15 },
};

const most = 10;
const whole = (value: number): number => (value >= 0 ? Math.min(most, Math.round(value)) : 0);
/** A count as it can be; one that makes no sense is none. */
const counted = (count: number | undefined): number => (count !== undefined && count > 0 ? count : 0);

/** Free of one resource after placement, as a share of what there is. A pod that asks for none of it fits however little is left. */
const freeOf = (allocatable: number, requested: number, asked: number): number => {
  const free = allocatable > 0 ? (allocatable - requested - asked) / allocatable : -1;
  return asked > 0 ? free : Math.max(0, free);
};

/** Of CPU or memory, whichever is scarcer; below 0 where the pod does not fit. */
const freeShare = ({ allocatable, requested }: PlacementNode, { requests }: PlacementPod): number =>
  requested.pods >= allocatable.pods
    ? -1
    : Math.min(freeOf(allocatable.cpu, requested.cpu, requests.cpu), freeOf(allocatable.memory, requested.memory, requests.memory));

const imageShare = (node: PlacementNode, pod: PlacementPod, history: PlacementHistory): number => {
  if (history.hasRun(node)) return 1;
  let there = 0;
  for (const image of pod.images) if (node.images.has(image)) there += 1;
  return pod.images.length === 0 ? 0 : there / pod.images.length;
};

/**
 * What a pull is taken for while nobody knows. An image takes longer to come than most programs take to begin; but of a revision that has run nowhere nearly all
 * nodes must pull, and with more than half a start quick ones would not be told from slow ones at the bottom of the scale (docs/performance.md).
 */
const assumedPull = { unseen: 2, nowhere: 0.5 } as const;
/** What was learned may be of starts for which the image was there already, brought by others: it is never as if it were for nothing. */
const leastPull = 0.25;

const pullOf = (history: PlacementHistory): number => {
  const pull = history.pull();
  if (typeof pull === 'string') return assumedPull[pull];
  return Number.isFinite(pull) ? Math.max(leastPull, pull) : assumedPull.unseen;
};

/** Of what pods request they use about half; the rest is there for starts. */
const usedOfRequests = 0.5;

/** How long until it is ready, in typical starts where its images are there. */
const predicted = ({ allocatable, requested, starting }: PlacementNode, slowness: number, imagesThere: number, pull: number): number => {
  const free = Math.max(1, counted(allocatable.cpu) - usedOfRequests * counted(requested.cpu));
  return slowness * (1 + counted(starting) / free) + (1 - imagesThere) * pull;
};

const fewest = (counts: ReadonlyMap<string, number>): number => {
  let least = Infinity;
  for (const count of counts.values()) least = Math.min(least, counted(count));
  return Number.isFinite(least) ? least : 0;
};

/** What is the same for all nodes. */
interface Common {
  readonly fewestInZone: number;
  readonly pull: number;
}

const termsOf = (node: PlacementNode, pod: PlacementPod, history: PlacementHistory, { fewestInZone, pull }: Common): PlacementTerms => {
  const free = freeShare(node, pod);
  const imagesThere = imageShare(node, pod, history);
  const seen = history.slowness(node);
  const slowness = seen !== undefined && seen > 0 ? seen : 1;
  const onNode = counted(pod.podsOn(node));
  const inZone = node.zone === undefined ? 0 : counted(counted(pod.podsByZone.get(node.zone)) - fewestInZone);
  const pairsOfCores = Math.max(1, counted(node.allocatable.cpu) / 2);
  return {
    image: whole(most * imagesThere),
    start: whole(most / 2 / slowness),
    quiet: whole(most / (1 + counted(node.starting) / pairsOfCores)),
    soon: whole(most / predicted(node, slowness, imagesThere, pull)),
    headroom: whole(most * free),
    fullness: free >= 0 ? whole(most * (1 - free)) : 0,
    spread: whole(most / 2 / (1 + onNode) + most / 2 / (1 + inZone)),
    pool: pod.pool === undefined || pod.poolOf(node) === pod.pool ? most : 0,
  };
};

const total = (terms: PlacementTerms, weights: Weights, hasPool: boolean): number => {
  let sum = weights.image * terms.image + weights.start * terms.start + weights.quiet * terms.quiet + weights.soon * terms.soon;
  sum += weights.headroom * terms.headroom + weights.fullness * terms.fullness + weights.spread * terms.spread;
  let weight = weights.image + weights.start + weights.quiet + weights.soon + weights.headroom + weights.fullness + weights.spread;
  if (hasPool) {
    sum += weights.pool * terms.pool;
    weight += weights.pool;
  }
  // Any node is better than one that is leaving.
  return Math.max(1, whole(sum / weight));
};

/** Why a node has its score. */
export interface PlacementReasons extends PlacementScore {
  readonly terms: PlacementTerms;
  readonly leaving: Leaving | undefined;
}

/** Judges nodes one by one for the same pod, as there are thousands of them: of most a number is all that anybody wants. */
export interface PlacementScorer {
  scoreOf(node: PlacementNode): number;
  reasonsOf(node: PlacementNode): PlacementReasons;
}

/**
 * How well each node suits the pod. With policy `off`, and on a node that is leaving, 0; else 1 at least. The same pod on the same nodes always gets the same
 * answer, and no number of pods, images or starts makes a score leave 0 to 10.
 */
export const placementScorer = (pod: PlacementPod, history: PlacementHistory): PlacementScorer => {
  const common: Common = { fewestInZone: fewest(pod.podsByZone), pull: pullOf(history) };
  const weights = pod.policy === 'off' ? undefined : placementWeights[pod.policy];
  const hasPool = pod.pool !== undefined;
  const scoreOf = (node: PlacementNode): number =>
    weights === undefined || node.leaving !== undefined ? 0 : total(termsOf(node, pod, history, common), weights, hasPool);
  return {
    scoreOf,
    reasonsOf: (node) => ({ node: node.name, score: scoreOf(node), terms: termsOf(node, pod, history, common), leaving: node.leaving }),
  };
};

/** The same for all of them, in their order. */
export const score = (pod: PlacementPod, nodes: readonly PlacementNode[], history: PlacementHistory): readonly PlacementReasons[] => {
  const scorer = placementScorer(pod, history);
  return nodes.map((node) => scorer.reasonsOf(node));
};
