import type { Labels } from './labels.ts';

/** Without a bucket of its own: an index key that no label can have. */
const unbucketed = '';
const pair = (key: string, value: string): string => `${key}=${value}`;

/** Finds by labels, among many objects of a namespace, the few that can match: each object is filed under one `key=value` pair that a match must have. */
class Buckets<Id extends string> {
  readonly #byNamespace = new Map<string, Map<string, Set<Id>>>();
  readonly #filed = new Map<Id, { readonly namespace: string; readonly buckets: readonly string[] }>();

  file(id: Id, namespace: string, buckets: readonly string[]): void {
    this.drop(id);
    if (buckets.length === 0) return;
    let own = this.#byNamespace.get(namespace);
    if (own === undefined) this.#byNamespace.set(namespace, (own = new Map<string, Set<Id>>()));
    for (const bucket of buckets) {
      const ids = own.get(bucket);
      if (ids === undefined) own.set(bucket, new Set([id]));
      else ids.add(id);
    }
    this.#filed.set(id, { namespace, buckets });
  }

  drop(id: Id): void {
    const filed = this.#filed.get(id);
    if (filed === undefined) return;
    this.#filed.delete(id);
    const own = this.#byNamespace.get(filed.namespace);
    if (own === undefined) return;
    for (const bucket of filed.buckets) {
      const ids = own.get(bucket);
      ids?.delete(id);
      if (ids?.size === 0) own.delete(bucket);
    }
    if (own.size === 0) this.#byNamespace.delete(filed.namespace);
  }

  *candidates(namespace: string, buckets: Iterable<string>): Iterable<Id> {
    const own = this.#byNamespace.get(namespace);
    if (own === undefined) return;
    for (const bucket of buckets) yield* own.get(bucket) ?? [];
  }
}

/** Objects that select (Services, workloads), found by the labels of what they may select. */
export class SelectorIndex<Id extends string> {
  readonly #buckets = new Buckets<Id>();

  /** `required`: the labels that everything selected must have; empty files it so that it is always a candidate. */
  set(id: Id, namespace: string, required: Labels): void {
    const [first] = Object.entries(required);
    this.#buckets.file(id, namespace, [first === undefined ? unbucketed : pair(...first)]);
  }

  delete(id: Id): void {
    this.#buckets.drop(id);
  }

  /** Ids that may select something with `labels`; the caller checks each in full. */
  candidates(namespace: string, labels: Labels): Iterable<Id> {
    return this.#buckets.candidates(namespace, [unbucketed, ...Object.entries(labels).map(([key, value]) => pair(key, value))]);
  }
}

/** Objects that have labels, found by a selector. */
export class LabelIndex<Id extends string> {
  readonly #buckets = new Buckets<Id>();

  set(id: Id, namespace: string, labels: Labels): void {
    this.#buckets.file(
      id,
      namespace,
      Object.entries(labels).map(([key, value]) => pair(key, value)),
    );
  }

  delete(id: Id): void {
    this.#buckets.drop(id);
  }

  /** Ids that `selector` may select; none for an empty one, which selects nothing here. */
  candidates(namespace: string, selector: Labels): Iterable<Id> {
    const [first] = Object.entries(selector);
    return first === undefined ? [] : this.#buckets.candidates(namespace, [pair(...first)]);
  }
}
