import { ApiError, cause, type StatusCause } from '../api-error.ts';
import { equal, isObject, objectAt, textAt, withField, type JsonObject } from '../json.ts';
import { resourceKey, type ResourceDefinition } from '../registry.ts';
import { metadataCauses } from './names.ts';
import { podSpecCauses } from './pod.ts';
import { endpointsCauses, endpointSliceCauses, serviceCauses } from './service.ts';
import { autoscalerCauses, controllerRevisionCauses, dataHolderCauses, disruptionBudgetCauses, eventCauses, leaseCauses } from './small-kinds.ts';
import { webhookConfigurationCauses } from './webhook.ts';
import { deploymentCauses, replicaSetCauses, statefulSetCauses } from './workload.ts';

type Check = (object: JsonObject, previous: JsonObject | undefined) => readonly StatusCause[];

/** The parts of a pod's spec that an update may change, replaced by their old values. */
const withoutMutable = (spec: JsonObject, old: JsonObject): JsonObject => {
  let fixed = spec;
  // Binding sets the node; gates and deadlines have their own rules, tolerations may only be added: taken as mutable.
  for (const field of ['activeDeadlineSeconds', 'tolerations', 'schedulingGates', 'terminationGracePeriodSeconds', 'nodeName']) {
    if (field === 'nodeName' && old['nodeName'] !== undefined) continue;
    fixed = withField(fixed, [field], old[field]);
  }
  for (const list of ['containers', 'initContainers']) {
    const [before, now] = [old[list], fixed[list]];
    if (!Array.isArray(before) || !Array.isArray(now) || before.length !== now.length) continue;
    const previous: readonly unknown[] = before;
    const current: readonly unknown[] = now;
    fixed = {
      ...fixed,
      [list]: current.map((one, index) => {
        const image = textAt(previous[index], 'image');
        return isObject(one) && image !== undefined ? { ...one, image } : one;
      }),
    };
  }
  return fixed;
};

const podCauses: Check = (object, previous) => {
  const spec = objectAt(object, 'spec');
  const old = objectAt(previous, 'spec');
  if (old !== undefined) {
    return equal(withoutMutable(spec ?? {}, old), old)
      ? podSpecCauses('spec', spec)
      : [
          cause.forbidden(
            'spec',
            'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
          ),
        ];
  }
  return podSpecCauses('spec', spec);
};

const checks: Readonly<Record<string, Check>> = {
  '/v1/configmaps': dataHolderCauses,
  '/v1/endpoints': endpointsCauses,
  '/v1/events': eventCauses,
  '/v1/pods': podCauses,
  '/v1/secrets': dataHolderCauses,
  '/v1/services': serviceCauses,
  'admissionregistration.k8s.io/v1/mutatingwebhookconfigurations': webhookConfigurationCauses,
  'admissionregistration.k8s.io/v1/validatingwebhookconfigurations': webhookConfigurationCauses,
  'apps/v1/controllerrevisions': controllerRevisionCauses,
  'apps/v1/deployments': deploymentCauses,
  'apps/v1/replicasets': replicaSetCauses,
  'apps/v1/statefulsets': statefulSetCauses,
  'autoscaling/v2/horizontalpodautoscalers': autoscalerCauses,
  'coordination.k8s.io/v1/leases': leaseCauses,
  'discovery.k8s.io/v1/endpointslices': endpointSliceCauses,
  'policy/v1/poddisruptionbudgets': disruptionBudgetCauses,
};

const fixedMetadata = ['name', 'namespace', 'uid', 'creationTimestamp'];

const immutableMetadata = (object: JsonObject, previous: JsonObject): StatusCause[] =>
  fixedMetadata
    .filter((field) => !equal(objectAt(object, 'metadata')?.[field], objectAt(previous, 'metadata')?.[field]))
    .map((field) => cause.invalid(`metadata.${field}`, objectAt(object, 'metadata')?.[field], 'field is immutable'));

/** Throws 422 with every problem of an object in its stored version, or returns. `previous` is the object that an update replaces. */
export const validate = (resource: ResourceDefinition, object: JsonObject, previous: JsonObject | undefined): void => {
  const check = checks[resourceKey(resource.storedAs ?? resource)];
  const causes = [
    ...metadataCauses(resource, object),
    ...(previous === undefined ? [] : immutableMetadata(object, previous)),
    ...(check?.(object, previous) ?? []),
  ];
  if (causes.length > 0) throw ApiError.invalid(resource, textAt(object, 'metadata', 'name') ?? '', causes);
};

/** What a `/status` write may break: the metadata alone (the rest is the word of a controller). */
export const validateStatus = (resource: ResourceDefinition, object: JsonObject, previous: JsonObject): void => {
  const causes = [...metadataCauses(resource, object), ...immutableMetadata(object, previous)];
  if (causes.length > 0) throw ApiError.invalid(resource, textAt(object, 'metadata', 'name') ?? '', causes);
};
