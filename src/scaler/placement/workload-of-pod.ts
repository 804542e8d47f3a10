import type { WorkloadRef } from '../../core/index.ts';
import type { OwnerView } from '../../kube/index.ts';

/**
 * The workload that a pod could be of, by its owner alone: the ReplicaSet of a Deployment is named after it and its template's hash
 * (kubernetes/pkg/controller/deployment/sync.go, `getNewReplicaSet`), a StatefulSet owns its pods itself. Undefined: of none of these kinds.
 */
export const workloadOfPod = (namespace: string, owner: OwnerView | undefined, revision: string | undefined): WorkloadRef | undefined => {
  if (owner?.kind === 'StatefulSet') return { resource: 'statefulsets.apps', namespace, name: owner.name };
  if (owner?.kind !== 'ReplicaSet' || revision === undefined || !owner.name.endsWith(`-${revision}`)) return undefined;
  const name = owner.name.slice(0, -revision.length - 1);
  return name === '' ? undefined : { resource: 'deployments.apps', namespace, name };
};
