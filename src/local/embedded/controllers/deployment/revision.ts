import type { Deployment, ReplicaSet } from 'kubernetes-types/apps/v1.d.ts';
import { maxSurge, replicasOf } from './replica-counts.ts';

export const revisionAnnotation = 'deployment.kubernetes.io/revision';
const historyAnnotation = 'deployment.kubernetes.io/revision-history';
const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas';
const maxAnnotation = 'deployment.kubernetes.io/max-replicas';

/** Not copied from a Deployment to its ReplicaSets. */
const ownAnnotations: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maxAnnotation,
  'deprecated.deployment.rollback.to',
]);

type Annotations = Readonly<Record<string, string>>;

const annotationsOf = (object: ReplicaSet | Deployment): Annotations => object.metadata?.annotations ?? {};

const wholeNumber = (text: string | undefined): number | undefined => (text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined);

export const annotatedDesired = (set: ReplicaSet): number | undefined => wholeNumber(annotationsOf(set)[desiredAnnotation]);
export const annotatedMax = (set: ReplicaSet): number | undefined => wholeNumber(annotationsOf(set)[maxAnnotation]);
export const revisionOf = (object: ReplicaSet | Deployment): number => wholeNumber(annotationsOf(object)[revisionAnnotation]) ?? 0;
export const highestRevision = (sets: readonly ReplicaSet[]): number => Math.max(0, ...sets.map(revisionOf));

/** The counts that a ReplicaSet was last sized for. */
export const sizeAnnotations = (deployment: Deployment): Annotations => ({
  [desiredAnnotation]: String(replicasOf(deployment)),
  [maxAnnotation]: String(replicasOf(deployment) + maxSurge(deployment)),
});

const copied = (deployment: Deployment): Annotations =>
  Object.fromEntries(Object.entries(annotationsOf(deployment)).filter(([key]) => !ownAnnotations.has(key)));

/** Annotations of a ReplicaSet that is to be made for revision `revision`. */
export const annotationsOfNew = (deployment: Deployment, revision: number): Annotations => ({
  ...copied(deployment),
  [revisionAnnotation]: String(revision),
  ...sizeAnnotations(deployment),
});

/**
 * Annotations of the ReplicaSet of the present template: the Deployment's are copied (what `kubectl rollout undo` puts back), and a revision
 * that comes again gets the newest number and remembers its earlier ones (SetNewReplicaSetAnnotations).
 */
export const annotationsOfExisting = (deployment: Deployment, set: ReplicaSet, revision: number): Annotations => {
  const before = annotationsOf(set);
  const merged = { ...before, ...copied(deployment) };
  const known = before[revisionAnnotation];
  if ((wholeNumber(known) ?? 0) >= revision) return merged;
  const history =
    known === undefined ? before[historyAnnotation] : [before[historyAnnotation], known].filter((part) => part !== undefined && part !== '').join(',');
  return { ...merged, [revisionAnnotation]: String(revision), ...(history === undefined ? {} : { [historyAnnotation]: history }) };
};
