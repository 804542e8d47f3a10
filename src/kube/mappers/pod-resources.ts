import { at, items, quantity, text } from '../reader.ts';
import type { PodResourcesView } from '../views.ts';
import { shared } from './interner.ts';

/** A CPU request in cores; undefined where there is none, or none to speak of a share of. */
const cpuRequestOf = (owner: unknown): number | undefined => {
  const cores = quantity(at(owner, 'resources', 'requests', 'cpu'));
  return cores !== undefined && cores > 0 ? cores : undefined;
};

/** What a pod asks for, as the HorizontalPodAutoscaler reads it: by the pod itself (KEP-2837) before its containers, sidecars included. */
export const podResourcesView = (raw: unknown): PodResourcesView => {
  const spec = at(raw, 'spec');
  const running = [...items(at(spec, 'containers')), ...items(at(spec, 'initContainers')).filter((container) => at(container, 'restartPolicy') === 'Always')];
  const nameOf = (container: unknown): string => text(at(container, 'name')) ?? '';
  const without = running.find((container) => cpuRequestOf(container) === undefined);
  const ofContainers = without === undefined ? running.reduce<number>((sum, container) => sum + (cpuRequestOf(container) ?? 0), 0) : undefined;
  const cpuRequest = cpuRequestOf(spec) ?? ofContainers;
  return shared.share({
    containers: running.map(nameOf),
    cpuRequest,
    withoutCpuRequest: cpuRequest === undefined && without !== undefined ? nameOf(without) : undefined,
  });
};
