import type { Clock } from '../../core/index.ts';
import type { PodPlacement } from '../ports.ts';
import { podToPlace } from '../extender/pod-to-place.ts';
import { allow, type Verdict } from './answer.ts';
import { preferredNodes, type PreferredNode } from './preferred-nodes.ts';
import { isJson, type AdmissionRequest, type Json } from './review.ts';

/** The second scheduler of `deploy/components/placement`. */
export const schedulerName = 'rouse-scheduler';

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const part = (value: unknown, name: string): Json => (isJson(value) && isJson(value[name]) ? value[name] : {});

/** Nobody has said yet where it goes. */
const isFree = (spec: Json): boolean => {
  const { schedulerName: scheduler, nodeName } = spec;
  return (scheduler === undefined || scheduler === 'default-scheduler') && (nodeName === undefined || nodeName === '');
};

/** What kube-scheduler is to prefer, behind what the pod's own affinity says. */
const withPreferences = (spec: Json, nodes: readonly PreferredNode[]): Json => {
  const [affinity, nodeAffinity] = [part(spec, 'affinity'), part(part(spec, 'affinity'), 'nodeAffinity')];
  const preferred = nodes.map(({ name, score }) => ({
    weight: 10 * score,
    preference: { matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] },
  }));
  const key = 'preferredDuringSchedulingIgnoredDuringExecution';
  return { ...affinity, nodeAffinity: { ...nodeAffinity, [key]: [...listOf(nodeAffinity[key]), ...preferred] } };
};

const unsent = (): undefined => undefined;

/** The node that the next pod looks at first. */
let from = 0;

/**
 * A pod of a workload that is created in a namespace labelled for placement: it goes to the scheduler that asks us while that is alive, or, where the label
 * says so, prefers the nodes that are best at the moment. Templates stay as they are: a change there would restart every pod. Any other pod passes as it is.
 */
export const mutatePod = (
  { object, namespace, operation }: AdmissionRequest,
  placement: PodPlacement | undefined,
  clock: Pick<Clock, 'monotonic'>,
): Verdict => {
  const mode = operation === 'CREATE' ? placement?.modeIn(namespace) : undefined;
  const spec = part(object, 'spec');
  if (placement === undefined || mode === undefined || !isFree(spec) || (mode === 'scheduler' && !placement.schedulerIsAlive())) return allow;
  const found = placement.placer.placementOf(podToPlace(object, namespace));
  if (typeof found === 'string') return allow;
  if (mode === 'scheduler') return mutated({ schedulerName: spec['schedulerName'] }, { schedulerName });
  const { nodes, next } = preferredNodes(clock, placement.nodeNames(), (names) => found.scores(names, unsent), from);
  from = next;
  return nodes.length === 0 ? allow : mutated({ affinity: spec['affinity'] }, { affinity: withPreferences(spec, nodes) });
};

const mutated = (before: Json, after: Json): Verdict => ({
  kind: 'allow',
  warnings: [],
  mutation: { before: { spec: defined(before) }, after: { spec: after } },
});

const defined = (json: Json): Json => Object.fromEntries(Object.entries(json).filter(([, value]) => value !== undefined));
