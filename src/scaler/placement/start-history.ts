import type { WorkloadKey } from '../../core/index.ts';
import { recentMedian, withSample, type Samples } from './recent-median.ts';

/** Starts of one revision of a workload. Where it had not run before, its image had to come first: that is another kind of start. */
export interface RevisionStarts {
  readonly workload: WorkloadKey;
  readonly revision: string;
  /** Milliseconds, wherever they were. */
  first: Samples;
  again: Samples;
  /** By node that it has run on: how long starts took there, as multiples of what was typical then; none where no start was seen. */
  readonly nodes: Map<string, Samples>;
}

interface RevisionHistory {
  /** Where it has run. */
  nodes(): Iterable<string>;
  hasRun(node: string): boolean;
  /** How long one of its starts on that node takes, as a multiple of the typical one; undefined: none was seen. */
  slowness(node: string): number | undefined;
  /** How much longer a start of this revision takes where the image has to come first, in starts where it is there; `unseen`: not both were seen yet; `nowhere`: it has run on no node. */
  pull(): number | 'unseen' | 'nowhere';
}

export interface Start {
  readonly workload: WorkloadKey;
  readonly revision: string;
  readonly node: string;
  /** From being bound to being ready; undefined: it runs there, and nobody knows how long that took. */
  readonly ms: number | undefined;
}

export const historyLimits = {
  revisions: 2_000,
  /** Older ones of the same workload are forgotten: a rollback to the one before is what happens. */
  revisionsOfWorkload: 3,
  nodesOfRevision: 100,
  /** Pairs of revision and node. */
  entries: 10_000,
  nodes: 10_000,
} as const;

/** Longer than this nobody waited for a start, but for something else. */
const longestMs = 15 * 60_000;

const idOf = (workload: WorkloadKey, revision: string): string => `${workload} ${revision}`;
/** What is known of a node: samples, and what they come to, as it is asked about for every pod. */
interface NodeStarts {
  readonly samples: Samples;
  readonly slowness: number | undefined;
}

const nodeStarts = (samples: Samples): NodeStarts => ({ samples, slowness: recentMedian(samples) });

const pullOf = (starts: RevisionStarts | undefined): number | undefined => {
  const [first, again] = [recentMedian(starts?.first ?? []), recentMedian(starts?.again ?? [])];
  return first === undefined || again === undefined ? undefined : (first - again) / again;
};

const hundredths = (value: number): number => Math.max(0.01, Math.round(value * 100) / 100);

/** Puts the entry behind all others, as the newest. */
const touch = <K, V>(map: Map<K, V>, key: K, value: V): void => {
  map.delete(key);
  map.set(key, value);
};

/**
 * How long starts have taken, by revision and node, and where each revision has run. A start is kept as a multiple of what is typical for its revision and
 * kind, so that a node is judged by all that started on it, quick and slow programs alike. Bounded: what was used longest ago goes first.
 */
export class StartHistory {
  /** Both by last start, the oldest first. */
  readonly #revisions = new Map<string, RevisionStarts>();
  readonly #nodes = new Map<string, NodeStarts>();
  readonly #tell: (node: string, slowness: number | undefined) => void;
  #entries = 0;
  #version = 0;

  /** `tell` hears of each node whose slowness has changed, so that it can be kept with what else is known of the node. */
  constructor(tell: (node: string, slowness: number | undefined) => void = () => undefined) {
    this.#tell = tell;
  }

  /** Changes with every change. */
  get version(): number {
    return this.#version;
  }

  record({ workload, revision, node, ms }: Start): void {
    const id = idOf(workload, revision);
    if (ms === undefined ? this.hasRun(workload, revision, node) : !(ms >= 0 && ms <= longestMs)) return;
    this.#version += 1;
    const starts: RevisionStarts = this.#revisions.get(id) ?? { workload, revision, first: [], again: [], nodes: new Map() };
    const isNew = !this.#revisions.has(id);
    touch(this.#revisions, id, starts);
    const before = starts.nodes.get(node);
    if (before === undefined) this.#entries += 1;
    touch(starts.nodes, node, before ?? []);
    if (ms !== undefined) {
      const kind = before === undefined ? 'first' : 'again';
      starts[kind] = withSample(starts[kind], Math.max(1, Math.round(ms)));
      const multiple = hundredths(ms / (recentMedian(starts[kind]) ?? ms));
      touch(starts.nodes, node, withSample(before ?? [], multiple));
      this.#setNode(node, withSample(this.#nodes.get(node)?.samples ?? [], multiple));
    }
    this.#keepWithinLimits(starts, isNew);
  }

  hasRun(workload: WorkloadKey, revision: string, node: string): boolean {
    return this.#revisions.get(idOf(workload, revision))?.nodes.has(node) === true;
  }

  /** What is known of one revision, looked up once for many nodes. */
  of(workload: WorkloadKey, revision: string): RevisionHistory {
    const starts = this.#revisions.get(idOf(workload, revision));
    const own = starts?.nodes;
    return {
      nodes: () => own?.keys() ?? [],
      hasRun: (node) => own?.has(node) === true,
      slowness: (node) => {
        const samples = own?.get(node);
        return samples === undefined ? undefined : recentMedian(samples);
      },
      pull: () => (own === undefined || own.size === 0 ? 'nowhere' : (pullOf(starts) ?? 'unseen')),
    };
  }

  /** How long a start on that node takes, whosever it is, as a multiple of the typical one; undefined: none was seen. */
  slowness(node: string): number | undefined {
    return this.#nodes.get(node)?.slowness;
  }

  /** The workload was handed back or deleted. */
  forget(workload: WorkloadKey): void {
    for (const [id, starts] of this.#revisions) if (starts.workload === workload) this.#drop(id, starts);
  }

  nodeGone(node: string): void {
    this.#dropNode(node);
    for (const { nodes } of this.#revisions.values()) {
      if (!nodes.delete(node)) continue;
      this.#entries -= 1;
      this.#version += 1;
    }
  }

  /** By last start, the oldest first. */
  revisions(): Iterable<Readonly<RevisionStarts>> {
    return this.#revisions.values();
  }

  *nodes(): Iterable<readonly [string, Samples]> {
    for (const [node, { samples }] of this.#nodes) yield [node, samples];
  }

  /** Takes up what an earlier process knew. What has been seen since goes before it, and counts as newer. */
  adopt(revisions: Iterable<RevisionStarts>, nodes: Iterable<readonly [string, Samples]>): void {
    const [newer, newerNodes] = [[...this.#revisions], [...this.#nodes]];
    this.#revisions.clear();
    this.#nodes.clear();
    for (const starts of revisions) this.#revisions.set(idOf(starts.workload, starts.revision), starts);
    for (const [node, samples] of nodes) this.#setNode(node, samples);
    for (const [id, starts] of newer) touch(this.#revisions, id, starts);
    for (const [node, { samples }] of newerNodes) this.#setNode(node, samples);
    this.#entries = 0;
    for (const { nodes: entries } of this.#revisions.values()) this.#entries += entries.size;
    this.#keepWithinLimits(undefined, false);
  }

  #keepWithinLimits(changed: RevisionStarts | undefined, isNew: boolean): void {
    if (changed !== undefined) {
      for (const node of changed.nodes.keys()) {
        if (changed.nodes.size <= historyLimits.nodesOfRevision) break;
        changed.nodes.delete(node);
        this.#entries -= 1;
      }
      if (isNew) this.#dropOldRevisions(changed.workload);
    }
    for (const [id, starts] of this.#revisions) {
      if (this.#revisions.size <= historyLimits.revisions && this.#entries <= historyLimits.entries) break;
      this.#drop(id, starts);
    }
    for (const node of this.#nodes.keys()) {
      if (this.#nodes.size <= historyLimits.nodes) break;
      this.#dropNode(node);
    }
  }

  #setNode(node: string, samples: Samples): void {
    const starts = nodeStarts(samples);
    touch(this.#nodes, node, starts);
    this.#tell(node, starts.slowness);
  }

  #dropNode(node: string): void {
    if (!this.#nodes.delete(node)) return;
    this.#version += 1;
    this.#tell(node, undefined);
  }

  #dropOldRevisions(workload: WorkloadKey): void {
    const own = [...this.#revisions].filter(([, starts]) => starts.workload === workload);
    for (const [id, starts] of own.slice(0, -historyLimits.revisionsOfWorkload)) this.#drop(id, starts);
  }

  #drop(id: string, starts: RevisionStarts): void {
    this.#revisions.delete(id);
    this.#entries -= starts.nodes.size;
    this.#version += 1;
  }
}
