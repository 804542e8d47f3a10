import { fieldManager, ok, type Result, type WorkloadRef } from '../core/index.ts';
import { resources, type KubeClient, type Refusal, type Resource } from '../kube/index.ts';

type Hpa = NonNullable<(typeof resources.horizontalPodAutoscalers)['type']>;
type ManagedFields = NonNullable<NonNullable<Hpa['metadata']>['managedFields']>;

const isTarget = (hpa: Hpa, { name }: WorkloadRef, { group, kind }: Pick<Resource, 'group' | 'kind'>): boolean => {
  const target = hpa.spec?.scaleTargetRef;
  return target?.name === name && target.kind === kind && (target.apiVersion ?? '').split('/')[0] === group;
};

/** The HorizontalPodAutoscaler that scales the workload, whose objects are of `kind`, if there is one. */
export const findHpa = async (
  client: Pick<KubeClient, 'list'>,
  ref: WorkloadRef,
  kind: Pick<Resource, 'group' | 'kind'>,
  signal: AbortSignal,
): Promise<Result<Hpa | undefined, Refusal>> => {
  const listed = await client.list(resources.horizontalPodAutoscalers, { namespace: ref.namespace }, signal);
  return listed.ok ? ok(listed.value.items.find((hpa) => isTarget(hpa, ref, kind))) : listed;
};

/** As its owners wrote it, with who wrote what (server-side apply): no status, nothing else that the server set. */
export const strippedHpa = ({ metadata, spec }: Hpa): Hpa => {
  const { name, namespace, labels, annotations, ownerReferences } = metadata ?? {};
  const managedFields = metadata?.managedFields?.filter(({ subresource }) => subresource === undefined || subresource === '');
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(ownerReferences === undefined ? {} : { ownerReferences }),
      ...(managedFields === undefined || managedFields.length === 0 ? {} : { managedFields }),
    },
    ...(spec === undefined ? {} : { spec }),
  };
};

/** The HPA in `rouse.dev/state` as an object that can be created; undefined if what is there is none. */
export const rememberedHpa = (value: unknown): Hpa | undefined => {
  if (typeof value !== 'object' || value === null || !('kind' in value) || value.kind !== 'HorizontalPodAutoscaler' || !('metadata' in value)) return undefined;
  // Written by us alone (`strippedHpa`), and the API server checks it again.
  return value as Hpa;
};

const isOurs = ({ manager }: ManagedFields[number]): boolean => manager === fieldManager;

/**
 * Makes the adopted HPA again, or finds it made, and takes ourselves out of its managedFields: its owner's next server-side apply must find no
 * conflict with us. The value is why that could not be done.
 */
export const giveBackHpa = async (
  client: Pick<KubeClient, 'create' | 'list' | 'mergePatch'>,
  { metadata: { managedFields: saved, ...metadata } = {}, ...hpa }: Hpa,
  signal: AbortSignal,
): Promise<Refusal | undefined> => {
  const { name = '', namespace } = metadata;
  const made = await client.create(resources.horizontalPodAutoscalers, { ...hpa, metadata }, signal);
  if (!made.ok && made.problem.kind !== 'already-exists') return made.problem;
  const there = made.ok ? made : await client.list(resources.horizontalPodAutoscalers, { namespace, fieldSelector: `metadata.name=${name}` }, signal);
  if (!there.ok) return there.problem;
  const [found] = 'items' in there.value ? there.value.items : [there.value];
  const { managedFields, resourceVersion } = found?.metadata ?? {};
  // Somebody else made it, or we are out of it already.
  if (managedFields?.some(isOurs) !== true) return undefined;
  const others = managedFields.filter((entry) => !isOurs(entry));
  const entries = [...others, ...(saved ?? []).filter(({ manager }) => !others.some((other) => other.manager === manager))];
  // One empty entry is how the API server is told that nobody owns anything.
  const patch = { metadata: { resourceVersion, managedFields: entries.length === 0 ? [{}] : entries } };
  const freed = await client.mergePatch(resources.horizontalPodAutoscalers, { namespace, name }, patch, signal);
  return freed.ok || freed.problem.kind === 'not-found' ? undefined : freed.problem;
};
