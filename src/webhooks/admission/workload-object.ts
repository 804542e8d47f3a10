import { isEnabled, parseWorkloadState, annotation, type WorkloadState } from '../../core/index.ts';
import { isJson, type Json } from './review.ts';

export type Labels = Readonly<Record<string, string>>;

/** A Deployment, a StatefulSet or another kind with `/scale`, as far as admission goes. Everything that is not what it should be counts as absent: the API server itself validates it later. */
export interface WorkloadObject {
  readonly annotations: Labels;
  readonly podAnnotations: Labels;
  readonly podLabels: Labels;
  /** 1 where a kind of apps/v1 says nothing, which is its default; undefined where another one says nothing, or not here: only its `/scale` knows. */
  readonly replicas: number | undefined;
  readonly hasReplicas: boolean;
  readonly template: unknown;
  /** Managers that own `spec.replicas` by server-side apply. */
  readonly replicasAppliers: readonly string[];
}

const below = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce((parent: unknown, key) => (isJson(parent) && Object.hasOwn(parent, key) ? parent[key] : undefined), value);

export const labelsAt = (value: unknown, ...path: readonly string[]): Labels => {
  const found = below(value, ...path);
  return isJson(found) ? Object.fromEntries(Object.entries(found).filter((entry): entry is [string, string] => typeof entry[1] === 'string')) : {};
};

const replicasOf = (object: Json): number | undefined => {
  const replicas = below(object, 'spec', 'replicas');
  return typeof replicas === 'number' && Number.isInteger(replicas) && replicas >= 0 ? replicas : undefined;
};

const appliersOfReplicas = (object: Json): readonly string[] => {
  const entries = below(object, 'metadata', 'managedFields');
  if (!Array.isArray(entries)) return [];
  return (entries as readonly unknown[]).flatMap((entry) => {
    const owns = below(entry, 'fieldsV1', 'f:spec', 'f:replicas') !== undefined;
    const manager = below(entry, 'manager');
    return owns && below(entry, 'operation') === 'Apply' && typeof manager === 'string' ? [manager] : [];
  });
};

/** `unsaid`: the count of an object that names none. */
export const readWorkload = (object: Json, unsaid: number | undefined): WorkloadObject => ({
  annotations: labelsAt(object, 'metadata', 'annotations'),
  podAnnotations: labelsAt(object, 'spec', 'template', 'metadata', 'annotations'),
  podLabels: labelsAt(object, 'spec', 'template', 'metadata', 'labels'),
  replicas: replicasOf(object) ?? unsaid,
  hasReplicas: replicasOf(object) !== undefined,
  template: below(object, 'spec', 'template'),
  replicasAppliers: appliersOfReplicas(object),
});

/** True where the switch says so plainly. */
export const isOn = ({ annotations }: Pick<WorkloadObject, 'annotations'>): boolean => {
  const enabled = isEnabled(annotations);
  return enabled.ok && enabled.value;
};

export const stateOf = ({ annotations }: Pick<WorkloadObject, 'annotations'>): WorkloadState | undefined => {
  const text = annotations[annotation.state];
  const parsed = text === undefined ? undefined : parseWorkloadState(text);
  return parsed?.ok === true ? parsed.value : undefined;
};
