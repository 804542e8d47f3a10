import { isObject, numberAt, objectAt, textAt, withField, type JsonObject } from '../json.ts';
import { apiVersionOf, resourceKey, type ResourceDefinition } from '../registry.ts';
import { frozenObject } from '../json.ts';

interface View {
  readonly fromStored: (object: JsonObject) => JsonObject;
  readonly toStored: (object: JsonObject) => JsonObject;
}

const renamed = (object: JsonObject, names: Readonly<Record<string, string>>): JsonObject =>
  Object.fromEntries(Object.entries(object).map(([field, value]) => [names[field] ?? field, value]));

const toNewEvent: Readonly<Record<string, string>> = {
  involvedObject: 'regarding',
  message: 'note',
  reportingComponent: 'reportingController',
  source: 'deprecatedSource',
  firstTimestamp: 'deprecatedFirstTimestamp',
  lastTimestamp: 'deprecatedLastTimestamp',
  count: 'deprecatedCount',
};
const toCoreEvent = Object.fromEntries(Object.entries(toNewEvent).map(([core, fresh]) => [fresh, core]));

const isCpu = (metric: unknown): boolean => textAt(metric, 'type') === 'Resource' && textAt(metric, 'resource', 'name') === 'cpu';
const otherMetrics = 'autoscaling.alpha.kubernetes.io/metrics';

/** autoscaling/v1 knows CPU alone; what else there is stays in an annotation, as kube-apiserver keeps it (here in the v2 form). */
const autoscalerToV1 = (object: JsonObject): JsonObject => {
  const spec = objectAt(object, 'spec') ?? {};
  const { metrics, ...rest } = spec;
  const list: readonly unknown[] = Array.isArray(metrics) ? metrics : [];
  const target = list
    .map((metric) => (isCpu(metric) ? numberAt(metric, 'resource', 'target', 'averageUtilization') : undefined))
    .find((value) => value !== undefined);
  const others = list.filter((metric) => !isCpu(metric));
  const shown = { ...object, spec: { ...rest, ...(target === undefined ? {} : { targetCPUUtilizationPercentage: target }) } };
  return others.length === 0 ? shown : withField(shown, ['metadata', 'annotations', otherMetrics], JSON.stringify(others));
};

const parsedMetrics = (text: string | undefined): readonly unknown[] => {
  try {
    const parsed: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(parsed) ? parsed : [];
  } catch {
    return [];
  }
};

const autoscalerFromV1 = (object: JsonObject): JsonObject => {
  const { targetCPUUtilizationPercentage: target, ...rest } = objectAt(object, 'spec') ?? {};
  const cpu = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: target } } };
  const metrics = [...(target === undefined ? [] : [cpu]), ...parsedMetrics(textAt(object, 'metadata', 'annotations', otherMetrics))];
  const plain = withField(object, ['metadata', 'annotations', otherMetrics], undefined);
  return { ...plain, spec: metrics.length === 0 ? rest : { ...rest, metrics } };
};

const views: Readonly<Record<string, View>> = {
  'events.k8s.io/v1/events': {
    fromStored: (object) => renamed(object, toNewEvent),
    toStored: (object) => renamed(object, toCoreEvent),
  },
  'autoscaling/v1/horizontalpodautoscalers': { fromStored: autoscalerToV1, toStored: autoscalerFromV1 },
};

const shown = new WeakMap<JsonObject, JsonObject>();

/** A stored object as the requested version and group show it. */
export const viewOf = (resource: ResourceDefinition, object: JsonObject): JsonObject => {
  const view = resource.storedAs === undefined ? undefined : views[resourceKey(resource)];
  if (view === undefined) return object;
  const known = shown.get(object);
  if (known !== undefined) return known;
  const { kind, apiVersion, ...rest } = view.fromStored(object);
  const made = frozenObject({ kind: kind ?? resource.kind, apiVersion: apiVersion === undefined ? undefined : apiVersionOf(resource), ...rest });
  shown.set(object, made);
  return made;
};

/** The stored form of an object that came in the requested version and group. */
export const storedForm = (resource: ResourceDefinition, object: JsonObject): JsonObject => {
  const view = resource.storedAs === undefined ? undefined : views[resourceKey(resource)];
  if (view === undefined || resource.storedAs === undefined || !isObject(object)) return object;
  return { ...view.toStored(object), apiVersion: apiVersionOf(resource.storedAs) };
};
