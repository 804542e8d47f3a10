import { isObject, objectAt, textAt, textsAt, type JsonObject } from '../json.ts';
import { resourceKey, type ResourceDefinition } from '../registry.ts';
import { podSpecRules, podTemplate } from './pod-defaults.ts';
import { always, applyRules, derived, each, otherwise, when, within, type Rule, type Rules } from './rules.ts';

const quarter = '25%';

const deployment: Rules = {
  spec: within({
    replicas: otherwise(1),
    template: podTemplate,
    strategy: always({
      type: otherwise('RollingUpdate'),
      rollingUpdate: when((strategy) => strategy['type'] === 'RollingUpdate', always({ maxUnavailable: otherwise(quarter), maxSurge: otherwise(quarter) })),
    }),
    revisionHistoryLimit: otherwise(10),
    progressDeadlineSeconds: otherwise(600),
  }),
};

const statefulSet: Rules = {
  spec: within({
    replicas: otherwise(1),
    template: podTemplate,
    podManagementPolicy: otherwise('OrderedReady'),
    updateStrategy: always({
      type: otherwise('RollingUpdate'),
      rollingUpdate: when((strategy) => strategy['type'] === 'RollingUpdate', always({ partition: otherwise(0) })),
    }),
    revisionHistoryLimit: otherwise(10),
    persistentVolumeClaimRetentionPolicy: always({ whenDeleted: otherwise('Retain'), whenScaled: otherwise('Retain') }),
  }),
};

const isProxied = (spec: JsonObject): boolean => spec['type'] !== 'ExternalName';
const isExternal = (spec: JsonObject): boolean => spec['type'] === 'NodePort' || spec['type'] === 'LoadBalancer';

const service: Rules = {
  spec: within({
    type: otherwise('ClusterIP'),
    sessionAffinity: otherwise('None'),
    sessionAffinityConfig: when((spec) => spec['sessionAffinity'] === 'ClientIP', always({ clientIP: always({ timeoutSeconds: otherwise(10_800) }) })),
    ports: each(within({ protocol: otherwise('TCP'), targetPort: derived((port) => port['port']) })),
    internalTrafficPolicy: when(isProxied, otherwise('Cluster')),
    externalTrafficPolicy: when(isExternal, otherwise('Cluster')),
    allocateLoadBalancerNodePorts: when((spec) => spec['type'] === 'LoadBalancer', otherwise(true)),
    ipFamilies: when(isProxied, otherwise(['IPv4'])),
    ipFamilyPolicy: when(isProxied, otherwise('SingleStack')),
  }),
  status: always({ loadBalancer: otherwise({}) }),
};

const webhook = (mutating: boolean): Rule =>
  within({
    failurePolicy: otherwise('Fail'),
    matchPolicy: otherwise('Equivalent'),
    namespaceSelector: otherwise({}),
    objectSelector: otherwise({}),
    timeoutSeconds: otherwise(10),
    ...(mutating ? { reinvocationPolicy: otherwise('Never') } : {}),
    rules: each(within({ scope: otherwise('*') })),
    clientConfig: within({ service: within({ port: otherwise(443) }) }),
  });

/** `stringData` is only ever written: it ends up in `data`. */
const stringData = (secret: JsonObject): JsonObject => {
  const plain = textsAt(secret, 'stringData');
  const { stringData: written, ...rest } = secret;
  if (!isObject(written)) return secret;
  const encoded = Object.entries(plain).map(([name, text]) => [name, Buffer.from(text, 'utf8').toString('base64')]);
  return { ...rest, data: { ...objectAt(secret, 'data'), ...Object.fromEntries(encoded) } };
};

const namespaceLabel: Rule = (current, metadata) => ({
  ...(isObject(current) ? current : {}),
  'kubernetes.io/metadata.name': textAt(metadata, 'name'),
});

const rules: Readonly<Record<string, Rules>> = {
  '/v1/endpoints': { subsets: each(within({ ports: each(within({ protocol: otherwise('TCP') })) })) },
  '/v1/namespaces': {
    metadata: (current) =>
      isObject(current) && textAt(current, 'name') !== undefined && textAt(current, 'labels', 'kubernetes.io/metadata.name') !== textAt(current, 'name')
        ? applyRules(current, { labels: namespaceLabel })
        : current,
    status: always({ phase: otherwise('Active') }),
  },
  '/v1/nodes': { spec: otherwise({}) },
  '/v1/pods': { spec: within(podSpecRules), status: always({ phase: otherwise('Pending') }) },
  '/v1/secrets': { type: otherwise('Opaque') },
  '/v1/services': service,
  'admissionregistration.k8s.io/v1/mutatingwebhookconfigurations': { webhooks: each(webhook(true)) },
  'admissionregistration.k8s.io/v1/validatingwebhookconfigurations': { webhooks: each(webhook(false)) },
  'apps/v1/deployments': deployment,
  'apps/v1/replicasets': { spec: within({ replicas: otherwise(1), template: podTemplate }) },
  'apps/v1/statefulsets': statefulSet,
  'autoscaling/v2/horizontalpodautoscalers': {
    spec: within({
      minReplicas: otherwise(1),
      metrics: otherwise([{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }]),
    }),
  },
  'discovery.k8s.io/v1/endpointslices': { ports: each(within({ name: otherwise(''), protocol: otherwise('TCP') })) },
};

/** `object` (in its stored version) with the defaults that kube-apiserver gives. Idempotent: it runs again after each mutation by a webhook. */
export const withDefaults = (resource: ResourceDefinition, object: JsonObject): JsonObject => {
  const key = resourceKey(resource.storedAs ?? resource);
  const found = rules[key];
  const given = key === '/v1/secrets' ? stringData(object) : object;
  return found === undefined ? given : applyRules(given, found);
};
