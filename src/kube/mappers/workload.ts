import { at, flag, integer, items, text, textMap, texts, time } from '../reader.ts';
import type { WorkloadView } from '../views.ts';
import { metaView } from './meta.ts';
import { templateRequestsView } from './pod-resources.ts';

/** A mapper for one kind with `/scale`: `resource` is `deployments.apps`, `statefulsets.apps` or any other whose spec has replicas, selector and template. */
export const workloadView =
  (resource: string) =>
  (raw: unknown): WorkloadView => {
    const spec = at(raw, 'spec');
    return {
      ...metaView(raw),
      resource,
      generation: integer(at(raw, 'metadata', 'generation')) ?? 0,
      observedGeneration: integer(at(raw, 'status', 'observedGeneration')) ?? 0,
      specReplicas: integer(at(spec, 'replicas')) ?? 1,
      readyReplicas: integer(at(raw, 'status', 'readyReplicas')) ?? 0,
      paused: flag(at(spec, 'paused')),
      selector: {
        matchLabels: textMap(at(spec, 'selector', 'matchLabels')),
        matchExpressions: items(at(spec, 'selector', 'matchExpressions')).flatMap(matchExpression),
      },
      podLabels: textMap(at(spec, 'template', 'metadata', 'labels')),
      podAnnotations: textMap(at(spec, 'template', 'metadata', 'annotations')),
      podRequests: templateRequestsView(at(spec, 'template')),
      progressDeadlineSeconds: integer(at(spec, 'progressDeadlineSeconds')) ?? 600,
      conditions: items(at(raw, 'status', 'conditions')).flatMap(condition),
      scaledBy: items(at(raw, 'metadata', 'managedFields'))
        .flatMap(scaledBy)
        .sort((one, other) => other.at - one.at),
      isCountApplied: items(at(raw, 'metadata', 'managedFields')).some((entry) => ownsReplicas(entry) && !at(entry, 'subresource')),
      firstOrdinal: integer(at(spec, 'ordinals', 'start')) ?? 0,
    };
  };

const matchExpression = (raw: unknown): WorkloadView['selector']['matchExpressions'] => {
  const [key, operator] = [text(at(raw, 'key')), text(at(raw, 'operator'))];
  return key === undefined || operator === undefined ? [] : [{ key, operator, values: texts(at(raw, 'values')) }];
};

const condition = (raw: unknown): WorkloadView['conditions'] => {
  const [type, status] = [text(at(raw, 'type')), text(at(raw, 'status'))];
  return type === undefined || status === undefined ? [] : [{ type, status, reason: text(at(raw, 'reason')) ?? '', message: text(at(raw, 'message')) ?? '' }];
};

const ownsReplicas = (entry: unknown): boolean => at(entry, 'fieldsV1', 'f:spec', 'f:replicas') !== undefined;

/** A managedFields entry of subresource `scale` that owns `spec.replicas`. */
const scaledBy = (raw: unknown): WorkloadView['scaledBy'] => {
  const manager = text(at(raw, 'manager'));
  if (manager === undefined || at(raw, 'subresource') !== 'scale' || !ownsReplicas(raw)) return [];
  return [{ manager, at: time(at(raw, 'time')) }];
};
