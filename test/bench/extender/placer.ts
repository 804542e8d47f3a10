import { score, type PlacementNode, type PlacementPod } from '../../../src/decider/index.ts';
import type { Placement, Placer } from '../../../src/webhooks/index.ts';
import { nodeName, nodeObject, ownerName, sizes } from './objects.ts';

interface SomeNode {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly status: { readonly images: readonly { readonly names: readonly string[] }[] };
}

const placementNode = (index: number): PlacementNode => {
  const { metadata, status } = nodeObject(index) as SomeNode;
  return {
    name: nodeName(index),
    zone: metadata.labels['topology.kubernetes.io/zone'],
    allocatable: { cpu: 15.89, memory: 62 * 2 ** 30, pods: 110 },
    requested: { cpu: 0.5 * (index % 30), memory: 2 ** 29 * (index % 30), pods: index % 30 },
    starting: index % 3,
    leaving: index % 50 === 0 ? 'cordoned' : undefined,
    labels: metadata.labels,
    images: new Set(status.images.flatMap(({ names }) => names)),
  };
};

/** Scores by the decider from a table of nodes, pods and starts that does not change. */
export const generatedPlacer = (): Placer => {
  const nodes = new Map(Array.from({ length: sizes.nodes }, (_, index) => [nodeName(index), placementNode(index)]));
  const slowness = new Map([...nodes.keys()].map((name, index) => [name, 0.5 + (index % 40) / 20]));
  const placements = new Map<string, Placement>();
  for (let workload = 0; workload < sizes.workloads; workload += 1) {
    const pod: PlacementPod = {
      policy: 'warm',
      requests: { cpu: 0.5, memory: 2 ** 29 },
      images: (nodeObject(workload) as SomeNode).status.images[0]?.names ?? [],
      pool: 'base',
      poolOf: ({ labels }) => (labels['karpenter.sh/capacity-type'] === 'on-demand' ? 'base' : 'burst'),
      podsByNode: new Map(Array.from({ length: 100 }, (_, at) => [nodeName((workload + at * 13) % sizes.nodes), 1])),
      podsByZone: new Map(['a', 'b', 'c'].map((zone, at) => [`eu-central-1${zone}`, 30 + at])),
    };
    const history = { hasRun: (name: string): boolean => pod.podsByNode.has(name), slowness: (name: string): number | undefined => slowness.get(name) };
    placements.set(ownerName(workload), {
      scores: (names) => {
        const known = names.flatMap((name) => nodes.get(name) ?? []);
        const scored = score(pod, known, history);
        let next = 0;
        return names.map((name) => (nodes.has(name) ? scored[next++]?.score : undefined));
      },
      inPool: (names) => names.map((name) => (nodes.has(name) ? pod.poolOf(nodes.get(name) as PlacementNode) === pod.pool : undefined)),
      answered: () => undefined,
    });
  }
  return { placementOf: ({ owner }) => placements.get(owner?.name ?? '') ?? 'not-ours' };
};
