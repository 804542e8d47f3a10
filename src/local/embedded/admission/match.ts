import { messageOf } from '../../../core/index.ts';
import { textsAt, type JsonObject } from '../json.ts';
import { findResource, registry, resourceKey, type ResourceDefinition } from '../registry.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { storedForm, viewOf } from '../strategy/views.ts';
import type { AdmissionAttributes, Invocation } from './admission.ts';
import { evaluateCondition } from './conditions.ts';
import { requestOf } from './review.ts';
import type { Webhook, WebhookRule } from './webhook.ts';

const has = (list: readonly unknown[], value: string): boolean => list.includes('*') || list.includes(value);

const matchesResource = (pattern: string, { resource, subresource }: AdmissionAttributes): boolean => {
  const [name, sub = ''] = pattern.split('/');
  return (name === '*' || name === resource.plural) && (sub === '*' || sub === subresource);
};

const matchesRule = (rule: WebhookRule, attributes: AdmissionAttributes): boolean => {
  const { resource, operation } = attributes;
  return (
    has(rule.operations, operation) &&
    has(rule.groups, resource.group) &&
    has(rule.versions, resource.version) &&
    (rule.scope === '*' || (rule.scope === 'Namespaced') === resource.namespaced) &&
    rule.resources.some((pattern) => matchesResource(pattern, attributes))
  );
};

/** Other versions under which the same objects are served. */
const equivalents = (resource: ResourceDefinition): readonly ResourceDefinition[] => {
  const key = resourceKey(resource.storedAs ?? resource);
  return registry.filter((other) => other !== resource && resourceKey(other.storedAs ?? other) === key);
};

const converted = (attributes: AdmissionAttributes, resource: ResourceDefinition): AdmissionAttributes => {
  const convert = (object: JsonObject | undefined): JsonObject | undefined =>
    object === undefined ? undefined : viewOf(resource, storedForm(attributes.resource, object));
  return { ...attributes, resource, kind: resource, object: convert(attributes.object), oldObject: convert(attributes.oldObject) };
};

const byRules = (webhook: Webhook, attributes: AdmissionAttributes): Invocation | undefined => {
  if (webhook.rules.some((rule) => matchesRule(rule, attributes))) return { attributes, original: attributes };
  if (!webhook.matchesEquivalent || attributes.kind.kind !== attributes.resource.kind) return undefined;
  for (const resource of equivalents(attributes.resource)) {
    const other = { ...attributes, resource };
    if (webhook.rules.some((rule) => matchesRule(rule, other))) return { attributes: converted(attributes, resource), original: attributes };
  }
  return undefined;
};

const labelsOf = (object: JsonObject | undefined): Readonly<Record<string, string>> => textsAt(object, 'metadata', 'labels');

const bySelectors = (store: ObjectStore, webhook: Webhook, { resource, namespace, object, oldObject }: AdmissionAttributes): boolean => {
  const fits = [object, oldObject].some((one) => one !== undefined && webhook.selectsObject(labelsOf(one)));
  if (!fits) return false;
  if (resource.kind === 'Namespace') return webhook.selectsNamespace(labelsOf(object ?? oldObject));
  if (!resource.namespaced) return true;
  const namespaces = findResource('', 'v1', 'namespaces');
  const holder = namespaces === undefined ? undefined : store.get(namespaces, undefined, namespace ?? '');
  return webhook.selectsNamespace(labelsOf(holder));
};

/** False: skipped. An error where none is false and one cannot be evaluated: the failure policy decides. */
const byConditions = (webhook: Webhook, invocation: Invocation): boolean | Error => {
  if (webhook.conditions.length === 0) return true;
  const { object, oldObject } = invocation.attributes;
  const { object: _object, oldObject: _oldObject, ...request } = requestOf(invocation, '');
  let failure: Error | undefined;
  for (const { name, expression } of webhook.conditions) {
    try {
      if (!evaluateCondition(expression, { object, oldObject, request })) return false;
    } catch (error) {
      failure ??= new Error(`matchCondition ${JSON.stringify(name)}: ${messageOf(error).split('\n')[0] ?? ''}`);
    }
  }
  return failure ?? true;
};

/**
 * How this webhook is to be called for a request: undefined where it is not. Throws what a match condition threw.
 * Rules, then selectors, then conditions (apiserver `plugin/webhook/generic`).
 */
export const match = (store: ObjectStore, webhook: Webhook, attributes: AdmissionAttributes): Invocation | undefined => {
  const invocation = byRules(webhook, attributes);
  if (invocation === undefined || !bySelectors(store, webhook, attributes)) return undefined;
  const verdict = byConditions(webhook, invocation);
  if (verdict instanceof Error) throw verdict;
  return verdict ? invocation : undefined;
};
