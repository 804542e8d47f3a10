import { at, items, quantity, text } from '../reader.ts';
import type { AskedView, PodResourcesView, TemplateRequestsView } from '../views.ts';
import { shared } from './interner.ts';

type Kind = 'cpu' | 'memory';

/** Undefined where there is none, or none to speak of a share of. */
const amountOf = (owner: unknown, list: 'requests' | 'limits', kind: Kind): number | undefined => {
  const amount = quantity(at(owner, 'resources', list, kind));
  return amount !== undefined && amount > 0 ? amount : undefined;
};

/** Who asks for nothing and has a limit asks for that: the API server writes so into pods, and not into templates (kubernetes `pkg/apis/core/v1/defaults.go`, `SetDefaults_Pod`). */
const requestOf = (container: unknown, kind: Kind): number | undefined => amountOf(container, 'requests', kind) ?? amountOf(container, 'limits', kind);

const nameOf = (container: unknown): string => text(at(container, 'name')) ?? '';

/** What runs as long as the pod does: sidecars included. */
const runningIn = (spec: unknown): readonly unknown[] => [
  ...items(at(spec, 'containers')),
  ...items(at(spec, 'initContainers')).filter((container) => at(container, 'restartPolicy') === 'Always'),
];

/** As the HorizontalPodAutoscaler reads it: by the pod itself (KEP-2837) before its containers. */
const askedBy = (spec: unknown, kind: Kind): AskedView => {
  const running = runningIn(spec);
  const without = running.find((container) => requestOf(container, kind) === undefined);
  const ofContainers =
    running.length > 0 && without === undefined ? running.reduce<number>((sum, container) => sum + (requestOf(container, kind) ?? 0), 0) : undefined;
  return amountOf(spec, 'requests', kind) ?? ofContainers ?? amountOf(spec, 'limits', kind) ?? { without: nameOf(without) };
};

export const podResourcesView = (raw: unknown): PodResourcesView => {
  const spec = at(raw, 'spec');
  const asked = askedBy(spec, 'cpu');
  const [cpuRequest, withoutCpuRequest] = typeof asked === 'number' ? [asked, undefined] : [undefined, asked.without];
  return shared.share({ containers: runningIn(spec).map(nameOf), cpuRequest, withoutCpuRequest });
};

/** Of a pod template. What is written into its pods at admission (defaults of a LimitRange, sidecars) is not in it. */
export const templateRequestsView = (template: unknown): TemplateRequestsView => {
  const spec = at(template, 'spec');
  return shared.share({ cpu: askedBy(spec, 'cpu'), memory: askedBy(spec, 'memory') });
};
