import { takenOverFor, type WorkloadKey } from '../core/index.ts';
import type { EndpointSliceView, PodView, ServiceView, Snapshot, SnapshotEvent } from '../kube/index.ts';
import { gatewayPortsOf, PortUsers } from './gateway-ports.ts';
import { isOurs } from './gateway-slice.ts';
import { selects } from './labels.ts';
import { meantSelector, pathOf, serviceObject, type Claim, type Path } from './paths.ts';
import { PodOwnership } from './pod-ownership.ts';
import type { RoutedWorkload, WorkloadSource } from './ports.ts';
import type { RoutedService } from './route-snapshots.ts';
import { ServiceClaims } from './service-claims.ts';
import { SliceIndex } from './slice-index.ts';

export interface RoutingSnapshots {
  readonly services: Snapshot<ServiceView>;
  readonly endpointSlices: Snapshot<EndpointSliceView>;
  /** At least of every namespace that has workloads. */
  readonly pods: Snapshot<PodView>;
  /** Where namespaces are watched one by one: resolves when the pods of this one are in. */
  readonly podsSynced?: (namespace: string) => Promise<void>;
}

export interface WorldListener {
  /** Something that the Service's takeover depends on has changed. */
  service(key: string): void;
  /** Something that the workload's route depends on has changed. */
  workload(key: WorkloadKey): void;
}

const keyOf = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string => `${namespace}/${name}`;

/** What decides which pods and Services are a workload's. */
const reachOf = ({ view, spec }: RoutedWorkload): string => JSON.stringify([view.selector, view.podLabels, spec.path, spec.services]);

/** Who belongs to whom, kept up to date by events so that no question walks the cluster: pods and Services to workloads, slices to Services. */
export class World {
  readonly #snapshots: RoutingSnapshots;
  readonly #source: WorkloadSource;
  readonly #listener: WorldListener;
  readonly #stops: (() => void)[] = [];
  readonly #workloads = new Map<WorkloadKey, RoutedWorkload>();
  readonly #pods = new PodOwnership();
  readonly #claims: ServiceClaims;
  readonly #slices = new SliceIndex();
  readonly ports = new PortUsers();

  constructor(snapshots: RoutingSnapshots, source: WorkloadSource, listener: WorldListener) {
    this.#snapshots = snapshots;
    this.#source = source;
    this.#listener = listener;
    this.#claims = new ServiceClaims(snapshots.services, snapshots.pods);
  }

  /** Reads everything there is and follows it from now on. The snapshots and the source have to be synced. */
  open(): void {
    for (const workload of this.#source.values()) this.#file(workload);
    for (const slice of this.#snapshots.endpointSlices.values()) this.#slices.add(slice);
    for (const pod of this.#snapshots.pods.values()) this.#pods.set(pod);
    for (const service of this.#snapshots.services.values()) {
      this.ports.set(keyOf(service), service);
      this.#claims.setService(keyOf(service), service);
    }
    for (const service of this.#snapshots.services.values()) this.#claims.judge(keyOf(service));
    this.#stops.push(
      this.#source.subscribe((key) => this.#onWorkload(key)),
      this.#snapshots.endpointSlices.subscribe((event) => this.#onSlice(event)),
      this.#snapshots.pods.subscribe((event) => this.#onPod(event)),
      this.#snapshots.services.subscribe((event) => this.#onService(event)),
    );
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  workloads(): Iterable<WorkloadKey> {
    return this.#workloads.keys();
  }

  workload(key: WorkloadKey): RoutedWorkload | undefined {
    return this.#workloads.get(key);
  }

  service(key: string): ServiceView | undefined {
    return this.#snapshots.services.get(key);
  }

  services(): Iterable<ServiceView> {
    return this.#snapshots.services.values();
  }

  claim(service: string): Claim {
    return this.#claims.claim(service);
  }

  /** The workload for which the Service was taken over, if there still is one. */
  holderOf(service: string): WorkloadKey | undefined {
    const claim = this.#claims.claim(service);
    return this.#claims.holders(service).find((holder) => claim.kind !== 'owned' || holder !== claim.workload);
  }

  pathOf(key: WorkloadKey): Path {
    const workload = this.#workloads.get(key);
    return workload === undefined ? 'none' : pathOf(workload.spec.path, this.#claims.held(key).size > 0);
  }

  /** Keys of Services that the workload has, wants, or still has to give back, in a fixed order. */
  servicesOf(key: WorkloadKey): readonly string[] {
    return [...this.#claims.held(key)].sort();
  }

  /** Services whose traffic reaches the workload through gateways, or will. One that is being handed back is still among them. */
  routedServices(key: WorkloadKey): readonly RoutedService[] {
    return this.servicesOf(key).flatMap((serviceKey) => {
      const service = this.#snapshots.services.get(serviceKey);
      if (service === undefined) return [];
      const claim = this.#claims.claim(serviceKey);
      const routed = claim.kind === 'owned' ? claim.workload === key : takenOverFor(serviceObject(service)) === key;
      const gatewayPorts = new Map([...gatewayPortsOf(service)].filter(([, port]) => this.holdsPort(serviceKey, port)));
      return routed ? [{ service, gatewayPorts }] : [];
    });
  }

  podsOf(key: WorkloadKey): Iterable<PodView> {
    return this.#pods.podsOf(key);
  }

  readyPodsOf(key: WorkloadKey): number {
    return this.#pods.readyPodsOf(key);
  }

  /** Ready pods that the Service selects, or would select without us. */
  readyPodsBehind(service: ServiceView): readonly PodView[] {
    const selector = meantSelector(service);
    return [...this.#snapshots.pods.inNamespace(service.namespace)].filter((pod) => pod.ready && !pod.deleting && selects(selector, pod.labels));
  }

  slicesOf(service: string): readonly EndpointSliceView[] {
    return this.#slices.of(service);
  }

  /**
   * Whether the gateway port is this Service's. Where several Services name one port (an annotation that was copied, by mistake or not), it belongs to
   * the one whose slice, which we wrote, has it; before that to the oldest.
   */
  holdsPort(service: string, port: number): boolean {
    const users = [...this.ports.of(port)];
    if (users.length < 2) return true;
    const open = users.filter((user) => this.slicesOf(user).some((slice) => isOurs(slice) && slice.ports.some((own) => own.port === port)));
    const age = (user: string): number => this.#snapshots.services.get(user)?.createdAt ?? Number.POSITIVE_INFINITY;
    const [first] = (open.length === 0 ? users : open).sort((a, b) => age(a) - age(b) || (a < b ? -1 : 1));
    return first === service;
  }

  /** Whether any Service points at this address of a gateway. */
  pointsAt(address: string): boolean {
    return this.#slices.pointAt(address);
  }

  /** Addresses of gateways that any Service points at. */
  gatewayAddresses(): Iterable<string> {
    return this.#slices.addresses();
  }

  #file(workload: RoutedWorkload): void {
    this.#workloads.set(workload.key, workload);
    this.#pods.setWorkload(workload);
    this.#claims.setWorkload(workload);
  }

  #onWorkload(key: WorkloadKey): void {
    const before = this.#workloads.get(key);
    const now = this.#source.get(key);
    const moved = before === undefined || now === undefined ? before !== now : reachOf(before) !== reachOf(now);
    const affected = new Set(this.#claims.held(key));
    if (moved && before !== undefined) for (const service of this.#claims.reach(before)) affected.add(service);
    if (now !== undefined) this.#file(now);
    else {
      this.#workloads.delete(key);
      this.#pods.deleteWorkload(key);
      this.#claims.deleteWorkload(key);
    }
    if (moved) {
      const { namespace } = (now ?? before)?.view ?? { namespace: '' };
      for (const pod of this.#snapshots.pods.inNamespace(namespace)) this.#pods.set(pod);
      if (now !== undefined) for (const service of this.#claims.reach(now)) affected.add(service);
      for (const service of affected) this.#judge(service);
    }
    for (const service of affected) this.#listener.service(service);
    this.#listener.workload(key);
  }

  #onPod(event: SnapshotEvent<PodView>): void {
    const owners = event.type === 'set' ? this.#pods.set(event.value) : this.#pods.delete(event.key);
    for (const owner of owners) {
      this.#listener.workload(owner);
      for (const service of this.#claims.held(owner)) this.#listener.service(service);
    }
    const pod = event.type === 'set' ? event.value : event.previous;
    for (const service of this.#claims.disturbed(pod, owners)) {
      this.#judge(service);
      this.#listener.service(service);
    }
  }

  #onSlice(event: SnapshotEvent<EndpointSliceView>): void {
    if (event.previous !== undefined) this.#slices.delete(event.previous);
    if (event.type === 'set') this.#slices.add(event.value);
    const { namespace, serviceName } = event.type === 'set' ? event.value : event.previous;
    if (serviceName !== undefined) this.#listener.service(`${namespace}/${serviceName}`);
  }

  #onService(event: SnapshotEvent<ServiceView>): void {
    const before = this.#claims.holders(event.key);
    if (event.type === 'set') {
      this.ports.set(event.key, event.value);
      this.#claims.setService(event.key, event.value);
    } else {
      this.ports.delete(event.key);
      this.#claims.deleteService(event.key);
    }
    this.#judge(event.key);
    // Ports, affinity or the allotted gateway ports may have changed though the claim has not.
    for (const holder of new Set([...before, ...this.#claims.holders(event.key)])) this.#listener.workload(holder);
    this.#listener.service(event.key);
  }

  #judge(service: string): void {
    for (const concerned of this.#claims.judge(service)) this.#listener.workload(concerned);
  }
}
