import { cause, type StatusCause } from '../api-error.ts';
import { at, equal, isObject, listAt, numberAt, objectAt, textAt, textsAt, type JsonObject } from '../json.ts';
import { labelSelectorMatcher, type LabelMatcher, type LabelSelectorObject } from '../selectors.ts';
import { atLeast, countOrPercent, isZero, oneOf } from './checks.ts';
import { annotationCauses, labelCauses } from './names.ts';
import { podSpecCauses } from './pod.ts';

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'];

/** A LabelSelector object (meta/v1). */
export const selectorCauses = (field: string, selector: unknown): StatusCause[] => [
  ...labelCauses(`${field}.matchLabels`, at(selector, 'matchLabels')),
  ...listAt(selector, 'matchExpressions').flatMap((expression, index) => {
    const path = `${field}.matchExpressions[${String(index)}]`;
    const operator = textAt(expression, 'operator') ?? '';
    const takesValues = operator === 'In' || operator === 'NotIn';
    const values = listAt(expression, 'values').length;
    return [
      ...oneOf(`${path}.operator`, operator, operators),
      ...(takesValues && values === 0 ? [cause.required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'")] : []),
      ...(!takesValues && values > 0 ? [cause.forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")] : []),
    ];
  }),
];

/** An unchecked selector object as the selector functions take it. */
export const selectorOf = (selector: unknown): LabelSelectorObject => ({
  matchLabels: textsAt(selector, 'matchLabels'),
  matchExpressions: listAt(selector, 'matchExpressions').map((expression) => ({
    key: textAt(expression, 'key') ?? '',
    operator: textAt(expression, 'operator') ?? '',
    values: listAt(expression, 'values').filter((value) => typeof value === 'string'),
  })),
});

/** True for labels that the selector object selects; no selector selects nothing. */
export const matcherOf = (selector: unknown): LabelMatcher => labelSelectorMatcher(isObject(selector) ? selectorOf(selector) : undefined);

const isEmptySelector = (selector: unknown): boolean =>
  Object.keys(objectAt(selector, 'matchLabels') ?? {}).length === 0 && listAt(selector, 'matchExpressions').length === 0;

const workloadSelectorCauses = (spec: JsonObject, previous: JsonObject | undefined): StatusCause[] => {
  const selector = spec['selector'];
  if (selector === undefined) return [cause.required('spec.selector')];
  if (isEmptySelector(selector)) return [cause.invalid('spec.selector', selector, 'empty selector is invalid for a workload')];
  const problems = selectorCauses('spec.selector', selector);
  if (problems.length > 0) return problems;
  const labels = textsAt(spec, 'template', 'metadata', 'labels');
  return [
    ...(matcherOf(selector)(labels) ? [] : [cause.invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')]),
    ...(previous !== undefined && !equal(selector, at(previous, 'spec', 'selector')) ? [cause.invalid('spec.selector', selector, 'field is immutable')] : []),
  ];
};

const templateCauses = (spec: JsonObject): StatusCause[] => {
  const policy = at(spec, 'template', 'spec', 'restartPolicy');
  return [
    ...labelCauses('spec.template.metadata.labels', at(spec, 'template', 'metadata', 'labels')),
    ...annotationCauses('spec.template.metadata.annotations', at(spec, 'template', 'metadata', 'annotations')),
    ...podSpecCauses('spec.template.spec', objectAt(spec, 'template', 'spec')),
    ...(policy === 'OnFailure' || policy === 'Never' ? [cause.unsupported('spec.template.spec.restartPolicy', policy, ['Always'])] : []),
  ];
};

/** What Deployments, ReplicaSets and StatefulSets have in common. */
const commonCauses = (object: JsonObject, previous: JsonObject | undefined): StatusCause[] => {
  const spec = objectAt(object, 'spec');
  if (spec === undefined) return [cause.required('spec')];
  return [
    ...workloadSelectorCauses(spec, previous),
    ...atLeast('spec.replicas', spec['replicas'], 0),
    ...atLeast('spec.minReadySeconds', spec['minReadySeconds'], 0),
    ...atLeast('spec.revisionHistoryLimit', spec['revisionHistoryLimit'], 0),
    ...templateCauses(spec),
  ];
};

export const replicaSetCauses = commonCauses;

export const deploymentCauses = (object: JsonObject, previous: JsonObject | undefined): StatusCause[] => {
  const strategy = objectAt(object, 'spec', 'strategy');
  const rolling = objectAt(strategy, 'rollingUpdate');
  const deadline = numberAt(object, 'spec', 'progressDeadlineSeconds');
  const minReady = numberAt(object, 'spec', 'minReadySeconds') ?? 0;
  return [
    ...commonCauses(object, previous),
    ...oneOf('spec.strategy.type', strategy?.['type'], ['Recreate', 'RollingUpdate']),
    ...(strategy?.['type'] === 'Recreate' && rolling !== undefined
      ? [cause.forbidden('spec.strategy.rollingUpdate', "may not be specified when strategy `type` is 'Recreate'")]
      : []),
    ...countOrPercent('spec.strategy.rollingUpdate.maxSurge', rolling?.['maxSurge']),
    ...countOrPercent('spec.strategy.rollingUpdate.maxUnavailable', rolling?.['maxUnavailable']),
    ...(rolling !== undefined && isZero(rolling['maxSurge']) && isZero(rolling['maxUnavailable'])
      ? [cause.invalid('spec.strategy.rollingUpdate.maxUnavailable', rolling['maxUnavailable'], 'may not be 0 when `maxSurge` is 0')]
      : []),
    ...atLeast('spec.progressDeadlineSeconds', deadline, 0),
    ...(deadline !== undefined && deadline <= minReady
      ? [cause.invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds')]
      : []),
  ];
};

const mutableOfStatefulSet = new Set([
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
]);

export const statefulSetCauses = (object: JsonObject, previous: JsonObject | undefined): StatusCause[] => {
  const spec = objectAt(object, 'spec') ?? {};
  const before = objectAt(previous, 'spec');
  const fixed = before === undefined ? [] : [...new Set([...Object.keys(spec), ...Object.keys(before)])].filter((field) => !mutableOfStatefulSet.has(field));
  return [
    ...commonCauses(object, undefined),
    ...oneOf('spec.podManagementPolicy', spec['podManagementPolicy'], ['OrderedReady', 'Parallel']),
    ...oneOf('spec.updateStrategy.type', at(spec, 'updateStrategy', 'type'), ['RollingUpdate', 'OnDelete']),
    ...(fixed.every((field) => equal(spec[field], before?.[field]))
      ? []
      : [
          cause.forbidden(
            'spec',
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
          ),
        ]),
  ];
};
