import type { WorkloadView } from '../kube/index.ts';

export type Labels = Readonly<Record<string, string>>;

/** A Service's selector: every pair must be there. An empty one selects nothing, as in Kubernetes. */
export const selects = (selector: Labels, labels: Labels): boolean => {
  const pairs = Object.entries(selector);
  return pairs.length > 0 && pairs.every(([key, value]) => labels[key] === value);
};

const holds = (labels: Labels, { key, operator, values }: WorkloadView['selector']['matchExpressions'][number]): boolean => {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
};

/** A workload's `spec.selector` (LabelSelector): labels and expressions, all of them. One without either matches nothing here: no such workload is valid. */
export const matches = (selector: WorkloadView['selector'], labels: Labels): boolean => {
  const pairs = Object.entries(selector.matchLabels);
  if (pairs.length === 0 && selector.matchExpressions.length === 0) return false;
  return pairs.every(([key, value]) => labels[key] === value) && selector.matchExpressions.every((expression) => holds(labels, expression));
};
