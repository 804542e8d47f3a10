import { annotation, systemNamespace } from '../core/index.ts';
import type { resources } from '../kube/index.ts';

export type MutatingConfiguration = NonNullable<(typeof resources.mutatingWebhookConfigurations)['type']>;
export type ValidatingConfiguration = NonNullable<(typeof resources.validatingWebhookConfigurations)['type']>;

/** Where the API server reaches us: by URL (outside a cluster; the base, without path), or by a Service. `caBundle` is PEM in base64. */
export type WebhookAddress =
  | { readonly url: string; readonly caBundle: string }
  | { readonly service: { readonly namespace: string; readonly name: string; readonly port?: number }; readonly caBundle: string };

export const webhookConfigurationName = 'rouse';

/** Only what we have to see comes to us; `has()` guards, because CEL fails on an absent map, and a failure counts as a match of nothing under `Ignore`. */
const carries = (object: string, key: string): string => `has(${object}.metadata.annotations) && '${key}' in ${object}.metadata.annotations`;
/** The very expressions that the API server evaluates for us. */
export const matchExpressions: { readonly workload: string; readonly service: string } = {
  workload: `(${carries('object', annotation.enabled)}) || (oldObject != null && ${carries('oldObject', annotation.enabled)})`,
  service: `oldObject != null && ${carries('oldObject', annotation.selector)}`,
};

const workloadRule = {
  apiGroups: ['apps'],
  apiVersions: ['v1'],
  resources: ['deployments', 'statefulsets'],
  operations: ['CREATE', 'UPDATE'],
  scope: 'Namespaced',
};
const serviceRule = { apiGroups: [''], apiVersions: ['v1'], resources: ['services'], operations: ['UPDATE'], scope: 'Namespaced' };
const autoscalerRule = {
  apiGroups: ['autoscaling'],
  apiVersions: ['v2'],
  resources: ['horizontalpodautoscalers'],
  operations: ['CREATE', 'UPDATE'],
  scope: 'Namespaced',
};

const clientConfig = (
  address: WebhookAddress,
  path: string,
): { caBundle: string; url?: string; service?: { namespace: string; name: string; port?: number; path: string } } =>
  'url' in address
    ? { url: `${address.url.replace(/\/$/, '')}${path}`, caBundle: address.caBundle }
    : { service: { ...address.service, path }, caBundle: address.caBundle };

const common = {
  // Rouse being down never blocks the cluster; what gets past us then, the controller repairs.
  failurePolicy: 'Ignore',
  timeoutSeconds: 2,
  sideEffects: 'None',
  matchPolicy: 'Equivalent',
  admissionReviewVersions: ['v1'],
  namespaceSelector: { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', systemNamespace] }] },
};

const labels = { 'app.kubernetes.io/name': 'rouse', 'app.kubernetes.io/component': 'webhooks' };

/** The two configurations as they should be. */
export const webhookConfigurations = (address: WebhookAddress): { readonly mutating: MutatingConfiguration; readonly validating: ValidatingConfiguration } => {
  const workloads = { name: 'workloads.rouse.dev', rules: [workloadRule], matchConditions: [{ name: 'onboarded', expression: matchExpressions.workload }] };
  const services = { name: 'services.rouse.dev', rules: [serviceRule], matchConditions: [{ name: 'taken-over', expression: matchExpressions.service }] };
  const mutate = { ...common, clientConfig: clientConfig(address, '/admission/mutate') };
  const validate = { ...common, clientConfig: clientConfig(address, '/admission/validate') };
  return {
    mutating: {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: webhookConfigurationName, labels },
      webhooks: [
        { ...mutate, ...workloads, reinvocationPolicy: 'IfNeeded' },
        // A second call would see in `rouse.dev/selector` what the first one wrote, take it for tampering, and lose the selector that the user has just applied.
        { ...mutate, ...services, reinvocationPolicy: 'Never' },
      ],
    },
    validating: {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: webhookConfigurationName, labels },
      webhooks: [
        { ...validate, ...workloads },
        { ...validate, name: 'autoscalers.rouse.dev', rules: [autoscalerRule] },
      ],
    },
  };
};
