import type { Endpoint, EndpointPort, EndpointSlice } from 'kubernetes-types/discovery/v1.d.ts';
import { equal } from '../../json.ts';
import type { Stored } from '../objects.ts';

/** Endpoints with the same ports: they share slices. */
export interface EndpointGroup {
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

export interface SlicePlan {
  readonly create: readonly EndpointGroup[];
  readonly update: readonly (EndpointGroup & { readonly slice: Stored<EndpointSlice> })[];
  readonly remove: readonly Stored<EndpointSlice>[];
  readonly keep: readonly Stored<EndpointSlice>[];
}

/** Who an endpoint is: its pod, or without one its address (EndpointSet of k8s.io/endpointslice). */
const identityOf = (endpoint: Endpoint): string => endpoint.targetRef?.uid ?? `${endpoint.addresses.join(',')} ${endpoint.hostname ?? ''}`;

const samePorts = (left: readonly EndpointPort[] | undefined, right: readonly EndpointPort[]): boolean => equal(left ?? [], right);

interface Draft {
  readonly slice: Stored<EndpointSlice>;
  endpoints: Endpoint[];
}

/** Fills room in `drafts`, fullest first, changed ones before the others, and gives back what is left over. */
const fill = (drafts: readonly Draft[], left: readonly Endpoint[], most: number, isChanged: (draft: Draft) => boolean): readonly Endpoint[] => {
  const order = drafts.toSorted((one, other) => Number(isChanged(other)) - Number(isChanged(one)) || other.endpoints.length - one.endpoints.length);
  let rest = left;
  for (const draft of order) {
    const room = Math.max(0, most - draft.endpoints.length);
    if (room === 0 || rest.length === 0 || draft.endpoints.length === 0) continue;
    draft.endpoints = [...draft.endpoints, ...rest.slice(0, room)];
    rest = rest.slice(room);
  }
  return rest;
};

const planGroup = (group: EndpointGroup, slices: readonly Stored<EndpointSlice>[], most: number): SlicePlan => {
  const wanted = new Map(group.endpoints.map((endpoint) => [identityOf(endpoint), endpoint]));
  const drafts = slices.map((slice): Draft => {
    const endpoints = slice.endpoints.flatMap((endpoint) => {
      const identity = identityOf(endpoint);
      const next = wanted.get(identity);
      wanted.delete(identity);
      return next ?? [];
    });
    return { slice, endpoints };
  });
  const isChanged = ({ slice, endpoints }: Draft): boolean => !equal(slice.endpoints, endpoints);
  let left = fill(drafts, [...wanted.values()], most, isChanged);
  const create: EndpointGroup[] = [];
  for (const draft of drafts) {
    if (left.length === 0) break;
    if (draft.endpoints.length > 0) continue;
    // An empty slice is filled again rather than removed and made anew.
    draft.endpoints = left.slice(0, most);
    left = left.slice(most);
  }
  for (; left.length > 0; left = left.slice(most)) create.push({ ports: group.ports, endpoints: left.slice(0, most) });
  return {
    create,
    update: drafts.filter((draft) => draft.endpoints.length > 0 && isChanged(draft)).map((draft) => ({ ...draft, ports: group.ports })),
    remove: drafts.filter((draft) => draft.endpoints.length === 0).map(({ slice }) => slice),
    keep: drafts.filter((draft) => draft.endpoints.length > 0 && !isChanged(draft)).map(({ slice }) => slice),
  };
};

const placeholder: EndpointGroup = { ports: [], endpoints: [] };

/** A slice that would go takes what a new one would hold: one write, and no moment without either. */
const recycled = ({ create, update, remove, keep }: SlicePlan): SlicePlan => {
  const count = Math.min(create.length, remove.length);
  const reused = remove.slice(0, count).flatMap((slice, index) => {
    const group = create[index];
    return group === undefined ? [] : [{ ...group, slice }];
  });
  return { create: create.slice(count), update: [...update, ...reused], remove: remove.slice(count), keep };
};

/**
 * How the slices of one Service and address type come to hold `groups`: endpoints stay in the slice they are in, removed ones leave room,
 * new ones fill it, at most `mostEndpoints` in a slice; where `keepsPlaceholder`, an empty slice stands for a Service with no endpoints at all (k8s.io/endpointslice `reconciler.go`).
 */
export const planSlices = (
  groups: readonly EndpointGroup[],
  slices: readonly Stored<EndpointSlice>[],
  { mostEndpoints, keepsPlaceholder }: { readonly mostEndpoints: number; readonly keepsPlaceholder: boolean },
): SlicePlan => {
  const used = new Set<Stored<EndpointSlice>>();
  const plans = groups.map((group) => {
    const own = slices.filter((slice) => samePorts(slice.ports, group.ports));
    for (const slice of own) used.add(slice);
    return planGroup(group, own, mostEndpoints);
  });
  const create = plans.flatMap((plan) => plan.create);
  const update = plans.flatMap((plan) => plan.update);
  const keep = plans.flatMap((plan) => plan.keep);
  const remove = [...plans.flatMap((plan) => plan.remove), ...slices.filter((slice) => !used.has(slice))];
  const isEmpty = create.length + update.length + keep.length === 0;
  if (!keepsPlaceholder || !isEmpty) return recycled({ create, update, remove, keep });
  const empty = remove.find((slice) => slice.endpoints.length === 0 && (slice.ports ?? []).length === 0);
  if (empty === undefined) return recycled({ create: [placeholder], update, remove, keep });
  return { create, update, remove: remove.filter((slice) => slice !== empty), keep: [empty] };
};
