import { workloadKey, type WorkloadKey } from '../core/index.ts';
import type { PodView, Snapshot, WorkloadView } from '../kube/index.ts';
import { countPods, noPodCounts, type PodCounts } from './pod-counts.ts';

type Labels = Readonly<Record<string, string>>;

const holds = (labels: Labels, { key, operator, values }: WorkloadView['selector']['matchExpressions'][number]): boolean => {
  const value = labels[key];
  if (operator === 'In') return value !== undefined && values.includes(value);
  if (operator === 'NotIn') return value === undefined || !values.includes(value);
  return operator === 'Exists' ? value !== undefined : operator === 'DoesNotExist' && value === undefined;
};

/** Whether the workload's selector selects a pod with `labels`; a selector that says nothing selects nothing. */
export const selectsPod = ({ matchLabels, matchExpressions }: WorkloadView['selector'], labels: Labels): boolean => {
  const pairs = Object.entries(matchLabels);
  if (pairs.length === 0 && matchExpressions.length === 0) return false;
  return pairs.every(([key, value]) => labels[key] === value) && matchExpressions.every((expression) => holds(labels, expression));
};

/** Which namespace and label a selected pod must have, so that a pod finds its workloads without asking all of them. */
const bucketOf = (namespace: string, pair: readonly [string, string] | undefined): string => JSON.stringify([namespace, pair ?? null]);

interface Followed {
  readonly namespace: string;
  readonly selector: WorkloadView['selector'];
  readonly selectorText: string;
  readonly bucket: string;
  readonly pods: Map<string, PodView>;
  /** Of `pods`; undefined after a change. */
  counts: PodCounts | undefined;
}

/** The pods of each workload, kept from one watch of pods: a tick over many workloads never walks a namespace. */
export class PodsOf {
  readonly #snapshot: Snapshot<PodView>;
  readonly #followed = new Map<WorkloadKey, Followed>();
  readonly #buckets = new Map<string, Set<WorkloadKey>>();
  readonly #onChange: (key: WorkloadKey, pod: PodView) => void;
  readonly #stop: () => void;

  /** `onChange` runs after each change of a workload's pods. */
  constructor(snapshot: Snapshot<PodView>, onChange: (key: WorkloadKey, pod: PodView) => void) {
    this.#snapshot = snapshot;
    this.#onChange = onChange;
    this.#stop = snapshot.subscribe((event) => {
      if (event.type === 'set') this.#set(event.key, event.value, event.previous);
      else this.#drop(event.key, event.previous);
    });
  }

  /** Begins to follow a workload's pods, or follows its changed selector. */
  follow(view: WorkloadView): void {
    const key = workloadKey(view);
    const selectorText = JSON.stringify(view.selector);
    if (this.#followed.get(key)?.selectorText === selectorText) return;
    this.forget(key);
    const [pair] = Object.entries(view.selector.matchLabels);
    const followed: Followed = {
      namespace: view.namespace,
      selector: view.selector,
      selectorText,
      bucket: bucketOf(view.namespace, pair),
      pods: new Map(),
      counts: undefined,
    };
    this.#followed.set(key, followed);
    const bucket = this.#buckets.get(followed.bucket);
    if (bucket === undefined) this.#buckets.set(followed.bucket, new Set([key]));
    else bucket.add(key);
    // Nearly every pod of the namespace is another's: one look at one label tells.
    const [name, value] = pair ?? [];
    for (const pod of this.#snapshot.inNamespace(view.namespace))
      if ((name === undefined || pod.labels[name] === value) && selectsPod(view.selector, pod.labels)) followed.pods.set(`${pod.namespace}/${pod.name}`, pod);
  }

  forget(key: WorkloadKey): void {
    const followed = this.#followed.get(key);
    if (followed === undefined) return;
    this.#followed.delete(key);
    const bucket = this.#buckets.get(followed.bucket);
    bucket?.delete(key);
    if (bucket?.size === 0) this.#buckets.delete(followed.bucket);
  }

  get(key: WorkloadKey): Iterable<PodView> {
    return this.#followed.get(key)?.pods.values() ?? [];
  }

  /** How many there are, counted once after each change. */
  counts(key: WorkloadKey): PodCounts {
    const followed = this.#followed.get(key);
    if (followed === undefined) return noPodCounts;
    followed.counts ??= followed.pods.size === 0 ? noPodCounts : countPods(followed.pods.values());
    return followed.counts;
  }

  close(): void {
    this.#stop();
  }

  #set(podKey: string, pod: PodView, previous: PodView | undefined): void {
    if (previous !== undefined) for (const key of this.#candidates(previous)) this.#remove(key, podKey);
    for (const key of this.#candidates(pod)) {
      const followed = this.#followed.get(key);
      if (followed === undefined || !selectsPod(followed.selector, pod.labels)) continue;
      followed.pods.set(podKey, pod);
      followed.counts = undefined;
      this.#onChange(key, pod);
    }
  }

  #drop(podKey: string, pod: PodView): void {
    for (const key of this.#candidates(pod)) if (this.#remove(key, podKey)) this.#onChange(key, pod);
  }

  #remove(key: WorkloadKey, podKey: string): boolean {
    const followed = this.#followed.get(key);
    if (followed?.pods.delete(podKey) !== true) return false;
    followed.counts = undefined;
    return true;
  }

  *#candidates(pod: PodView): Iterable<WorkloadKey> {
    yield* this.#buckets.get(bucketOf(pod.namespace, undefined)) ?? [];
    for (const pair of Object.entries(pod.labels)) yield* this.#buckets.get(bucketOf(pod.namespace, pair)) ?? [];
  }
}
