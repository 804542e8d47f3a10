import { isObject, type JsonObject } from '../json.ts';

/**
 * Fields that kube-apiserver's objects have even when the JSON has not (Go structs that are not pointers, slices without `omitempty`).
 * Field ownership is computed over objects that have them: nobody comes to own `.spec` by creating an object.
 */
const template = { metadata: {}, spec: { containers: null } };
const workload = { spec: { selector: null, template }, status: {} };
const byKind: Readonly<Record<string, JsonObject>> = {
  '/Namespace': { spec: {}, status: {} },
  '/Node': { spec: {}, status: { daemonEndpoints: { kubeletEndpoint: {} }, nodeInfo: {} } },
  '/Pod': { spec: { containers: null }, status: {} },
  '/Service': { spec: {}, status: { loadBalancer: {} } },
  'apps/Deployment': { spec: { ...workload.spec, strategy: {} }, status: {} },
  'apps/ReplicaSet': workload,
  'apps/StatefulSet': { spec: { ...workload.spec, updateStrategy: {} }, status: {} },
  'autoscaling/HorizontalPodAutoscaler': { spec: { scaleTargetRef: {} }, status: {} },
  'coordination.k8s.io/Lease': { spec: {} },
  'discovery.k8s.io/EndpointSlice': { endpoints: null, ports: null },
  'policy/PodDisruptionBudget': { spec: {}, status: {} },
};

/** `object` with the fields that its kind always has; an absent object has just those. */
export const withAlwaysThere = (object: JsonObject | undefined, resource: { readonly group: string; readonly kind: string }): JsonObject =>
  fill(object ?? {}, { metadata: {}, ...byKind[`${resource.group}/${resource.kind}`] });

const fill = (object: JsonObject, skeleton: JsonObject): JsonObject => {
  const filled: Record<string, unknown> = { ...object };
  for (const [name, inner] of Object.entries(skeleton)) {
    const existing = filled[name];
    if (existing === undefined) filled[name] = inner;
    else if (isObject(existing) && isObject(inner)) filled[name] = fill(existing, inner);
  }
  return filled;
};
