import { isDeepStrictEqual } from 'node:util';
import { annotation, prefix, printWorkloadState } from '../../core/index.ts';
import { allow, type Verdict } from './answer.ts';
import { isOn, stateOf, type Labels, type WorkloadObject } from './workload-object.ts';

export interface WorkloadWrite {
  readonly object: WorkloadObject;
  /** Undefined: it is being created. */
  readonly before: WorkloadObject | undefined;
  readonly bySelf: boolean;
  readonly fieldManager: string | undefined;
  /** What the object says about `mode`, all layers considered. */
  readonly mode: 'enforce' | 'observe';
  /** The same of the object before. */
  readonly modeBefore: 'enforce' | 'observe';
  /** Everything is being handed back, whatever the annotations say. */
  readonly leaving: boolean;
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';
/** Written by us alone. */
const ours: readonly string[] = [annotation.state, annotation.status];

const without = (annotations: Labels, drop: (key: string) => boolean): Labels => Object.fromEntries(Object.entries(annotations).filter(([key]) => !drop(key)));

const isRouseKey = (key: string): boolean => key.startsWith(prefix);

/**
 * `kubectl rollout undo` replaces the template and all annotations by the old ReplicaSet's copy, as a patch without field manager that keeps last-applied
 * (kubectl/pkg/polymorphichelpers/rollback.go). That is no wish to change our settings, or to switch us off or on.
 */
const isRolloutUndo = ({ object, before, fieldManager }: WorkloadWrite): boolean =>
  before !== undefined &&
  fieldManager === undefined &&
  object.annotations[lastApplied] === before.annotations[lastApplied] &&
  !isDeepStrictEqual(object.template, before.template);

/** Settings carried over an undo, and our own keys as they were. */
const settledAnnotations = (write: WorkloadWrite): { readonly annotations: Labels; readonly warnings: readonly string[] } => {
  const { object, before } = write;
  const had = before?.annotations ?? {};
  if (isRolloutUndo(write)) {
    const annotations = { ...without(object.annotations, isRouseKey), ...without(had, (key) => !isRouseKey(key)) };
    const changed = !isDeepStrictEqual(annotations, object.annotations);
    return { annotations, warnings: changed ? ['rouse.dev/* annotations are kept: a rollback of the template does not change them'] : [] };
  }
  const kept = without(had, (key) => !ours.includes(key));
  const annotations = { ...without(object.annotations, (key) => ours.includes(key)), ...kept };
  return { annotations, warnings: [] };
};

/** Of our own keys that say something else than what stands in the end: asked a second time (another webhook came after us) we meet what we wrote ourselves. */
const tamperedWith = (write: WorkloadWrite, settled: Labels): readonly string[] => {
  const sent = write.object.annotations;
  const tampered = isRolloutUndo(write) ? [] : ours.filter((key) => key in sent && sent[key] !== settled[key] && sent[key] !== write.before?.annotations[key]);
  return tampered.map((key) => `${key} is written by Rouse alone; what was sent is ignored`);
};

/** What handing back will need, from the moment in which the workload becomes ours. */
const withState = (annotations: Labels, { object, before, mode, modeBefore, leaving }: WorkloadWrite): Labels => {
  const begins = stateOf({ annotations }) === undefined;
  const takesOverNow = before !== undefined && isOn(before) && modeBefore === 'observe' && mode === 'enforce';
  if (leaving || !isOn({ annotations }) || !(begins || takesOverNow)) return annotations;
  const known = stateOf({ annotations });
  const replicasBefore = (before ?? object).replicas;
  // The controller asks `/scale`, and writes it.
  if (replicasBefore === undefined) return annotations;
  const state = printWorkloadState({ ...known, v: 1, replicasBefore });
  return { ...annotations, [annotation.state]: state };
};

/** The count that stands. While a workload is ours, a manifest that is applied again says nothing about it. */
const settledReplicas = (
  annotations: Labels,
  { object, before, mode, modeBefore, leaving }: WorkloadWrite,
): { readonly replicas: number | undefined; readonly warnings: readonly string[] } => {
  const asked = object.replicas;
  if (before === undefined || asked === before.replicas || mode === 'observe') return { replicas: asked, warnings: [] };
  const live = before.replicas;
  if (live === undefined) return { replicas: asked, warnings: [] };
  const sent = asked ?? 'none';
  if (isOn({ annotations }) && !leaving)
    return { replicas: live, warnings: [`spec.replicas stays ${live} (sent: ${sent}): Rouse sets it; use rouse.dev/min-scale, or kubectl scale for a while`] };
  // Being switched off: fewer pods than run now are Rouse's to arrange, once nothing is in flight any more.
  const isHandedBack = leaving && stateOf(before) === undefined;
  // What was only observed has no count of ours.
  if (isOn(before) && modeBefore === 'enforce' && !isHandedBack && (asked ?? 0) < live)
    return { replicas: live, warnings: [`spec.replicas stays ${live} until the workload is handed back`] };
  return { replicas: asked, warnings: [] };
};

/** What a write of a workload becomes. Pure; applying it to its own result changes nothing (the API server may ask twice). */
export const mutateWorkload = (write: WorkloadWrite): Verdict => {
  if (write.bySelf) return allow;
  const settled = settledAnnotations(write);
  const annotations = withState(settled.annotations, write);
  const { replicas, warnings } = settledReplicas(annotations, write);
  const { object } = write;
  // Only what changes is in the difference: a part that the object does not have cannot be replaced in it.
  const changesReplicas = replicas !== object.replicas;
  const before = { metadata: withAnnotations(object.annotations), spec: changesReplicas && object.hasReplicas ? { replicas: object.replicas } : {} };
  const after = {
    metadata: Object.keys(object.annotations).length === 0 ? withAnnotations(annotations) : { annotations },
    spec: changesReplicas ? { replicas } : {},
  };
  return { kind: 'allow', warnings: [...settled.warnings, ...tamperedWith(write, annotations), ...warnings], mutation: { before, after } };
};

/** An empty map may be absent from the object: then the patch has to add the map itself. */
const withAnnotations = (annotations: Labels): { readonly annotations?: Labels } => (Object.keys(annotations).length === 0 ? {} : { annotations });
