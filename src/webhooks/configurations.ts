import { annotation, systemNamespace } from '../core/index.ts';
import type { resources } from '../kube/index.ts';
import { builtInKinds, type AdmittedKind } from './ports.ts';

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

/** One rule for each group: `apps` in the version that everything is converted to, other groups in whatever version the request comes. */
const workloadRules = (kinds: readonly AdmittedKind[]): Rule[] =>
  [...Map.groupBy(kinds, ({ group }) => group)].map(([group, own]) => ({
    apiGroups: [group],
    apiVersions: [group === 'apps' ? 'v1' : '*'],
    resources: own.map(({ plural }) => plural).sort(),
    operations: ['CREATE', 'UPDATE'],
    scope: 'Namespaced',
  }));

interface Rule {
  readonly apiGroups: string[];
  readonly apiVersions: string[];
  readonly resources: string[];
  readonly operations: string[];
  readonly scope: string;
}

const serviceRule = { apiGroups: [''], apiVersions: ['v1'], resources: ['services'], operations: ['UPDATE'], scope: 'Namespaced' };
const podRule = { apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'], scope: 'Namespaced' };
const autoscalerRule = {
  apiGroups: ['autoscaling'],
  apiVersions: ['v2'],
  resources: ['horizontalpodautoscalers'],
  operations: ['CREATE', 'UPDATE'],
  scope: 'Namespaced',
};

/** Namespaces whose new pods are placed, by the label and its values. */
export const placementLabel = 'rouse.dev/placement';
export const placementModes: ReadonlyMap<string, 'scheduler' | 'affinity'> = new Map([
  ['enabled', 'scheduler'],
  ['affinity', 'affinity'],
]);
/** Pods that a controller makes, and that the default scheduler would place. */
const placedPod = `has(object.metadata.ownerReferences) && (!has(object.spec.schedulerName) || object.spec.schedulerName == 'default-scheduler') && !has(object.spec.nodeName)`;

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
};

interface NamespaceSelector {
  readonly matchExpressions: { readonly key: string; readonly operator: string; readonly values: string[] }[];
}

/** Never kube-system and our own; where `namespaces` are given, only those. */
const namespaceSelector = (namespaces: readonly string[] | undefined): NamespaceSelector => {
  const named = (operator: 'In' | 'NotIn', values: readonly string[]): { key: string; operator: string; values: string[] } => ({
    key: 'kubernetes.io/metadata.name',
    operator,
    values: [...values],
  });
  return { matchExpressions: [named('NotIn', ['kube-system', systemNamespace]), ...(namespaces === undefined ? [] : [named('In', namespaces)])] };
};

const labels = { 'app.kubernetes.io/name': 'rouse', 'app.kubernetes.io/component': 'webhooks' };

const inPlacedNamespaces = ({ matchExpressions: expressions }: NamespaceSelector): NamespaceSelector => ({
  matchExpressions: [...expressions, { key: placementLabel, operator: 'In', values: [...placementModes.keys()] }],
});

/** The two configurations as they should be, for workloads of `kinds` in `namespaces` or (left out) in all; `places`: new pods are ours to place. */
export const webhookConfigurations = (
  address: WebhookAddress,
  namespaces?: readonly string[],
  kinds: readonly AdmittedKind[] = builtInKinds,
  places = false,
): { readonly mutating: MutatingConfiguration; readonly validating: ValidatingConfiguration } => {
  const workloads = {
    name: 'workloads.rouse.dev',
    rules: workloadRules(kinds),
    matchConditions: [{ name: 'onboarded', expression: matchExpressions.workload }],
  };
  const services = { name: 'services.rouse.dev', rules: [serviceRule], matchConditions: [{ name: 'taken-over', expression: matchExpressions.service }] };
  const pods = {
    name: 'pods.rouse.dev',
    rules: [podRule],
    namespaceSelector: inPlacedNamespaces(namespaceSelector(namespaces)),
    matchConditions: [{ name: 'to-be-placed', expression: placedPod }],
  };
  const everywhere = { ...common, namespaceSelector: namespaceSelector(namespaces) };
  const mutate = { ...everywhere, clientConfig: clientConfig(address, '/admission/mutate') };
  const validate = { ...everywhere, clientConfig: clientConfig(address, '/admission/validate') };
  return {
    mutating: {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: webhookConfigurationName, labels },
      webhooks: [
        { ...mutate, ...workloads, reinvocationPolicy: 'IfNeeded' },
        // A second call would see in `rouse.dev/selector` what the first one wrote, take it for tampering, and lose the selector that the user has just applied.
        { ...mutate, ...services, reinvocationPolicy: 'Never' },
        ...(places ? [{ ...mutate, ...pods, reinvocationPolicy: 'Never' }] : []),
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
