import { parseWorkloadKey, takenOverFor, workloadKey, type WorkloadKey } from '../core/index.ts';
import type { PodView, ServiceView, Snapshot } from '../kube/index.ts';
import { LabelIndex, SelectorIndex } from './label-index.ts';
import { matches, selects } from './labels.ts';
import { claimOf, meantSelector, serviceObject, type Claim } from './paths.ts';
import type { RoutedWorkload } from './ports.ts';

const none: Claim = { kind: 'none' };

export const claimants = (claim: Claim): readonly WorkloadKey[] =>
  claim.kind === 'owned' ? [claim.workload] : claim.kind === 'refused' ? claim.workloads : [];

const textOf = (claim: Claim): string => JSON.stringify([claim.kind, claimants(claim), claim.kind === 'refused' ? claim.refusal : '']);

/** Which Service is whose. Kept by event: a Service is judged anew only when it, a workload that may want it, or a pod that it may select changes. */
export class ServiceClaims {
  readonly #services: Snapshot<ServiceView>;
  readonly #pods: Snapshot<PodView>;
  readonly #workloads = new Map<WorkloadKey, RoutedWorkload>();
  readonly #byPodLabels = new LabelIndex<WorkloadKey>();
  readonly #bySelector = new SelectorIndex<string>();
  readonly #named = new Map<string, Set<WorkloadKey>>();
  readonly #claims = new Map<string, Claim>();
  /** Claimants, and the workload for which a Service is still taken over. */
  readonly #holders = new Map<string, readonly WorkloadKey[]>();
  readonly #held = new Map<WorkloadKey, Set<string>>();

  constructor(services: Snapshot<ServiceView>, pods: Snapshot<PodView>) {
    this.#services = services;
    this.#pods = pods;
  }

  setWorkload(workload: RoutedWorkload): void {
    const { key, view, spec } = workload;
    this.#unname(key);
    this.#workloads.set(key, workload);
    this.#byPodLabels.set(key, view.namespace, view.podLabels);
    if (spec.services === 'all') return;
    for (const name of spec.services) {
      const service = `${view.namespace}/${name}`;
      this.#named.set(service, new Set([...(this.#named.get(service) ?? []), key]));
    }
  }

  deleteWorkload(key: WorkloadKey): void {
    this.#unname(key);
    this.#workloads.delete(key);
    this.#byPodLabels.delete(key);
  }

  setService(key: string, service: ServiceView): void {
    this.#bySelector.set(key, service.namespace, meantSelector(service));
  }

  deleteService(key: string): void {
    this.#bySelector.delete(key);
  }

  claim(service: string): Claim {
    return this.#claims.get(service) ?? none;
  }

  /** Whom a change of the Service concerns. */
  holders(service: string): readonly WorkloadKey[] {
    return this.#holders.get(service) ?? [];
  }

  /** Services that the workload has, wants, or still has to give back. */
  held(key: WorkloadKey): ReadonlySet<string> {
    return this.#held.get(key) ?? new Set();
  }

  /** Services that select what the workload's template makes, or that it names. */
  reach({ view, spec }: RoutedWorkload): readonly string[] {
    const named = spec.services === 'all' ? [] : spec.services.map((name) => `${view.namespace}/${name}`);
    return [...this.#bySelector.candidates(view.namespace, view.podLabels), ...named];
  }

  /** Services of others that select `pod`, which belongs to `owners`: it may be in their way. */
  *disturbed(pod: PodView, owners: readonly WorkloadKey[]): Iterable<string> {
    for (const service of [...this.#bySelector.candidates(pod.namespace, pod.labels)])
      if (claimants(this.claim(service)).some((claimant) => !owners.includes(claimant))) yield service;
  }

  /** Judges the Service anew. Returns whom it concerns, where anything changed. */
  judge(key: string): readonly WorkloadKey[] {
    const before = this.claim(key);
    const service = this.#services.get(key);
    const claim = service === undefined ? none : claimOf(service, this.#candidates(key, service), (owner) => this.#selectsOthers(service, owner, before));
    if (claim.kind === 'none') this.#claims.delete(key);
    else this.#claims.set(key, claim);
    const holdersBefore = this.holders(key);
    const holders = this.#findHolders(service, claim);
    this.#hold(key, holders);
    const changed = textOf(before) !== textOf(claim) || holdersBefore.join() !== holders.join();
    return changed ? [...new Set([...holdersBefore, ...holders])] : [];
  }

  #findHolders(service: ServiceView | undefined, claim: Claim): readonly WorkloadKey[] {
    const taken = service === undefined ? undefined : takenOverFor(serviceObject(service));
    const holder = service === undefined || taken === undefined ? undefined : this.#known(taken, service.namespace);
    return [...new Set([...claimants(claim), ...(holder === undefined ? [] : [holder])])];
  }

  /** `text` as a key, if there is such a workload in the namespace. Whoever may write Services must not reach into other namespaces. */
  #known(text: string, namespace: string): WorkloadKey | undefined {
    const ref = parseWorkloadKey(text);
    return ref?.namespace === namespace ? this.#workloads.get(workloadKey(ref))?.key : undefined;
  }

  #hold(service: string, holders: readonly WorkloadKey[]): void {
    for (const holder of this.holders(service)) {
      const held = this.#held.get(holder);
      held?.delete(service);
      if (held?.size === 0) this.#held.delete(holder);
    }
    if (holders.length === 0) this.#holders.delete(service);
    else this.#holders.set(service, holders);
    for (const holder of holders) {
      const held = this.#held.get(holder);
      if (held === undefined) this.#held.set(holder, new Set([service]));
      else held.add(service);
    }
  }

  *#candidates(key: string, service: ServiceView): Iterable<RoutedWorkload> {
    const keys = new Set([...this.#byPodLabels.candidates(service.namespace, meantSelector(service)), ...(this.#named.get(key) ?? [])]);
    for (const candidate of keys) {
      const workload = this.#workloads.get(candidate);
      if (workload !== undefined) yield workload;
    }
  }

  /**
   * Whether the Service also selects pods of others, whose traffic the gateways would take away. To take it over there must be none;
   * once it is taken over only one that is ready counts, so that a passing pod changes nothing.
   */
  #selectsOthers(service: ServiceView, owner: RoutedWorkload, before: Claim): boolean {
    const selector = meantSelector(service);
    const onlyReady = before.kind === 'owned';
    for (const pod of this.#pods.inNamespace(service.namespace)) {
      if (pod.deleting || pod.phase === 'Succeeded' || pod.phase === 'Failed' || (onlyReady && !pod.ready)) continue;
      if (selects(selector, pod.labels) && !matches(owner.view.selector, pod.labels)) return true;
    }
    return false;
  }

  #unname(key: WorkloadKey): void {
    const before = this.#workloads.get(key);
    if (before === undefined || before.spec.services === 'all') return;
    for (const name of before.spec.services) {
      const service = `${before.view.namespace}/${name}`;
      const naming = this.#named.get(service);
      naming?.delete(key);
      if (naming?.size === 0) this.#named.delete(service);
    }
  }
}
