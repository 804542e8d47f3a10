import { listAt, numberAt, objectAt, textAt, withField, type JsonObject } from '../json.ts';
import type { ResourceDefinition } from '../registry.ts';
import { ApiError, cause } from '../api-error.ts';
import { printLabelSelector } from '../selectors.ts';
import { checkKind, prepareForUpdate, prepareStatus } from '../strategy/prepare.ts';
import { withMetadata } from '../strategy/metadata.ts';
import { viewOf } from '../strategy/views.ts';
import { frozenObject } from '../json.ts';
import { selectorOf } from '../validation/workload.ts';

/** One way to see and change a stored object: as itself, its status, its scale, its finalizers. */
export interface Facet {
  /** Empty for the object itself. */
  readonly subresource: string;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  /** What a client sees. */
  readonly show: (stored: JsonObject) => JsonObject;
  /** The stored object with what a client wants, complete and with defaults. */
  readonly put: (wanted: JsonObject, previous: JsonObject) => JsonObject;
  /** True where the whole object must be legal, not its metadata alone. */
  readonly wholeIsChecked: boolean;
  /** True where the request has been through admission already, as another kind of object (a Binding). */
  readonly isAdmitted?: true;
}

export const mainFacet = (resource: ResourceDefinition): Facet => ({
  subresource: '',
  kind: resource,
  show: (object) => viewOf(resource, object),
  put: (wanted, previous) => prepareForUpdate(resource, checkKind(resource, wanted), previous),
  wholeIsChecked: true,
});

export const statusFacet = (resource: ResourceDefinition): Facet => ({
  subresource: 'status',
  kind: resource,
  show: (object) => viewOf(resource, object),
  put: (wanted, previous) => prepareStatus(resource, checkKind(resource, wanted), previous),
  wholeIsChecked: false,
});

/** `namespaces/NAME/finalize`: only `spec.finalizers` may change. */
export const finalizeFacet = (resource: ResourceDefinition): Facet => ({
  subresource: 'finalize',
  kind: resource,
  show: (object) => object,
  put: (wanted, previous) => withField({ ...previous }, ['spec', 'finalizers'], listAt(wanted, 'spec', 'finalizers')),
  wholeIsChecked: false,
});

/** `pods/NAME/binding`: sets the node of a pod that has none. Admission sees the Binding, not the pod. */
export const bindingFacet = (resource: ResourceDefinition): Facet => ({
  subresource: 'binding',
  kind: resource,
  show: (object) => object,
  put: (wanted) => wanted,
  wholeIsChecked: false,
  isAdmitted: true,
});

const scaleKind = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
const scales = new WeakMap<JsonObject, JsonObject>();

const shownScale = (object: JsonObject): JsonObject => {
  const known = scales.get(object);
  if (known !== undefined) return known;
  const metadata = objectAt(object, 'metadata') ?? {};
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  const replicas = numberAt(object, 'spec', 'replicas') ?? 0;
  const scale = frozenObject({
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    // Left out at zero, as Go's `omitempty` does: clients must expect that.
    spec: replicas === 0 ? {} : { replicas },
    status: {
      replicas: numberAt(object, 'status', 'replicas') ?? 0,
      selector: printLabelSelector(selectorOf(objectAt(object, 'spec', 'selector'))),
    },
  });
  scales.set(object, scale);
  return scale;
};

/** `NAME/scale` as autoscaling/v1 Scale; a write changes `spec.replicas` of the parent and nothing else. */
export const scaleFacet = (resource: ResourceDefinition): Facet => ({
  subresource: 'scale',
  kind: scaleKind,
  show: shownScale,
  put: (wanted, previous) => {
    checkKind(scaleKind, wanted);
    const replicas = numberAt(wanted, 'spec', 'replicas') ?? 0;
    if (!Number.isInteger(replicas) || replicas < 0) {
      const name = textAt(previous, 'metadata', 'name') ?? '';
      throw ApiError.invalid({ ...scaleKind, plural: resource.plural }, name, [cause.invalid('spec.replicas', replicas, 'must be greater than or equal to 0')]);
    }
    if (replicas === numberAt(previous, 'spec', 'replicas')) return previous;
    const changed = withField(previous, ['spec', 'replicas'], replicas);
    return withMetadata(changed, { generation: (numberAt(previous, 'metadata', 'generation') ?? 0) + 1 });
  },
  wholeIsChecked: false,
});

/** The facet of a sub-resource that is read and written as an object; undefined if the resource has none of that name. */
export const facetNamed = (resource: ResourceDefinition, subresource: string): Facet | undefined => {
  if (subresource === '') return mainFacet(resource);
  if (subresource === 'status' && resource.hasStatus) return statusFacet(resource);
  if (subresource === 'scale' && resource.hasScale) return scaleFacet(resource);
  return subresource === 'finalize' && resource.kind === 'Namespace' ? finalizeFacet(resource) : undefined;
};
