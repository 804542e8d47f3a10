import { canTakeOver, isHeadless, selectorOf, type ServiceObject, type TakeoverRefusal, type WorkloadKey } from '../core/index.ts';
import type { ServiceView } from '../kube/index.ts';
import { selects } from './labels.ts';
import type { RoutedWorkload } from './ports.ts';

/** To whom a Service belongs. `refused`: somebody wants it and cannot have it. */
export type Claim =
  | { readonly kind: 'none' }
  | { readonly kind: 'owned'; readonly workload: WorkloadKey }
  | { readonly kind: 'refused'; readonly workloads: readonly WorkloadKey[]; readonly refusal: TakeoverRefusal };

/** A trimmed Service in the form in which `core` speaks of Services. */
export const serviceObject = (service: ServiceView): ServiceObject => ({
  metadata: { resourceVersion: service.resourceVersion, annotations: service.annotations },
  spec: service.selector === undefined ? {} : { selector: service.selector },
});

/** The selector that the Service has or would have without us. */
export const meantSelector = (service: ServiceView): Readonly<Record<string, string>> => selectorOf(serviceObject(service)) ?? {};

const selectsPodsOf = (service: ServiceView, { view }: RoutedWorkload): boolean => selects(meantSelector(service), view.podLabels);

/** Whether `workload` wants `service`: named in `rouse.dev/services`, or, where nothing is named, every Service with an address of its own that selects its pods. */
const wants = (workload: RoutedWorkload, service: ServiceView): boolean => {
  const { path, services } = workload.spec;
  if (path === 'none') return false;
  return services === 'all' ? !isHeadless(service) && service.type !== 'ExternalName' && selectsPodsOf(service, workload) : services.includes(service.name);
};

/**
 * Decides to whom `service` belongs. `candidates` are the workloads of its namespace that may want it; `selectsOthers` says whether it also selects pods
 * that are not of the given workload, whose traffic the gateways would take away.
 */
export const claimOf = (service: ServiceView, candidates: Iterable<RoutedWorkload>, selectsOthers: (owner: RoutedWorkload) => boolean): Claim => {
  const interested = [...candidates].filter((workload) => wants(workload, service));
  const [owner] = interested;
  if (owner === undefined || service.deleting) return { kind: 'none' };
  const refuse = (refusal: TakeoverRefusal): Claim => ({ kind: 'refused', workloads: interested.map(({ key }) => key), refusal });
  const fit = canTakeOver(service);
  if (!fit.ok) return refuse(fit.problem);
  if (Object.keys(meantSelector(service)).length === 0) return refuse('no-selector');
  if (interested.length > 1) return refuse('several-workloads');
  if (!selectsPodsOf(service, owner)) return refuse('not-its-pods');
  return selectsOthers(owner) ? refuse('other-pods') : { kind: 'owned', workload: owner.key };
};

export type Path = 'gateway' | 'direct' | 'none';

/** `auto` is `gateway` where there is a Service to point. */
export const pathOf = (said: RoutedWorkload['spec']['path'], hasService: boolean): Path => (said === 'auto' ? (hasService ? 'gateway' : 'none') : said);
