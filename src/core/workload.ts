/** The identity of a workload: `namespace/name` for a Deployment, `namespace/resource.group/name` for every other kind. */
declare const brand: unique symbol;
export type WorkloadKey = string & { readonly [brand]: 'WorkloadKey' };

export interface WorkloadRef {
  /** Resource and group as in `allow-kinds`: `deployments.apps`, `statefulsets.apps`, … */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

const deployments = 'deployments.apps';

export const workloadKey = ({ resource, namespace, name }: WorkloadRef): WorkloadKey =>
  (resource === deployments ? `${namespace}/${name}` : `${namespace}/${resource}/${name}`) as WorkloadKey;

/** The reverse of `workloadKey`; undefined if `text` is no key. */
export const parseWorkloadKey = (text: string): WorkloadRef | undefined => {
  const parts = text.split('/');
  const [namespace, second, third] = parts;
  if (!namespace || !second || parts.length > 3) return undefined;
  if (third === undefined) return { resource: deployments, namespace, name: second };
  return third === '' ? undefined : { resource: second, namespace, name: third };
};
