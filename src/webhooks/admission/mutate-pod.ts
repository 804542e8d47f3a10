import type { PodPlacement } from '../ports.ts';
import { podToPlace } from '../extender/pod-to-place.ts';
import { allow, type Verdict } from './answer.ts';
import { isJson, type AdmissionRequest, type Json } from './review.ts';

/** The second scheduler of `deploy/components/placement`. */
export const schedulerName = 'rouse-scheduler';

/** Nodes that a pod's affinity names: each is a preference of its own, as `metadata.name` takes one value (kubernetes/pkg/apis/core/validation, ValidateNodeFieldSelectorRequirement). */
const mostPreferred = 16;

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const part = (value: unknown, name: string): Json => (isJson(value) && isJson(value[name]) ? value[name] : {});

/** Nobody has said yet where it goes. */
const isFree = (spec: Json): boolean => {
  const { schedulerName: scheduler, nodeName } = spec;
  return (scheduler === undefined || scheduler === 'default-scheduler') && (nodeName === undefined || nodeName === '');
};

/** The best nodes, best first, unless all are as good: of equals, others each time, so that not everything goes to the first ones. */
export const preferredNodes = (
  names: readonly string[],
  scores: readonly (number | undefined)[],
  turn: number,
): readonly { readonly name: string; readonly score: number }[] => {
  const scored = names.map((name, at) => ({ name, score: scores[at] ?? 0 }));
  const from = scored.length === 0 ? 0 : turn % scored.length;
  const best = [...scored.slice(from), ...scored.slice(0, from)].sort((one, other) => other.score - one.score);
  if (best.at(0)?.score === best.at(-1)?.score) return [];
  return best.slice(0, mostPreferred).filter(({ score }) => score > 0);
};

/** What kube-scheduler is to prefer, behind what the pod's own affinity says. */
const withPreferences = (spec: Json, nodes: ReturnType<typeof preferredNodes>): Json => {
  const [affinity, nodeAffinity] = [part(spec, 'affinity'), part(part(spec, 'affinity'), 'nodeAffinity')];
  const preferred = nodes.map(({ name, score }) => ({
    weight: 10 * score,
    preference: { matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] },
  }));
  const key = 'preferredDuringSchedulingIgnoredDuringExecution';
  return { ...affinity, nodeAffinity: { ...nodeAffinity, [key]: [...listOf(nodeAffinity[key]), ...preferred] } };
};

let turn = 0;

/**
 * A pod of a workload that is created in a namespace labelled for placement: it goes to the scheduler that asks us while that is alive, or, where the label
 * says so, prefers the nodes that are best at the moment. Templates stay as they are: a change there would restart every pod. Any other pod passes as it is.
 */
export const mutatePod = ({ object, namespace, operation }: AdmissionRequest, placement: PodPlacement | undefined): Verdict => {
  const mode = operation === 'CREATE' ? placement?.modeIn(namespace) : undefined;
  const spec = part(object, 'spec');
  if (placement === undefined || mode === undefined || !isFree(spec) || (mode === 'scheduler' && !placement.schedulerIsAlive())) return allow;
  const found = placement.placer.placementOf(podToPlace(object, namespace));
  if (typeof found === 'string') return allow;
  if (mode === 'scheduler') return mutated({ schedulerName: spec['schedulerName'] }, { schedulerName });
  const names = placement.nodeNames();
  const preferred = preferredNodes(
    names,
    found.scores(names, () => undefined),
    turn++,
  );
  return preferred.length === 0 ? allow : mutated({ affinity: spec['affinity'] }, { affinity: withPreferences(spec, preferred) });
};

const mutated = (before: Json, after: Json): Verdict => ({
  kind: 'allow',
  warnings: [],
  mutation: { before: { spec: defined(before) }, after: { spec: after } },
});

const defined = (json: Json): Json => Object.fromEntries(Object.entries(json).filter(([, value]) => value !== undefined));
