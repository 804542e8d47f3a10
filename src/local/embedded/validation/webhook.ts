import { cause, type StatusCause } from '../api-error.ts';
import { conditionProblem } from '../admission/conditions.ts';
import { at, isObject, listAt, objectAt, textAt, type JsonObject } from '../json.ts';
import { atLeast, oneOf, unique } from './checks.ts';
import { isSubdomain, qualifiedNameCauses } from './names.ts';
import { selectorCauses } from './workload.ts';

const longestTimeout = 30;
const mostConditions = 64;

const clientCauses = (field: string, client: JsonObject | undefined): StatusCause[] => {
  const url = textAt(client, 'url');
  const service = objectAt(client, 'service');
  if ((url === undefined) === (service === undefined)) return [cause.required(field, 'exactly one of url or service is required')];
  if (url !== undefined) {
    if (!URL.canParse(url)) return [cause.invalid(`${field}.url`, url, 'url must be a valid URL')];
    const parsed = new URL(url);
    return [
      ...(parsed.protocol === 'https:' ? [] : [cause.invalid(`${field}.url`, parsed.protocol.slice(0, -1), "'https' is the only allowed URL scheme")]),
      ...(parsed.username === '' && parsed.password === '' ? [] : [cause.invalid(`${field}.url`, url, 'user information is not permitted in the URL')]),
      ...(parsed.hash === '' ? [] : [cause.invalid(`${field}.url`, parsed.hash, 'fragments are not permitted in the URL')]),
      ...(parsed.search === '' ? [] : [cause.invalid(`${field}.url`, parsed.search, 'query parameters are not permitted in the URL')]),
    ];
  }
  return ['name', 'namespace'].filter((part) => (textAt(service, part) ?? '') === '').map((part) => cause.required(`${field}.service.${part}`));
};

const ruleCauses = (field: string, rule: unknown): StatusCause[] => [
  ...['operations', 'apiGroups', 'apiVersions', 'resources']
    .filter((list) => listAt(rule, list).length === 0)
    .map((list) => cause.required(`${field}.${list}`)),
  ...listAt(rule, 'operations').flatMap((operation) => oneOf(`${field}.operations`, operation, ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'])),
  ...oneOf(`${field}.scope`, at(rule, 'scope'), ['*', 'Cluster', 'Namespaced']),
];

const conditionCauses = (field: string, conditions: readonly unknown[]): StatusCause[] => [
  ...(conditions.length > mostConditions
    ? [{ reason: 'FieldValueTooMany', message: `Too many: ${String(conditions.length)}: must have at most 64 items`, field }]
    : []),
  ...conditions.flatMap((condition, index) => {
    const path = `${field}[${String(index)}]`;
    const expression = textAt(condition, 'expression') ?? '';
    const problem = expression === '' ? undefined : conditionProblem(expression);
    return [
      ...qualifiedNameCauses(`${path}.name`, textAt(condition, 'name') ?? ''),
      ...(expression === '' ? [cause.required(`${path}.expression`)] : []),
      ...(problem === undefined ? [] : [cause.invalid(`${path}.expression`, expression, `compilation failed: ${problem}`)]),
    ];
  }),
];

const webhookCauses = (field: string, webhook: unknown): StatusCause[] => {
  if (!isObject(webhook)) return [cause.required(field)];
  const name = textAt(webhook, 'name') ?? '';
  return [
    ...(isSubdomain(name) && name.split('.').length >= 3
      ? []
      : [cause.invalid(`${field}.name`, name, 'should be a domain with at least three segments separated by dots')]),
    ...clientCauses(`${field}.clientConfig`, objectAt(webhook, 'clientConfig')),
    ...listAt(webhook, 'rules').flatMap((rule, index) => ruleCauses(`${field}.rules[${String(index)}]`, rule)),
    ...oneOf(`${field}.failurePolicy`, webhook['failurePolicy'], ['Fail', 'Ignore']),
    ...oneOf(`${field}.matchPolicy`, webhook['matchPolicy'], ['Equivalent', 'Exact']),
    ...oneOf(`${field}.reinvocationPolicy`, webhook['reinvocationPolicy'], ['IfNeeded', 'Never']),
    ...(webhook['sideEffects'] === undefined
      ? [cause.required(`${field}.sideEffects`, 'must specify one of None, NoneOnDryRun')]
      : oneOf(`${field}.sideEffects`, webhook['sideEffects'], ['None', 'NoneOnDryRun'])),
    ...(listAt(webhook, 'admissionReviewVersions').includes('v1')
      ? []
      : [cause.invalid(`${field}.admissionReviewVersions`, webhook['admissionReviewVersions'], 'must include at least one of v1, v1beta1')]),
    ...atLeast(`${field}.timeoutSeconds`, webhook['timeoutSeconds'], 1),
    ...(Number(webhook['timeoutSeconds']) > longestTimeout
      ? [cause.invalid(`${field}.timeoutSeconds`, webhook['timeoutSeconds'], 'the timeout value must be between 1 and 30 seconds')]
      : []),
    ...selectorCauses(`${field}.namespaceSelector`, webhook['namespaceSelector']),
    ...selectorCauses(`${field}.objectSelector`, webhook['objectSelector']),
    ...conditionCauses(`${field}.matchConditions`, listAt(webhook, 'matchConditions')),
  ];
};

export const webhookConfigurationCauses = (object: JsonObject): StatusCause[] => {
  const webhooks = listAt(object, 'webhooks');
  return [
    ...webhooks.flatMap((webhook, index) => webhookCauses(`webhooks[${String(index)}]`, webhook)),
    ...unique(
      (index) => `webhooks[${String(index)}].name`,
      webhooks.map((webhook) => textAt(webhook, 'name')),
    ),
  ];
};
