import { nearest } from '../core/index.ts';
import type { WorkloadSummary } from './workloads.ts';

/** Names that are compared with the one that was asked for: each costs a few microseconds of a process that has better to do. */
const mostCompared = 2000;

/** What is wrong with asking for a workload that Rouse does not know, what may have been meant, and how it would come to be known. */
export const notOnboarded = (namespace: string, name: string, workloads: readonly Pick<WorkloadSummary, 'namespace' | 'name'>[]): string => {
  const elsewhere = workloads.filter((workload) => workload.name === name).map((workload) => `${workload.namespace}/${name}`);
  const near = nearest(
    name,
    workloads
      .filter((workload) => workload.namespace === namespace)
      .slice(0, mostCompared)
      .map((workload) => workload.name),
  );
  const meant = [...(near === undefined ? [] : [`${namespace}/${near}`]), ...elsewhere.slice(0, 5)];
  const hint = meant.length === 0 ? '' : `; did you mean ${meant.join(' or ')}?`;
  return `${namespace}/${name} is not onboarded: there is no such workload, or it carries no rouse.dev/enabled: "true" (kubectl -n ${namespace} annotate deployment ${name} rouse.dev/enabled=true)${hint}`;
};
