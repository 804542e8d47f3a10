import type { WriteContext } from '../admission/admission.ts';
import { ApiError } from '../api-error.ts';
import { at, listAt, numberAt, objectAt, textAt, type JsonObject } from '../json.ts';
import { findResource } from '../registry.ts';
import type { Stored } from '../store/stored.ts';
import { matcherOf } from '../validation/workload.ts';
import type { DeleteOptions } from './delete.ts';
import type { Operations } from './operations.ts';
import type { Target } from './writer.ts';

const evictionKind = { group: 'policy', version: 'v1', kind: 'Eviction' };

const isReady = (pod: JsonObject): boolean =>
  textAt(pod, 'metadata', 'deletionTimestamp') === undefined &&
  listAt(pod, 'status', 'conditions').some((condition) => textAt(condition, 'type') === 'Ready' && textAt(condition, 'status') === 'True');

const share = (value: unknown, whole: number): number => {
  if (typeof value === 'string' && value.endsWith('%')) return Math.ceil((Number(value.slice(0, -1)) / 100) * whole);
  return typeof value === 'number' ? value : 0;
};

/** How many pods of a budget may go now, from the pods as they are (no controller keeps `status.disruptionsAllowed` here). */
const disruptionsAllowed = (budget: JsonObject, pods: readonly JsonObject[]): number => {
  const healthy = pods.filter(isReady).length;
  const most = at(budget, 'spec', 'maxUnavailable');
  const desired = most === undefined ? share(at(budget, 'spec', 'minAvailable'), pods.length) : Math.max(0, pods.length - share(most, pods.length));
  return Math.max(0, healthy - desired);
};

const checkBudgets = ({ store }: Operations, pod: Stored): void => {
  const budgets = findResource('policy', 'v1', 'poddisruptionbudgets');
  const pods = findResource('', 'v1', 'pods');
  if (budgets === undefined || pods === undefined) return;
  const namespace = pod.metadata.namespace;
  const covering = store.list(budgets, namespace).filter((budget) => matcherOf(at(budget, 'spec', 'selector'))(pod.metadata.labels));
  if (covering.length > 1) throw ApiError.internal('This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.');
  const [budget] = covering;
  if (budget === undefined || !isReady(pod)) return;
  const matches = matcherOf(at(budget, 'spec', 'selector'));
  if (
    disruptionsAllowed(
      budget,
      store.list(pods, namespace).filter((one) => matches(one.metadata.labels)),
    ) > 0
  )
    return;
  const name = budget.metadata.name;
  throw ApiError.tooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 10, [
    { reason: 'DisruptionBudget', message: `The disruption budget ${name} does not allow another pod to be disrupted now` },
  ]);
};

/** POST of `pods/NAME/eviction`: a delete that respects PodDisruptionBudgets (429 where one forbids it). */
export const evictPod = async (operations: Operations, target: Target, eviction: JsonObject, context: WriteContext): Promise<void> => {
  const pod = operations.store.get(target.resource, target.namespace, target.name);
  if (pod === undefined) throw ApiError.notFound(target.resource, target.name);
  const attributes = {
    operation: 'CREATE' as const,
    resource: target.resource,
    subresource: 'eviction',
    kind: evictionKind,
    namespace: target.namespace,
    name: target.name,
    object: eviction,
    oldObject: undefined,
    context,
  };
  await operations.admission.mutate(attributes, (object) => object);
  await operations.admission.validate(attributes);
  checkBudgets(operations, pod);
  const given = objectAt(eviction, 'deleteOptions');
  const options: DeleteOptions = {
    uid: textAt(given, 'preconditions', 'uid'),
    resourceVersion: textAt(given, 'preconditions', 'resourceVersion'),
    gracePeriodSeconds: numberAt(given, 'gracePeriodSeconds'),
  };
  const dryRun = context.dryRun || listAt(given, 'dryRun').includes('All');
  await operations.deleter.delete(target, options, { ...context, dryRun });
};
