import { at, isRecord, items, quantity } from '../reader.ts';
import type { PodRequestsView } from '../views.ts';
import { conditionOf } from './meta.ts';
import { shared } from './interner.ts';

type Kind = 'cpu' | 'memory';

const amount = (list: unknown, kind: Kind): number => Math.max(0, quantity(at(list, kind)) ?? 0);

/** What the scheduler goes by while a resize is under way: the most of what is asked for, given, and in force (KEP-1287); what cannot be done is not asked for. */
const effective = (spec: unknown, status: unknown, isInfeasible: boolean, kind: Kind): number => {
  const asked = amount(at(spec, 'resources', 'requests'), kind);
  if (!isRecord(at(status, 'resources'))) return asked;
  return Math.max(isInfeasible ? 0 : asked, amount(at(status, 'resources', 'requests'), kind), amount(at(status, 'allocatedResources'), kind));
};

const requestOf = (raw: unknown, kind: Kind): number => {
  const [spec, status] = [at(raw, 'spec'), at(raw, 'status')];
  const isInfeasible = at(conditionOf(raw, 'PodResizePending'), 'reason') === 'Infeasible';
  const statusOf = (container: unknown, statuses: string): unknown => items(at(status, statuses)).find((each) => at(each, 'name') === at(container, 'name'));
  let running = 0;
  for (const container of items(at(spec, 'containers'))) running += effective(container, statusOf(container, 'containerStatuses'), isInfeasible, kind);
  // An init container runs beside the sidecars that were begun before it.
  let [sidecars, starting] = [0, 0];
  for (const container of items(at(spec, 'initContainers'))) {
    const isSidecar = at(container, 'restartPolicy') === 'Always';
    const asked = effective(container, isSidecar ? statusOf(container, 'initContainerStatuses') : undefined, isInfeasible, kind);
    if (isSidecar) sidecars += asked;
    starting = Math.max(starting, sidecars + (isSidecar ? 0 : asked));
  }
  const ofContainers = Math.max(running + sidecars, starting);
  const ofPod = at(spec, 'resources', 'requests', kind) === undefined ? undefined : effective(spec, status, isInfeasible, kind);
  return (ofPod ?? ofContainers) + amount(at(spec, 'overhead'), kind);
};

/**
 * What the scheduler counts a pod for: all containers and sidecars, or more while init containers run (KEP-753); what the pod itself asks for goes before
 * that (KEP-2837); and the overhead of its RuntimeClass. As `PodRequests` of k8s.io/component-helpers/resource/helpers.go, which kube-scheduler calls
 * (pkg/scheduler/framework/types.go, `calculateResource`), but for ResourceClaims.
 */
export const podRequests = (raw: unknown): PodRequestsView => shared.share({ cpu: requestOf(raw, 'cpu'), memory: requestOf(raw, 'memory') });
