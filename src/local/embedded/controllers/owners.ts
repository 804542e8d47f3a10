import type { OwnerReference } from 'kubernetes-types/meta/v1.d.ts';
import type { KubeObject } from '../../../kube/index.ts';
import type { StoredObject } from '../in-process-api.ts';

/** The owner that manages the object: at most one reference has `controller: true`. */
export const controllerOf = (object: KubeObject): OwnerReference | undefined => object.metadata?.ownerReferences?.find((owner) => owner.controller === true);

/** A reference that says: `owner` manages me, and waits for my end when it is deleted in the foreground. */
export const controllerReference = (owner: StoredObject): OwnerReference => ({
  apiVersion: owner.apiVersion,
  kind: owner.kind,
  name: owner.metadata.name,
  uid: owner.metadata.uid,
  controller: true,
  blockOwnerDeletion: true,
});

export const isDeleting = (object: KubeObject): boolean => object.metadata?.deletionTimestamp !== undefined;
