import { labelSelectorMatcher, printLabelSelector, type LabelSelectorObject } from '../selectors.ts';
import { ageColumn, column, integer, nameColumn, orNone, wide, type Column } from './column.ts';
import { at, isObject, numberAt, objectAt, objectsAt, textAt, textsAt, type JsonObject } from './fields.ts';

const replicas = (object: JsonObject, ...path: readonly string[]): number => numberAt(object, ...path) ?? 0;
const desired = (object: JsonObject): number => replicas(object, 'spec', 'replicas');
const ready = (object: JsonObject): number => replicas(object, 'status', 'readyReplicas');
const readyOfDesired = column('Ready', (object) => `${String(ready(object))}/${String(desired(object))}`);

const ofContainers = (fieldName: string) => (object: JsonObject) =>
  objectsAt(object, 'spec', 'template', 'spec', 'containers')
    .map((container) => textAt(container, fieldName) ?? '')
    .join(',');

const containerColumns: readonly Column[] = [wide('Containers', ofContainers('name')), wide('Images', ofContainers('image'))];

/** `spec.selector` as a string. */
const selectorText = (object: JsonObject): string => {
  const selector: LabelSelectorObject = {
    matchLabels: textsAt(object, 'spec', 'selector', 'matchLabels'),
    matchExpressions: objectsAt(object, 'spec', 'selector', 'matchExpressions').map((expression) => ({
      key: textAt(expression, 'key') ?? '',
      operator: textAt(expression, 'operator') ?? '',
      values: objectsOrTexts(expression),
    })),
  };
  try {
    labelSelectorMatcher(selector);
    return orNone(printLabelSelector(selector));
  } catch {
    return '<invalid>';
  }
};

const objectsOrTexts = (expression: JsonObject): readonly string[] => {
  const values = at(expression, 'values');
  return Array.isArray(values) ? values.filter((value) => typeof value === 'string') : [];
};

export const deploymentColumns: readonly Column[] = [
  nameColumn,
  readyOfDesired,
  column('Up-to-date', (object) => replicas(object, 'status', 'updatedReplicas')),
  column('Available', (object) => replicas(object, 'status', 'availableReplicas')),
  ageColumn,
  ...containerColumns,
  wide('Selector', selectorText),
];

export const replicaSetColumns: readonly Column[] = [
  nameColumn,
  integer('Desired', desired),
  integer('Current', (object) => replicas(object, 'status', 'replicas')),
  integer('Ready', ready),
  ageColumn,
  ...containerColumns,
  wide('Selector', selectorText),
];

export const statefulSetColumns: readonly Column[] = [nameColumn, readyOfDesired, ageColumn, ...containerColumns];

export const controllerRevisionColumns: readonly Column[] = [
  nameColumn,
  column('Controller', (object) => {
    const owner = objectsAt(object, 'metadata', 'ownerReferences').find((reference) => at(reference, 'controller') === true);
    if (owner === undefined) return '<none>';
    const [group, version] = (textAt(owner, 'apiVersion') ?? '').split('/');
    const kind = version === undefined ? (textAt(owner, 'kind') ?? '') : `${textAt(owner, 'kind') ?? ''}.${group ?? ''}`;
    return `${kind.toLowerCase()}/${textAt(owner, 'name') ?? ''}`;
  }),
  column('Revision', (object) => numberAt(object, 'revision') ?? 0),
  ageColumn,
];

const intOrText = (value: unknown): string => (typeof value === 'number' || typeof value === 'string' ? String(value) : 'N/A');

export const disruptionBudgetColumns: readonly Column[] = [
  nameColumn,
  column('Min Available', (object) => intOrText(at(object, 'spec', 'minAvailable'))),
  column('Max Unavailable', (object) => intOrText(at(object, 'spec', 'maxUnavailable'))),
  integer('Allowed Disruptions', (object) => replicas(object, 'status', 'disruptionsAllowed')),
  ageColumn,
];

/** Where a kind of metric keeps its numbers, in spec and status, by `type`. */
const metricFields: Readonly<Record<string, string>> = {
  External: 'external',
  Pods: 'pods',
  Object: 'object',
  Resource: 'resource',
  ContainerResource: 'containerResource',
};

const quantity = (object: unknown, ...path: readonly string[]): string | undefined => {
  const value = at(object, ...path);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
};

const metricText = (metric: JsonObject, status: JsonObject | undefined): string => {
  const kind = metricFields[textAt(metric, 'type') ?? ''];
  if (kind === undefined) return '<unknown type>';
  const named = kind === 'resource' || kind === 'containerResource' ? `${textAt(metric, kind, 'name') ?? ''}: ` : '';
  const current = (fieldName: string): string => quantity(status, kind, 'current', fieldName) ?? '<unknown>';
  const average = quantity(metric, kind, 'target', 'averageValue');
  if (average !== undefined) return `${named}${current('averageValue')}/${average}${kind === 'external' || kind === 'object' ? ' (avg)' : ''}`;
  if (named === '') return `${current('value')}/${quantity(metric, kind, 'target', 'value') ?? '0'}`;
  const used = quantity(status, kind, 'current', 'averageUtilization');
  const wanted = quantity(metric, kind, 'target', 'averageUtilization');
  return `${named}${used === undefined ? '<unknown>' : `${used}%`}/${wanted === undefined ? '<auto>' : `${wanted}%`}`;
};

const targets = (object: JsonObject): string => {
  const cpu = numberAt(object, 'spec', 'targetCPUUtilizationPercentage');
  const used = numberAt(object, 'status', 'currentCPUUtilizationPercentage');
  // The v1 view of the same object.
  if (cpu !== undefined) return `cpu: ${used === undefined ? '<unknown>' : `${String(used)}%`}/${String(cpu)}%`;
  const statuses = objectsAt(object, 'status', 'currentMetrics');
  const texts = objectsAt(object, 'spec', 'metrics').map((metric, index) => metricText(metric, statuses[index]));
  if (texts.length === 0) return '<none>';
  return texts.length > 2 ? `${texts.slice(0, 2).join(', ')} + ${String(texts.length - 2)} more...` : texts.join(', ');
};

export const autoscalerColumns: readonly Column[] = [
  nameColumn,
  column('Reference', (object) => {
    const target = objectAt(object, 'spec', 'scaleTargetRef');
    return isObject(target) ? `${textAt(target, 'kind') ?? ''}/${textAt(target, 'name') ?? ''}` : '/';
  }),
  column('Targets', targets),
  column('MinPods', (object) => quantity(object, 'spec', 'minReplicas') ?? '<unset>'),
  column('MaxPods', (object) => replicas(object, 'spec', 'maxReplicas')),
  column('Replicas', (object) => replicas(object, 'status', 'currentReplicas')),
  ageColumn,
];
