import type { Machine, SimulatedPod } from './machine.ts';
import type { Settings } from './settings.ts';

/**
 * How the stock kube-scheduler scores nodes for a pod without affinities, tolerations and constraints of its own: its default plugins and their weights
 * (kubernetes v1.36, pkg/scheduler/apis/config/v1/default_plugins.go), whole numbers as there. TaintToleration, NodeAffinity and InterPodAffinity give every
 * node the same to such a pod and are left out. Of 100 nodes all are scored (schedule_one.go, `minFeasibleNodesToFind`).
 */
const weights = { fit: 1, balanced: 1, image: 1, spread: 2 } as const;

const most = 100;
const { trunc } = Math;

/** Of one resource: what is requested, the pod's own request included, and what there is. */
export interface Taken {
  readonly requested: number;
  readonly allocatable: number;
}
const freeOf = ({ requested, allocatable }: Taken): number => trunc(((allocatable - requested) * most) / allocatable);

/** Plugins/noderesources/least_allocated.go: CPU and memory weigh the same. */
export const leastAllocated = (cpu: Taken, memory: Taken): number => trunc((freeOf(cpu) + freeOf(memory)) / 2);

const balance = (cpu: number, memory: number): number => trunc((1 - Math.abs((cpu - memory) / 2)) * most);

/** Plugins/noderesources/balanced_allocation.go, of shares of CPU and memory without the pod and with it: 75 where the balance stays the same. */
export const balancedAllocation = (before: readonly [number, number], after: readonly [number, number]): number =>
  most / 2 + trunc((most / 2 + balance(...after) - balance(...before)) / 2);

const MB = 1024 * 1024;
const [minThreshold, maxThreshold] = [23 * MB, 1000 * MB];

/** Plugins/imagelocality/image_locality.go, of one container: nothing before as many nodes have the image as make its size × their share 23 MiB. */
export const imageLocality = (bytes: number, nodesWithIt: number, nodes: number): number => {
  const scaled = Math.min(maxThreshold, Math.max(minThreshold, trunc(bytes * (nodesWithIt / nodes))));
  return trunc((most * (scaled - minThreshold)) / (maxThreshold - minThreshold));
};

/** Plugins/podtopologyspread/scoring.go with the constraints of plugin.go, `systemDefaultConstraints`: by node with skew 3, by zone with skew 5. */
export const topologySpread = (counts: readonly { readonly onNode: number; readonly inZone: number }[], zones: number): readonly number[] => {
  const [byNode, byZone] = [Math.log(counts.length + 2), Math.log(zones + 2)];
  const raw = counts.map(({ onNode, inZone }) => Math.round(onNode * byNode + 2 + inZone * byZone + 4));
  const [least, greatest] = [Math.min(...raw), Math.max(...raw)];
  return raw.map((value) => trunc((most * (greatest + least - value)) / greatest));
};

/** Of each node that has room, in their order. */
export const defaultScores = (
  pod: Pick<SimulatedPod, 'workload' | 'image' | 'revision'>,
  candidates: readonly Machine[],
  all: readonly Machine[],
  { cores, memory }: Settings,
): readonly number[] => {
  const { workload, image } = pod;
  const onNodes = new Map<Machine, number>();
  const inZones = new Map<string, number>(candidates.map(({ zone }) => [zone, 0]));
  let index = 0;
  const named = new Set<Machine>();
  for (const machine of all) {
    let count = 0;
    // Of its ReplicaSet: the label `pod-template-hash` is in the selector.
    for (const other of machine.pods) if (other.workload === workload && other.revision === pod.revision) count += 1;
    onNodes.set(machine, count);
    const inZone = inZones.get(machine.zone);
    if (inZone !== undefined) inZones.set(machine.zone, inZone + count);
    if (machine.images.has(image) && machine.namedImages.includes(image)) named.add(machine);
  }
  const spread = topologySpread(
    candidates.map((machine) => ({ onNode: onNodes.get(machine) ?? 0, inZone: inZones.get(machine.zone) ?? 0 })),
    inZones.size,
  );
  return candidates.map((machine) => {
    const before = [machine.cpu / cores, machine.memory / memory] as const;
    const after = [(machine.cpu + workload.cpu) / cores, (machine.memory + workload.memory) / memory] as const;
    return (
      weights.fit *
        leastAllocated({ requested: machine.cpu + workload.cpu, allocatable: cores }, { requested: machine.memory + workload.memory, allocatable: memory }) +
      weights.balanced * balancedAllocation(before, after) +
      weights.image * (named.has(machine) ? imageLocality(workload.imageBytes, named.size, all.length) : 0) +
      weights.spread * (spread[index++] ?? 0)
    );
  });
};
