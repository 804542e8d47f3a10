import type { Pod, Service } from 'kubernetes-types/core/v1.d.ts';
import type { Endpoint, EndpointSlice } from 'kubernetes-types/discovery/v1.d.ts';
import { resources } from '../../../../kube/index.ts';
import { ApiError } from '../../api-error.ts';
import { equal } from '../../json.ts';
import { account, type ControllerContext } from '../context.ts';
import { keyOf, namespaceOf, type Stored } from '../objects.ts';
import { controllerReference, isDeleting } from '../owners.ts';
import { isReady } from '../pod-facts.ts';
import { isNamespaceGoing } from '../replica-set/controller.ts';
import type { WorkQueue } from '../work-queue.ts';
import { hasAddress, hasSelector, isHeadless, isIPv6, portsOf, selects } from './addressing.ts';
import { managedByLabel, serviceLabel } from './labels.ts';
import { planSlices, type EndpointGroup, type SlicePlan } from './slice-plan.ts';

const me = account('endpointslice-controller');
export const sliceManagerName = 'endpointslice-controller.k8s.io';
/** `--max-endpoints-per-slice`. */
const mostEndpoints = 100;

type AddressType = 'IPv4' | 'IPv6';

/**
 * Writes the EndpointSlices of Services with a selector: kubernetes `pkg/controller/endpointslice`. Slices of other managers are never
 * touched, and those of a Service that has lost its selector stay as they are.
 */
export class EndpointSliceController {
  readonly #context: ControllerContext;
  readonly #queue: WorkQueue;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#queue = context.queue('endpointslice', (key) => this.#reconcile(key));
    context.services.subscribe(({ object }) => {
      this.#queue.add(keyOf(object));
    });
    context.pods.subscribe(({ object, previous }) => {
      for (const service of context.services.inNamespace(namespaceOf(object))) {
        if (hasSelector(service) && (selects(service, object) || (previous !== undefined && selects(service, previous)))) this.#queue.add(keyOf(service));
      }
    });
    context.nodes.subscribe(({ object, type }) => {
      if (type !== 'MODIFIED') this.#addServicesOn(object.metadata.name);
    });
    context.slices.subscribe(({ object, previous }) => {
      for (const slice of [object, previous]) {
        const service = slice?.metadata.labels?.[serviceLabel];
        if (slice !== undefined && service !== undefined && slice.metadata.labels?.[managedByLabel] === sliceManagerName)
          this.#queue.add(`${namespaceOf(slice)}/${service}`);
      }
    });
  }

  /** Queues the Services of the pods of a node that came or went. */
  #addServicesOn(nodeName: string): void {
    for (const pod of this.#context.pods.values()) {
      if (pod.spec?.nodeName !== nodeName) continue;
      for (const service of this.#context.services.inNamespace(namespaceOf(pod))) if (selects(service, pod)) this.#queue.add(keyOf(service));
    }
  }

  async #reconcile(key: string): Promise<void> {
    const service = this.#context.services.get(key);
    if (service === undefined || isDeleting(service) || !hasSelector(service)) return;
    const own = this.#context.slices
      .inNamespace(namespaceOf(service))
      .filter(
        ({ metadata }) =>
          metadata.labels?.[serviceLabel] === service.metadata.name &&
          metadata.labels[managedByLabel] === sliceManagerName &&
          metadata.deletionTimestamp === undefined,
      );
    const types = addressTypesOf(service);
    for (const slice of own) if (!types.some((type) => type === slice.addressType)) await this.#remove(slice);
    for (const type of types) {
      const plan = planSlices(
        this.#groups(service, type),
        own.filter((slice) => slice.addressType === type),
        { mostEndpoints, keepsPlaceholder: true },
      );
      await this.#apply(service, type, plan);
    }
  }

  /** The endpoints of the Service by the ports that they serve. */
  #groups(service: Stored<Service>, type: AddressType): readonly EndpointGroup[] {
    const groups = new Map<string, { readonly ports: EndpointGroup['ports']; readonly endpoints: Endpoint[] }>();
    for (const pod of this.#context.pods.inNamespace(namespaceOf(service))) {
      if (!selects(service, pod) || !hasAddress(pod) || !this.#isPlaced(service, pod)) continue;
      const endpoint = this.#endpoint(service, pod, type);
      if (endpoint === undefined) continue;
      const ports = portsOf(service, pod);
      const key = JSON.stringify(ports);
      const group = groups.get(key) ?? { ports, endpoints: new Array<Endpoint>() };
      group.endpoints.push(endpoint);
      groups.set(key, group);
    }
    return [...groups.values()];
  }

  /** A pod on no node, or on one that does not exist, is no endpoint, unless the Service wants those that are not ready too. */
  #isPlaced(service: Stored<Service>, pod: Stored<Pod>): boolean {
    const nodeName = pod.spec?.nodeName;
    return service.spec?.publishNotReadyAddresses === true || (nodeName !== undefined && this.#context.nodes.get(`/${nodeName}`) !== undefined);
  }

  #endpoint(service: Stored<Service>, pod: Stored<Pod>, type: AddressType): Endpoint | undefined {
    const addresses = (pod.status?.podIPs ?? []).flatMap(({ ip }) => (ip !== undefined && isIPv6(ip) === (type === 'IPv6') ? [ip] : []));
    if (addresses.length === 0) return undefined;
    const serving = isReady(pod);
    const terminating = isDeleting(pod);
    const nodeName = pod.spec?.nodeName;
    const zone = nodeName === undefined ? undefined : this.#context.nodes.get(`/${nodeName}`)?.metadata.labels?.['topology.kubernetes.io/zone'];
    const hostname = pod.spec?.hostname !== undefined && pod.spec.subdomain === service.metadata.name ? pod.spec.hostname : undefined;
    return {
      addresses,
      conditions: { ready: service.spec?.publishNotReadyAddresses === true || (serving && !terminating), serving, terminating },
      ...(hostname === undefined ? {} : { hostname }),
      targetRef: { kind: 'Pod', namespace: namespaceOf(pod), name: pod.metadata.name, uid: pod.metadata.uid },
      ...(nodeName === undefined ? {} : { nodeName }),
      ...(zone === undefined ? {} : { zone }),
    };
  }

  async #apply(service: Stored<Service>, type: AddressType, plan: SlicePlan): Promise<void> {
    const { api } = this.#context;
    const labels = labelsOf(service);
    const relabelled = plan.keep
      .filter((slice) => !equal(slice.metadata.labels ?? {}, labels))
      .map((slice) => ({ slice, endpoints: slice.endpoints, ports: slice.ports ?? [] }));
    try {
      for (const { ports, endpoints } of plan.create) {
        await api.create(
          resources.endpointSlices,
          {
            metadata: {
              generateName: `${service.metadata.name}-`,
              namespace: namespaceOf(service),
              labels,
              ownerReferences: [controllerReference(service)],
            },
            addressType: type,
            endpoints: [...endpoints],
            ports: [...ports],
          },
          me,
        );
      }
    } catch (thrown) {
      if (isNamespaceGoing(thrown)) return;
      throw thrown;
    }
    for (const { slice, endpoints, ports } of [...plan.update, ...relabelled])
      await api.update(resources.endpointSlices, { ...slice, metadata: { ...slice.metadata, labels }, endpoints: [...endpoints], ports: [...ports] }, me);
    for (const slice of plan.remove) await this.#remove(slice);
  }

  async #remove(slice: Stored<EndpointSlice>): Promise<void> {
    try {
      await this.#context.api.delete(resources.endpointSlices, namespaceOf(slice), slice.metadata.name, { uid: slice.metadata.uid }, me);
    } catch (thrown) {
      if (!(thrown instanceof ApiError) || thrown.reason !== 'NotFound') throw thrown;
    }
  }
}

const addressTypesOf = (service: Service): readonly AddressType[] => {
  const families = service.spec?.ipFamilies ?? [];
  return families.length === 0 ? ['IPv4'] : families.map((family) => (family === 'IPv6' ? 'IPv6' : 'IPv4'));
};

/** A Service's labels are copied to its slices. */
const labelsOf = (service: Stored<Service>): Record<string, string> => ({
  ...service.metadata.labels,
  ...(isHeadless(service) ? { 'service.kubernetes.io/headless': '' } : {}),
  [serviceLabel]: service.metadata.name,
  [managedByLabel]: sliceManagerName,
});
