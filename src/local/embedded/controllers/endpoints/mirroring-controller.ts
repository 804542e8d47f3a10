import type { EndpointAddress, Endpoints, EndpointSubset } from 'kubernetes-types/core/v1.d.ts';
import type { Endpoint, EndpointSlice } from 'kubernetes-types/discovery/v1.d.ts';
import { resources } from '../../../../kube/index.ts';
import { ApiError } from '../../api-error.ts';
import { account, type ControllerContext } from '../context.ts';
import { keyOf, namespaceOf, splitKey, type Stored } from '../objects.ts';
import { controllerReference, isDeleting } from '../owners.ts';
import { isNamespaceGoing } from '../replica-set/controller.ts';
import type { WorkQueue } from '../work-queue.ts';
import { isIPv6 } from './addressing.ts';
import { managedByLabel, serviceLabel } from './labels.ts';
import { planSlices, type EndpointGroup } from './slice-plan.ts';

const me = account('endpointslicemirroring-controller');
const managerName = 'endpointslicemirroring-controller.k8s.io';
const skipLabel = 'endpointslice.kubernetes.io/skip-mirror';
const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader';
const notCopied = new Set(['kubectl.kubernetes.io/last-applied-configuration', 'endpoints.kubernetes.io/last-change-trigger-time']);
/** `--mirroring-max-endpoints-per-subset`. */
const mostEndpoints = 1000;

const endpointOf = ({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint => ({
  addresses: [ip],
  conditions: { ready },
  ...(hostname === undefined ? {} : { hostname }),
  ...(nodeName === undefined ? {} : { nodeName }),
  ...(targetRef === undefined ? {} : { targetRef }),
});

/** Endpoints of one family by their ports. */
const groupsOf = (subsets: readonly EndpointSubset[], wantsIPv6: boolean): readonly EndpointGroup[] => {
  const groups = new Map<string, { readonly ports: EndpointGroup['ports']; readonly endpoints: Endpoint[] }>();
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of subsets) {
    const own = [...addresses.map((address) => endpointOf(address, true)), ...notReadyAddresses.map((address) => endpointOf(address, false))]
      .filter((endpoint) => isIPv6(endpoint.addresses[0] ?? '') === wantsIPv6)
      .slice(0, mostEndpoints);
    if (own.length === 0) continue;
    const named = ports.map((port) => ({ ...port, name: port.name ?? '', protocol: port.protocol ?? 'TCP' }));
    const key = JSON.stringify(named);
    const group = groups.get(key) ?? { ports: named, endpoints: new Array<Endpoint>() };
    group.endpoints.push(...own);
    groups.set(key, group);
  }
  return [...groups.values()];
};

/**
 * Makes EndpointSlices of Endpoints objects whose Service has no selector, and removes them when it has one or the object goes: kubernetes
 * `pkg/controller/endpointslicemirroring`.
 */
export class EndpointSliceMirroringController {
  readonly #context: ControllerContext;
  readonly #queue: WorkQueue;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#queue = context.queue('endpointslicemirroring', (key) => this.#reconcile(key));
    context.endpoints.subscribe(({ object }) => {
      this.#queue.add(keyOf(object));
    });
    context.services.subscribe(({ object }) => {
      this.#queue.add(keyOf(object));
    });
    context.slices.subscribe(({ object, previous }) => {
      for (const slice of [object, previous]) {
        const service = slice?.metadata.labels?.[serviceLabel];
        if (slice !== undefined && service !== undefined && slice.metadata.labels?.[managedByLabel] === managerName)
          this.#queue.add(`${namespaceOf(slice)}/${service}`);
      }
    });
  }

  async #reconcile(key: string): Promise<void> {
    const service = this.#context.services.get(key);
    const endpoints = this.#context.endpoints.get(key);
    const [namespace, name] = splitKey(key);
    const mirrored = this.#context.slices
      .inNamespace(namespace)
      .filter(
        ({ metadata }) =>
          metadata.labels?.[serviceLabel] === name && metadata.labels[managedByLabel] === managerName && metadata.deletionTimestamp === undefined,
      );
    const isMirrored =
      endpoints !== undefined &&
      !isDeleting(endpoints) &&
      endpoints.metadata.labels?.[skipLabel] !== 'true' &&
      endpoints.metadata.annotations?.[leaderAnnotation] === undefined &&
      service !== undefined &&
      service.spec?.selector === undefined;
    if (!isMirrored) {
      for (const slice of mirrored) await this.#remove(slice);
      return;
    }
    for (const type of ['IPv4', 'IPv6'] as const) {
      const own = mirrored.filter(({ addressType }) => addressType === type);
      await this.#mirror(endpoints, type, own);
    }
  }

  async #mirror(endpoints: Stored<Endpoints>, type: 'IPv4' | 'IPv6', slices: readonly Stored<EndpointSlice>[]): Promise<void> {
    const { api } = this.#context;
    const plan = planSlices(groupsOf(endpoints.subsets ?? [], type === 'IPv6'), slices, { mostEndpoints, keepsPlaceholder: false });
    const labels = { ...endpoints.metadata.labels, [serviceLabel]: endpoints.metadata.name, [managedByLabel]: managerName };
    const annotations = Object.fromEntries(Object.entries(endpoints.metadata.annotations ?? {}).filter(([name]) => !notCopied.has(name)));
    const metadata = { generateName: `${endpoints.metadata.name}-`, namespace: namespaceOf(endpoints), labels, annotations };
    try {
      for (const group of plan.create)
        await api.create(
          resources.endpointSlices,
          {
            metadata: { ...metadata, ownerReferences: [controllerReference(endpoints)] },
            addressType: type,
            endpoints: [...group.endpoints],
            ports: [...group.ports],
          },
          me,
        );
    } catch (thrown) {
      if (isNamespaceGoing(thrown)) return;
      throw thrown;
    }
    for (const { slice, endpoints: next, ports } of plan.update)
      await api.update(
        resources.endpointSlices,
        { ...slice, metadata: { ...slice.metadata, labels, annotations }, endpoints: [...next], ports: [...ports] },
        me,
      );
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
