/**
 * Makes `src/local/embedded/schema/fields.json`: the fields and types of every kind that the embedded API serves, from the models of
 * `@kubernetes/client-node` (which are generated from the API's own OpenAPI) and, for what is newer than those, from the list below.
 * (`kubernetes-types` would be the nearer source, but it lacks fields, e.g. `rules[].resources` of webhooks.)
 * Run `node test/support/kubernetes-fields.ts` after the registry, the list or the version of client-node changes.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const models = join(import.meta.dirname, '../../node_modules/@kubernetes/client-node/dist/gen/models');
export const fieldsFile = join(import.meta.dirname, '../../src/local/embedded/schema/fields.json');

/** By API version: the kinds, with the name of the model where it is not version and kind. */
const kinds: Readonly<Record<string, string>> = {
  v1: 'Binding ConfigMap DeleteOptions Endpoints Event=CoreV1Event Namespace Node Pod Secret Service ServiceAccount',
  'admissionregistration.k8s.io/v1': 'MutatingWebhookConfiguration ValidatingWebhookConfiguration',
  'apps/v1': 'ControllerRevision Deployment ReplicaSet StatefulSet',
  'authentication.k8s.io/v1': 'SelfSubjectReview TokenRequest=AuthenticationV1TokenRequest TokenReview',
  'authorization.k8s.io/v1': 'LocalSubjectAccessReview SelfSubjectAccessReview SubjectAccessReview',
  'autoscaling/v1': 'HorizontalPodAutoscaler Scale',
  'autoscaling/v2': 'HorizontalPodAutoscaler=V2HorizontalPodAutoscaler',
  'coordination.k8s.io/v1': 'Lease',
  'discovery.k8s.io/v1': 'EndpointSlice',
  'events.k8s.io/v1': 'Event=EventsV1Event',
  'policy/v1': 'Eviction PodDisruptionBudget',
  'rbac.authorization.k8s.io/v1': 'ClusterRole ClusterRoleBinding Role RoleBinding',
};

/** Fields of Kubernetes 1.35 and 1.36 that the models do not have; `any`: their inside does not matter here. */
const newer: Readonly<Record<string, string>> = {
  V1NodeStatus: 'declaredFeatures:[]string',
  V1PodSpec: 'schedulingGroup:any workloadRef:any',
  V1PodStatus: 'allocatedResources:{}quantity resources:any',
};

/** Quantities are plain strings in the models, but may be written as numbers: by name of the field, or of the model and the field. */
const quantities = new Set(['limits', 'requests', 'capacity', 'allocatable', 'allocatedResources']);
const quantityFields = new Set([
  'V1EmptyDirVolumeSource.sizeLimit',
  'V1ResourceFieldSelector.divisor',
  'V2HPAScalingRules.tolerance',
  'V2MetricTarget.averageValue',
  'V2MetricTarget.value',
  'V2MetricValueStatus.averageValue',
  'V2MetricValueStatus.value',
]);

interface Attribute {
  readonly baseName: string;
  readonly type: string;
  readonly format: string;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => (typeof value === 'object' || typeof value === 'function') && value !== null;

const attributesOf = async (model: string): Promise<readonly Attribute[]> => {
  const module: unknown = await import(pathToFileURL(join(models, `${model}.js`)).href);
  const made = isRecord(module) ? module[model] : undefined;
  const list = isRecord(made) ? made['attributeTypeMap'] : undefined;
  if (!Array.isArray(list)) throw new Error(`${model} is not a model of client-node`);
  return list.filter(isRecord).map(({ baseName, type, format }) => ({ baseName: String(baseName), type: String(type), format: String(format) }));
};

const plain: Readonly<Record<string, string>> = {
  string: 'string',
  boolean: 'boolean',
  any: 'any',
  object: 'any',
  Date: 'string',
  V1MicroTime: 'string',
  IntOrString: 'either',
};

/** `format` tells how wide a number is. */
const numberCode = (format: string): string => {
  if (format === 'int32' || format === 'int64') return format;
  throw new Error(`numbers of format "${format}" are not known here: say in src/local/embedded/schema/decode.ts what fits them`);
};

const typeCode = (type: string, format: string): string => {
  const list = /^Array<(.*)>$/.exec(type)?.[1];
  if (list !== undefined) return `[]${typeCode(list, format)}`;
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type)?.[1];
  if (map !== undefined) return `{}${typeCode(map, format)}`;
  return type === 'number' ? numberCode(format) : (plain[type] ?? type);
};

const fieldCode = (model: string, { baseName, type, format }: Attribute): string => {
  const code = typeCode(type, format);
  if (quantities.has(baseName) && code === '{}string') return `${baseName}:{}quantity`;
  return `${baseName}:${quantityFields.has(`${model}.${baseName}`) ? 'quantity' : code}`;
};

const fieldsOf = async (model: string): Promise<string> => {
  const fields = (await attributesOf(model)).map((attribute) => fieldCode(model, attribute));
  return [...fields, ...(newer[model] === undefined ? [] : [newer[model]])].join(' ');
};

const sorted = (map: ReadonlyMap<string, string>): Record<string, string> =>
  Object.fromEntries([...map].toSorted(([left], [right]) => (left < right ? -1 : 1)));

/** The text of `fields.json`. */
export const kubernetesFields = async (): Promise<string> => {
  const roots = new Map(
    Object.entries(kinds).flatMap(([version, names]) =>
      names.split(' ').map((entry): [string, string] => {
        const [kind = '', model] = entry.split('=');
        return [`${version} ${kind}`, model ?? `V1${kind}`];
      }),
    ),
  );
  const types = new Map<string, string>();
  const queue = [...roots.values()];
  for (let model = queue.pop(); model !== undefined; model = queue.pop()) {
    if (types.has(model)) continue;
    const fields = await fieldsOf(model);
    types.set(model, fields);
    for (const [reference] of fields.matchAll(/\b(?:[A-Z][a-z]+)?V\d\w+/g)) queue.push(reference);
  }
  return `${JSON.stringify({ kinds: sorted(roots), types: sorted(types) }, undefined, 2)}\n`;
};

if (import.meta.main) writeFileSync(fieldsFile, await kubernetesFields());
