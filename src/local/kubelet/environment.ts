import type { Container, EnvFromSource, EnvVar, Pod } from 'kubernetes-types/core/v1.d.ts';
import { failed, ok, type Result } from '../../core/index.ts';
import { expand } from './expansion.ts';
import { resourceValue } from './resource-field.ts';
import type { KubeletApi } from './kubelet-api.ts';

export interface EnvironmentInput {
  readonly pod: Pod;
  readonly container: Container;
  /** Under everything that the pod says: PATH and the like of the host. */
  readonly base: Readonly<Record<string, string>>;
  /** From the addressing: where to listen. */
  readonly network: Readonly<Record<string, string>>;
  /** Container port as text → allotted port, where ports are allotted. */
  readonly ports: ReadonlyMap<string, number> | undefined;
  readonly podIP: string;
  readonly hostIP: string;
  readonly nodeCpus: number;
  readonly nodeMemoryBytes: number;
}

type Lookup = Pick<KubeletApi, 'readConfigMap' | 'readSecret'>;
/** The value, nothing (an optional source that is missing), or a sentence that says what is missing, as a kubelet words it. */
type Found = Result<string | undefined, string>;

const subscript = /^metadata\.(annotations|labels)\['([^']+)'\]$/;

const fieldValue = ({ pod, podIP, hostIP }: EnvironmentInput, path: string): Found => {
  const match = subscript.exec(path);
  if (match !== null) return ok(pod.metadata?.[match[1] === 'labels' ? 'labels' : 'annotations']?.[match[2] ?? ''] ?? '');
  const values: Readonly<Record<string, string | undefined>> = {
    'metadata.name': pod.metadata?.name,
    'metadata.namespace': pod.metadata?.namespace,
    'metadata.uid': pod.metadata?.uid,
    'spec.nodeName': pod.spec?.nodeName,
    'spec.serviceAccountName': pod.spec?.serviceAccountName ?? 'default',
    'status.hostIP': hostIP,
    'status.hostIPs': hostIP,
    'status.podIP': podIP,
    'status.podIPs': podIP,
  };
  return path in values ? ok(values[path] ?? '') : failed(`unsupported fieldPath: ${path}`);
};

/** One key of a ConfigMap or Secret. */
const keyOf = async (
  source: { readonly kind: 'configmap' | 'secret'; readonly name: string; readonly key: string; readonly optional: boolean },
  namespace: string,
  lookup: Lookup,
): Promise<Found> => {
  const isSecret = source.kind === 'secret';
  const data = await (isSecret ? lookup.readSecret(namespace, source.name) : lookup.readConfigMap(namespace, source.name));
  if (data?.[source.key] !== undefined) return ok(data[source.key]);
  if (source.optional) return ok(undefined);
  if (data === undefined) return failed(`${source.kind} "${source.name}" not found`);
  return failed(`couldn't find key ${source.key} in ${isSecret ? 'Secret' : 'ConfigMap'} ${namespace}/${source.name}`);
};

const referenced = async (input: EnvironmentInput, variable: EnvVar, lookup: Lookup): Promise<Found> => {
  const namespace = input.pod.metadata?.namespace ?? '';
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = variable.valueFrom ?? {};
  if (fieldRef !== undefined) return fieldValue(input, fieldRef.fieldPath);
  if (resourceFieldRef !== undefined) return resourceValue(input, resourceFieldRef);
  const keyRef = configMapKeyRef ?? secretKeyRef;
  if (keyRef === undefined) return failed(`env ${variable.name}: valueFrom names no known source`);
  const kind = configMapKeyRef === undefined ? 'secret' : 'configmap';
  return keyOf({ kind, name: keyRef.name ?? '', key: keyRef.key, optional: keyRef.optional ?? false }, namespace, lookup);
};

const wholeSource = async (namespace: string, source: EnvFromSource, lookup: Lookup): Promise<Result<Readonly<Record<string, string>>, string>> => {
  const { configMapRef, secretRef, prefix = '' } = source;
  const reference = configMapRef ?? secretRef;
  const name = reference?.name ?? '';
  const data = await (configMapRef === undefined ? lookup.readSecret(namespace, name) : lookup.readConfigMap(namespace, name));
  if (data === undefined) return reference?.optional === true ? ok({}) : failed(`${configMapRef === undefined ? 'secret' : 'configmap'} "${name}" not found`);
  return ok(Object.fromEntries(Object.entries(data).map(([key, value]) => [prefix + key, value])));
};

/**
 * A manifest that says `PORT: "8080"` beside `containerPort: 8080` means "listen where traffic is sent to": where that is another port
 * here, the allotted one takes its place, or the pod could not be reached and two replicas would collide.
 */
const portOf = (input: EnvironmentInput, name: string, value: string): string => (name === 'PORT' ? String(input.ports?.get(value) ?? value) : value);

/**
 * The environment of a container: host's base, network, envFrom in order, then env in order with `$(NAME)` expanded from all that came
 * before. The problem is what a kubelet would write under CreateContainerConfigError.
 */
export const containerEnvironment = async (input: EnvironmentInput, lookup: Lookup): Promise<Result<Readonly<Record<string, string>>, string>> => {
  const { pod, container } = input;
  const environment: Record<string, string> = { ...input.base, HOSTNAME: pod.spec?.hostname ?? pod.metadata?.name ?? '', ...input.network };
  for (const source of container.envFrom ?? []) {
    const found = await wholeSource(pod.metadata?.namespace ?? '', source, lookup);
    if (!found.ok) return found;
    Object.assign(environment, found.value);
  }
  for (const variable of container.env ?? []) {
    const found = variable.valueFrom === undefined ? ok(expand(variable.value ?? '', environment)) : await referenced(input, variable, lookup);
    if (!found.ok) return found;
    if (found.value !== undefined) environment[variable.name] = portOf(input, variable.name, found.value);
  }
  return ok(environment);
};
