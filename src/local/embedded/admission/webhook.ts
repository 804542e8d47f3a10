import { listAt, numberAt, objectAt, textAt, type JsonObject } from '../json.ts';
import { findResource, type ResourceDefinition } from '../registry.ts';
import type { LabelMatcher } from '../selectors.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { matcherOf } from '../validation/workload.ts';

export interface WebhookRule {
  readonly operations: readonly unknown[];
  readonly groups: readonly unknown[];
  readonly versions: readonly unknown[];
  readonly resources: readonly string[];
  readonly scope: string;
}

export interface WebhookService {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
  readonly path: string;
}

/** A registered webhook, read once from its configuration. */
export interface Webhook {
  readonly name: string;
  readonly target: { readonly url: string } | { readonly service: WebhookService };
  /** PEM; undefined: the system's roots. */
  readonly caPem: string | undefined;
  readonly rules: readonly WebhookRule[];
  readonly selectsNamespace: LabelMatcher;
  readonly selectsObject: LabelMatcher;
  readonly conditions: readonly { readonly name: string; readonly expression: string }[];
  readonly failsClosed: boolean;
  readonly matchesEquivalent: boolean;
  readonly isReinvoked: boolean;
  readonly timeoutSeconds: number;
}

const texts = (value: unknown, field: string): readonly string[] => listAt(value, field).filter((one) => typeof one === 'string');

const readRule = (rule: unknown): WebhookRule => ({
  operations: listAt(rule, 'operations'),
  groups: listAt(rule, 'apiGroups'),
  versions: listAt(rule, 'apiVersions'),
  resources: texts(rule, 'resources'),
  scope: textAt(rule, 'scope') ?? '*',
});

const readTarget = (client: JsonObject | undefined): Webhook['target'] => {
  const service = objectAt(client, 'service');
  if (service === undefined) return { url: textAt(client, 'url') ?? '' };
  return {
    service: {
      namespace: textAt(service, 'namespace') ?? '',
      name: textAt(service, 'name') ?? '',
      port: numberAt(service, 'port') ?? 443,
      path: textAt(service, 'path') ?? '/',
    },
  };
};

const readWebhook = (webhook: unknown): Webhook => {
  const client = objectAt(webhook, 'clientConfig');
  const bundle = textAt(client, 'caBundle');
  return {
    name: textAt(webhook, 'name') ?? '',
    target: readTarget(client),
    caPem: bundle === undefined || bundle === '' ? undefined : Buffer.from(bundle, 'base64').toString('utf8'),
    rules: listAt(webhook, 'rules').map(readRule),
    selectsNamespace: matcherOf(objectAt(webhook, 'namespaceSelector') ?? {}),
    selectsObject: matcherOf(objectAt(webhook, 'objectSelector') ?? {}),
    conditions: listAt(webhook, 'matchConditions').map((one) => ({ name: textAt(one, 'name') ?? '', expression: textAt(one, 'expression') ?? '' })),
    failsClosed: textAt(webhook, 'failurePolicy') !== 'Ignore',
    matchesEquivalent: textAt(webhook, 'matchPolicy') !== 'Exact',
    isReinvoked: textAt(webhook, 'reinvocationPolicy') === 'IfNeeded',
    timeoutSeconds: numberAt(webhook, 'timeoutSeconds') ?? 10,
  };
};

const known = new WeakMap<JsonObject, readonly Webhook[]>();

const webhooksOf = (configuration: JsonObject): readonly Webhook[] => {
  const found = known.get(configuration);
  if (found !== undefined) return found;
  const read = listAt(configuration, 'webhooks').map(readWebhook);
  known.set(configuration, read);
  return read;
};

const configurations = (plural: string): ResourceDefinition | undefined => findResource('admissionregistration.k8s.io', 'v1', plural);

const all = (store: ObjectStore, resource: ResourceDefinition | undefined): readonly Webhook[] =>
  resource === undefined ? [] : store.list(resource).flatMap(webhooksOf);

/** By name of the configuration, then in its order. */
export const mutatingWebhooks = (store: ObjectStore): readonly Webhook[] => all(store, configurations('mutatingwebhookconfigurations'));
export const validatingWebhooks = (store: ObjectStore): readonly Webhook[] => all(store, configurations('validatingwebhookconfigurations'));
