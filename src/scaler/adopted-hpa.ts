import { ok, type Result, type WorkloadRef } from '../core/index.ts';
import { resources, type KubeClient, type Refusal } from '../kube/index.ts';

type Hpa = NonNullable<(typeof resources.horizontalPodAutoscalers)['type']>;

/** `deployments.apps` → `apps/…`, `Deployment`: what a scaleTargetRef says about the built-in kinds; others are told by group and name alone. */
const kinds: Readonly<Record<string, string>> = { 'deployments.apps': 'Deployment', 'statefulsets.apps': 'StatefulSet' };

const isTarget = (hpa: Hpa, { resource, name }: WorkloadRef): boolean => {
  const target = hpa.spec?.scaleTargetRef;
  if (target?.name !== name) return false;
  const group = resource.slice(resource.indexOf('.') + 1);
  const kind = kinds[resource];
  return target.apiVersion?.split('/')[0] === group && (kind === undefined || target.kind === kind);
};

/** The HorizontalPodAutoscaler that scales the workload, if there is one. */
export const findHpa = async (client: Pick<KubeClient, 'list'>, ref: WorkloadRef, signal: AbortSignal): Promise<Result<Hpa | undefined, Refusal>> => {
  const listed = await client.list(resources.horizontalPodAutoscalers, { namespace: ref.namespace }, signal);
  return listed.ok ? ok(listed.value.items.find((hpa) => isTarget(hpa, ref))) : listed;
};

/** As its owner wrote it: no status, nothing that the server set. */
export const strippedHpa = ({ metadata, spec }: Hpa): Hpa => {
  const { name, namespace, labels, annotations } = metadata ?? {};
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
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
