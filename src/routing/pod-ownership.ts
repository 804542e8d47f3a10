import type { WorkloadKey } from '../core/index.ts';
import type { PodView } from '../kube/index.ts';
import { SelectorIndex } from './label-index.ts';
import { matches } from './labels.ts';
import type { RoutedWorkload } from './ports.ts';

const keyOf = ({ namespace, name }: PodView): string => `${namespace}/${name}`;

/** Which pods are whose: a pod belongs to the workload whose selector matches it, as in Kubernetes itself. */
export class PodOwnership {
  readonly #workloads = new Map<WorkloadKey, RoutedWorkload>();
  readonly #bySelector = new SelectorIndex<WorkloadKey>();
  readonly #owners = new Map<string, WorkloadKey>();
  readonly #pods = new Map<WorkloadKey, Map<string, PodView>>();

  setWorkload(workload: RoutedWorkload): void {
    this.#workloads.set(workload.key, workload);
    this.#bySelector.set(workload.key, workload.view.namespace, workload.view.selector.matchLabels);
  }

  deleteWorkload(key: WorkloadKey): void {
    this.#workloads.delete(key);
    this.#bySelector.delete(key);
    for (const pod of this.#pods.get(key)?.keys() ?? []) this.#owners.delete(pod);
    this.#pods.delete(key);
  }

  /** Files `pod`, new or changed. Returns its owners: the one before, where it had another, and the one now. */
  set(pod: PodView): readonly WorkloadKey[] {
    const key = keyOf(pod);
    const before = this.#owners.get(key);
    const now = this.#find(pod);
    if (before !== now) this.#drop(key);
    if (now === undefined) return before === undefined ? [] : [before];
    this.#owners.set(key, now);
    const own = this.#pods.get(now);
    if (own === undefined) this.#pods.set(now, new Map([[key, pod]]));
    else own.set(key, pod);
    return before === undefined || before === now ? [now] : [before, now];
  }

  delete(podKey: string): readonly WorkloadKey[] {
    const owner = this.#drop(podKey);
    return owner === undefined ? [] : [owner];
  }

  podsOf(key: WorkloadKey): Iterable<PodView> {
    return this.#pods.get(key)?.values() ?? [];
  }

  readyPodsOf(key: WorkloadKey): number {
    let ready = 0;
    for (const pod of this.podsOf(key)) if (pod.ready && !pod.deleting) ready += 1;
    return ready;
  }

  #find(pod: PodView): WorkloadKey | undefined {
    for (const key of this.#bySelector.candidates(pod.namespace, pod.labels)) {
      const workload = this.#workloads.get(key);
      if (workload !== undefined && matches(workload.view.selector, pod.labels)) return key;
    }
    return undefined;
  }

  #drop(podKey: string): WorkloadKey | undefined {
    const owner = this.#owners.get(podKey);
    if (owner === undefined) return undefined;
    this.#owners.delete(podKey);
    const own = this.#pods.get(owner);
    own?.delete(podKey);
    if (own?.size === 0) this.#pods.delete(owner);
    return owner;
  }
}
