import type { EndpointAddress, Endpoints, EndpointSubset, Pod, Service } from 'kubernetes-types/core/v1.d.ts';
import { resources } from '../../../../kube/index.ts';
import { ApiError } from '../../api-error.ts';
import { equal } from '../../json.ts';
import { account, type ControllerContext } from '../context.ts';
import { keyOf, namespaceOf, splitKey, type Stored } from '../objects.ts';
import { isDeleting } from '../owners.ts';
import { isReady } from '../pod-facts.ts';
import { isNamespaceGoing } from '../replica-set/controller.ts';
import type { WorkQueue } from '../work-queue.ts';
import { hasAddress, hasSelector, isHeadless, isIPv6, portsOf, selects, type ResolvedPort } from './addressing.ts';

const me = account('endpoint-controller');
const managedByLabel = 'endpoints.kubernetes.io/managed-by';
const overCapacity = 'endpoints.kubernetes.io/over-capacity';
const mostAddresses = 1000;

interface Draft {
  readonly ports: readonly ResolvedPort[];
  readonly ready: EndpointAddress[];
  readonly notReady: EndpointAddress[];
}

const byAddress = (left: EndpointAddress, right: EndpointAddress): number => {
  const [one, other] = [left, right].map(({ ip, targetRef }) => `${ip} ${targetRef?.uid ?? ''}`);
  return one === other ? 0 : (one ?? '') < (other ?? '') ? -1 : 1;
};

const subsetOf = ({ ports, ready, notReady }: Draft): EndpointSubset => ({
  ...(ready.length === 0 ? {} : { addresses: ready.toSorted(byAddress) }),
  ...(notReady.length === 0 ? {} : { notReadyAddresses: notReady.toSorted(byAddress) }),
  ...(ports.length === 0 ? {} : { ports: ports.map(({ name, ...port }) => (name === '' ? port : { name, ...port })) }),
});

/**
 * Writes the Endpoints object of each Service with a selector, and removes it with the Service: kubernetes `pkg/controller/endpoint`. A
 * Service that loses its selector keeps the object as it is, which is why the mirroring controller then makes slices of it.
 */
export class EndpointsController {
  readonly #context: ControllerContext;
  readonly #queue: WorkQueue;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#queue = context.queue('endpoints', (key) => this.#reconcile(key));
    context.services.subscribe(({ object }) => {
      this.#queue.add(keyOf(object));
    });
    context.pods.subscribe(({ object, previous }) => {
      for (const service of context.services.inNamespace(namespaceOf(object)))
        if (hasSelector(service) && (selects(service, object) || (previous !== undefined && selects(service, previous)))) this.#queue.add(keyOf(service));
    });
    context.endpoints.subscribe(({ type, object }) => {
      if (type === 'DELETED') this.#queue.add(keyOf(object));
    });
  }

  async #reconcile(key: string): Promise<void> {
    const service = this.#context.services.get(key);
    const before = this.#context.endpoints.get(key);
    if (service === undefined) {
      if (before !== undefined) await this.#remove(before);
      return;
    }
    if (isDeleting(service) || !hasSelector(service)) return;
    const { subsets, isCut } = this.#subsets(service);
    const labels = {
      ...service.metadata.labels,
      ...(isHeadless(service) ? { 'service.kubernetes.io/headless': '' } : {}),
      [managedByLabel]: 'endpoint-controller',
    };
    if (before !== undefined && equal(before.subsets ?? [], subsets) && equal(before.metadata.labels ?? {}, labels)) return;
    const { [overCapacity]: _cut, ...kept } = before?.metadata.annotations ?? {};
    const annotations = isCut ? { ...kept, [overCapacity]: 'truncated' } : kept;
    await this.#write(key, before, { labels, annotations }, subsets);
  }

  async #write(
    key: string,
    before: Stored<Endpoints> | undefined,
    meta: { readonly labels: Record<string, string>; readonly annotations: Record<string, string> },
    subsets: readonly EndpointSubset[],
  ): Promise<void> {
    const [namespace, name] = splitKey(key);
    const { api } = this.#context;
    const held = subsets.length === 0 ? {} : { subsets: [...subsets] };
    try {
      if (before === undefined) await api.create(resources.endpoints, { metadata: { name, namespace, ...meta }, ...held }, me);
      else {
        const { subsets: _before, ...rest } = before;
        await api.update(resources.endpoints, { ...rest, metadata: { ...before.metadata, ...meta }, ...held }, me);
      }
    } catch (thrown) {
      if (!isNamespaceGoing(thrown)) throw thrown;
    }
  }

  async #remove(endpoints: Stored<Endpoints>): Promise<void> {
    try {
      await this.#context.api.delete(resources.endpoints, namespaceOf(endpoints), endpoints.metadata.name, { uid: endpoints.metadata.uid }, me);
    } catch (thrown) {
      if (!(thrown instanceof ApiError) || thrown.reason !== 'NotFound') throw thrown;
    }
  }

  /** Pods grouped by the ports that they serve, at most 1000 addresses, ready ones first. */
  #subsets(service: Stored<Service>): { readonly subsets: readonly EndpointSubset[]; readonly isCut: boolean } {
    const publishAll = service.spec?.publishNotReadyAddresses === true;
    const pods = this.#context.pods
      .inNamespace(namespaceOf(service))
      .filter((pod) => selects(service, pod) && hasAddress(pod) && (publishAll || !isDeleting(pod)))
      .toSorted((left, right) => Number(isReady(right)) - Number(isReady(left)));
    const drafts = new Map<string, Draft>();
    for (const pod of pods.slice(0, mostAddresses)) {
      const address = addressOf(service, pod);
      const ports = portsOf(service, pod);
      if (address === undefined || (ports.length === 0 && (service.spec?.ports ?? []).length > 0)) continue;
      const key = JSON.stringify(ports);
      const draft: Draft = drafts.get(key) ?? { ports, ready: [], notReady: [] };
      (publishAll || isReady(pod) ? draft.ready : draft.notReady).push(address);
      drafts.set(key, draft);
    }
    return { subsets: [...drafts.values()].map(subsetOf), isCut: pods.length > mostAddresses };
  }
}

/** The pod's address of the Service's first family. */
const addressOf = (service: Stored<Service>, pod: Stored<Pod>): EndpointAddress | undefined => {
  const wantsIPv6 = service.spec?.ipFamilies?.[0] === 'IPv6';
  const ip = (pod.status?.podIPs ?? []).map((one) => one.ip).find((one) => one !== undefined && isIPv6(one) === wantsIPv6);
  const nodeName = pod.spec?.nodeName;
  const hostname = pod.spec?.hostname !== undefined && pod.spec.subdomain === service.metadata.name ? pod.spec.hostname : undefined;
  if (ip === undefined) return undefined;
  return {
    ip,
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: { kind: 'Pod', namespace: namespaceOf(pod), name: pod.metadata.name, uid: pod.metadata.uid },
  };
};
