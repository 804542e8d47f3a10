import { cause, type StatusCause } from '../api-error.ts';
import { at, equal, isObject, numberAt, objectAt, textAt, type JsonObject } from '../json.ts';
import { atLeast } from './checks.ts';
import { selectorCauses } from './workload.ts';

const configKey = /^[-._a-zA-Z0-9]{1,253}$/;
const dataLimit = 1024 * 1024;

const dataCauses = (object: JsonObject, field: string): StatusCause[] => {
  const data = object[field];
  if (data === undefined) return [];
  if (!isObject(data)) return [cause.invalid(field, data, 'must be a map')];
  return Object.entries(data).flatMap(([key, value]) => [
    ...(configKey.test(key) ? [] : [cause.invalid(`${field}[${key}]`, key, "a valid config key must consist of alphanumeric characters, '-', '_' or '.'")]),
    ...(typeof value === 'string' ? [] : [cause.invalid(`${field}[${key}]`, value, 'must be a string')]),
  ]);
};

const sizeOf = (data: JsonObject | undefined): number =>
  Object.values(data ?? {}).reduce<number>((sum, value) => sum + (typeof value === 'string' ? Buffer.byteLength(value) : 0), 0);

const immutableCauses = (object: JsonObject, previous: JsonObject | undefined): StatusCause[] =>
  previous?.['immutable'] !== true
    ? []
    : ['data', 'binaryData', 'immutable']
        .filter((field) => !equal(object[field], previous[field]))
        .map((field) => cause.forbidden(field, 'field is immutable when `immutable` is set'));

/** ConfigMaps and Secrets. */
export const dataHolderCauses = (object: JsonObject, previous: JsonObject | undefined): StatusCause[] => [
  ...dataCauses(object, 'data'),
  ...dataCauses(object, 'binaryData'),
  ...(sizeOf(objectAt(object, 'data')) + sizeOf(objectAt(object, 'binaryData')) > dataLimit ? [cause.tooLong('data', dataLimit)] : []),
  ...immutableCauses(object, previous),
  ...(previous !== undefined && previous['type'] !== object['type'] ? [cause.invalid('type', object['type'], 'field is immutable')] : []),
];

export const leaseCauses = (object: JsonObject): StatusCause[] => [
  ...atLeast('spec.leaseDurationSeconds', at(object, 'spec', 'leaseDurationSeconds'), 1),
  ...atLeast('spec.leaseTransitions', at(object, 'spec', 'leaseTransitions'), 0),
  ...(textAt(object, 'spec', 'holderIdentity') === '' ? [cause.invalid('spec.holderIdentity', '', 'must not be empty')] : []),
];

export const autoscalerCauses = (object: JsonObject): StatusCause[] => {
  const spec = objectAt(object, 'spec');
  const least = numberAt(spec, 'minReplicas') ?? 1;
  const most = numberAt(spec, 'maxReplicas');
  return [
    ...['kind', 'name'].filter((part) => (textAt(spec, 'scaleTargetRef', part) ?? '') === '').map((part) => cause.required(`spec.scaleTargetRef.${part}`)),
    ...atLeast('spec.minReplicas', spec?.['minReplicas'], 1),
    ...(most === undefined ? [cause.invalid('spec.maxReplicas', 0, 'must be greater than 0')] : atLeast('spec.maxReplicas', most, 1)),
    ...(most !== undefined && most < least ? [cause.invalid('spec.maxReplicas', most, 'must be greater than or equal to `minReplicas`')] : []),
  ];
};

export const disruptionBudgetCauses = (object: JsonObject): StatusCause[] => {
  const spec = objectAt(object, 'spec');
  return [
    ...(spec?.['minAvailable'] !== undefined && spec['maxUnavailable'] !== undefined
      ? [cause.invalid('spec', '', 'minAvailable and maxUnavailable cannot be both set')]
      : []),
    ...selectorCauses('spec.selector', spec?.['selector']),
  ];
};

export const controllerRevisionCauses = (object: JsonObject, previous: JsonObject | undefined): StatusCause[] => [
  ...(object['revision'] === undefined ? [] : atLeast('revision', object['revision'], 0)),
  ...(previous !== undefined && !equal(object['data'], previous['data']) ? [cause.invalid('data', '', 'field is immutable')] : []),
];

/** core/v1 form. The namespace of what it is about must be its own. */
export const eventCauses = (object: JsonObject): StatusCause[] => {
  const about = textAt(object, 'involvedObject', 'namespace');
  const own = textAt(object, 'metadata', 'namespace') ?? '';
  const fits = about === undefined || about === '' ? own === 'default' || own === 'kube-system' : about === own;
  return fits ? [] : [cause.invalid('involvedObject.namespace', about ?? '', 'does not match event.namespace')];
};
