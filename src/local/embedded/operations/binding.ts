import type { Admission, WriteContext } from '../admission/admission.ts';
import { ApiError, cause } from '../api-error.ts';
import { listAt, textAt, withField, type JsonObject } from '../json.ts';
import type { Clock } from '../../../core/index.ts';
import { timestamp } from '../strategy/metadata.ts';
import { bindingFacet } from './facet.ts';
import type { Target, Writer } from './writer.ts';

const bindingKind = { group: '', version: 'v1', kind: 'Binding' };

/** POST of `pods/NAME/binding`: the scheduler's word on where a pod runs. 409 if the pod has a node, or is another than the binding's uid says. */
export const bindPod = async (
  parts: { readonly writer: Writer; readonly admission: Admission; readonly clock: Clock },
  target: Target,
  binding: JsonObject,
  context: WriteContext,
): Promise<JsonObject> => {
  const node = textAt(binding, 'target', 'name') ?? '';
  if (node === '') throw ApiError.invalid({ ...bindingKind, plural: 'bindings' }, target.name, [cause.required('target.name')]);
  const attributes = {
    operation: 'CREATE' as const,
    resource: target.resource,
    subresource: 'binding',
    kind: bindingKind,
    namespace: target.namespace,
    name: target.name,
    object: binding,
    oldObject: undefined,
    context,
  };
  await parts.admission.mutate(attributes, (object) => object);
  await parts.admission.validate(attributes);
  const uid = textAt(binding, 'metadata', 'uid') ?? '';
  const apply = (pod: JsonObject): JsonObject => bound(target, pod, node, uid, timestamp(parts.clock));
  return parts.writer.update(target, bindingFacet(target.resource), { apply }, context);
};

const bound = ({ resource, name }: Target, pod: JsonObject, node: string, uid: string, now: string): JsonObject => {
  const current = textAt(pod, 'metadata', 'uid') ?? '';
  if (uid !== '' && uid !== current) {
    throw ApiError.conflict(resource, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current}`);
  }
  if (textAt(pod, 'metadata', 'deletionTimestamp') !== undefined)
    throw ApiError.conflict(resource, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  const assigned = textAt(pod, 'spec', 'nodeName') ?? '';
  if (assigned !== '') throw ApiError.conflict(resource, name, `pod ${name} is already assigned to node ${JSON.stringify(assigned)}`);
  const others = listAt(pod, 'status', 'conditions').filter((condition) => textAt(condition, 'type') !== 'PodScheduled');
  const scheduled = { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: now };
  return withField(withField(pod, ['spec', 'nodeName'], node), ['status', 'conditions'], [...others, scheduled]);
};
