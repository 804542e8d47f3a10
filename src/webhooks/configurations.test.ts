import test from 'ava';
import { matchExpressions, webhookConfigurations } from './configurations.ts';

const { mutating, validating } = webhookConfigurations({ url: 'https://127.0.0.1:9443/', caBundle: 'Q0E=' });

test('every webhook fails open, within 2 s, without side effects, and leaves the system namespaces alone', (t) => {
  const webhooks = [...(mutating.webhooks ?? []), ...(validating.webhooks ?? [])];
  t.is(webhooks.length, 4);
  for (const webhook of webhooks) {
    t.is(webhook.failurePolicy, 'Ignore');
    t.is(webhook.timeoutSeconds, 2);
    t.is(webhook.sideEffects, 'None');
    t.deepEqual(webhook.admissionReviewVersions, ['v1']);
    t.deepEqual(webhook.namespaceSelector?.matchExpressions, [
      { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', 'rouse-system'] },
    ]);
    t.is(webhook.clientConfig.caBundle, 'Q0E=');
  }
  t.deepEqual(
    mutating.webhooks?.map(({ reinvocationPolicy }) => reinvocationPolicy),
    ['IfNeeded', 'Never'],
  );
});

test('a controller of some namespaces is called for those alone', (t) => {
  const limited = webhookConfigurations({ url: 'https://127.0.0.1:9443', caBundle: 'Q0E=' }, ['team-a', 'team-b']);
  for (const webhook of [...(limited.mutating.webhooks ?? []), ...(limited.validating.webhooks ?? [])])
    t.deepEqual(webhook.namespaceSelector?.matchExpressions, [
      { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', 'rouse-system'] },
      { key: 'kubernetes.io/metadata.name', operator: 'In', values: ['team-a', 'team-b'] },
    ]);
});

test('only writes that concern us are sent to us, and never a /scale or a /status', (t) => {
  const rules = [...(mutating.webhooks ?? []), ...(validating.webhooks ?? [])].flatMap((webhook) => webhook.rules ?? []);
  t.is(rules.length, 4);
  const text = JSON.stringify(rules);
  for (const never of ['*', '/scale', '/status', 'DELETE', 'CONNECT', 'pods']) t.false(text.includes(never), never);
  t.is(
    matchExpressions.workload,
    "(has(object.metadata.annotations) && 'rouse.dev/enabled' in object.metadata.annotations) || " +
      "(oldObject != null && has(oldObject.metadata.annotations) && 'rouse.dev/enabled' in oldObject.metadata.annotations)",
  );
  t.is(matchExpressions.service, "oldObject != null && has(oldObject.metadata.annotations) && 'rouse.dev/selector' in oldObject.metadata.annotations");
});

test('the address is a URL outside a cluster, a Service inside', (t) => {
  t.is(mutating.webhooks?.[0]?.clientConfig.url, 'https://127.0.0.1:9443/admission/mutate');
  const inside = webhookConfigurations({ service: { namespace: 'rouse-system', name: 'rouse-controller' }, caBundle: 'Q0E=' });
  t.deepEqual(inside.validating.webhooks?.[0]?.clientConfig.service, { namespace: 'rouse-system', name: 'rouse-controller', path: '/admission/validate' });
});

test('kinds that the operator allows beside the usual ones are sent to us, in any version', (t) => {
  const kinds = [
    { group: 'apps', plural: 'deployments', kind: 'Deployment' },
    { group: 'example.com', plural: 'widgets', kind: 'Widget' },
  ];
  const { mutating: wide } = webhookConfigurations({ url: 'https://127.0.0.1:9443', caBundle: 'Q0E=' }, undefined, kinds);
  const every = { operations: ['CREATE', 'UPDATE'], scope: 'Namespaced' };
  t.deepEqual<unknown, unknown>(wide.webhooks?.[0]?.rules, [
    { apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'], ...every },
    { apiGroups: ['example.com'], apiVersions: ['*'], resources: ['widgets'], ...every },
  ]);
});

test('pods are sent to a controller that places them, of labelled namespaces alone, and only those that a controller makes for the default scheduler', (t) => {
  const [, , pods] = webhookConfigurations({ url: 'https://127.0.0.1:9443', caBundle: 'Q0E=' }, ['shop'], undefined, true).mutating.webhooks ?? [];
  t.like(pods, { name: 'pods.rouse.dev', failurePolicy: 'Ignore', timeoutSeconds: 2, reinvocationPolicy: 'Never' });
  t.deepEqual<unknown, unknown>(pods?.rules, [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'], scope: 'Namespaced' }]);
  t.deepEqual(pods?.namespaceSelector?.matchExpressions?.slice(1), [
    { key: 'kubernetes.io/metadata.name', operator: 'In', values: ['shop'] },
    { key: 'rouse.dev/placement', operator: 'In', values: ['enabled', 'affinity'] },
  ]);
  t.is(
    pods?.matchConditions?.[0]?.expression,
    "has(object.metadata.ownerReferences) && (!has(object.spec.schedulerName) || object.spec.schedulerName == 'default-scheduler') && !has(object.spec.nodeName)",
  );
});
