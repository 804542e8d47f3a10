import type { OwnerReference } from 'kubernetes-types/meta/v1.d.ts';
import { ApiError } from '../api-error.ts';
import type { StoredObject } from '../in-process-api.ts';
import { findKind } from '../registry.ts';
import { account, type ControllerContext } from './context.ts';
import { entryKey, type Entry, type EntryChange, type EveryObject } from './every-object.ts';
import { isDeleting } from './owners.ts';
import type { WorkQueue } from './work-queue.ts';

const me = account('generic-garbage-collector');
const foreground = 'foregroundDeletion';
const orphan = 'orphan';

const hasFinalizer = (object: StoredObject, finalizer: string): boolean => object.metadata.finalizers?.includes(finalizer) === true;
const waitsForDependents = (object: StoredObject): boolean => isDeleting(object) && hasFinalizer(object, foreground);
const keyOf = ({ resource, object }: Entry): string => entryKey(resource, object.metadata.namespace, object.metadata.name);

/** `solid`: keeps its dependents alive. `waiting`: is being deleted in the foreground and waits for them. `absent`: is gone. */
type Ownership = 'solid' | 'waiting' | 'absent';

/**
 * Deletes what belongs to owners that are gone, in the background, in the foreground (owner last) or not at all (orphan): kubernetes
 * `pkg/controller/garbagecollector`. An owner of a kind that is not served here counts as alive.
 */
export class GarbageCollector {
  readonly #context: ControllerContext;
  readonly #every: EveryObject;
  readonly #queue: WorkQueue;

  constructor(context: ControllerContext, every: EveryObject) {
    this.#context = context;
    this.#every = every;
    this.#queue = context.queue('garbage-collector', (key) => this.#reconcile(key));
    for (const entry of every.values()) this.#changed({ ...entry, previous: undefined, isGone: false });
    every.subscribe((change) => {
      this.#changed(change);
    });
  }

  #changed(change: EntryChange): void {
    const { object, isGone } = change;
    const owners = object.metadata.ownerReferences ?? [];
    if (isGone) {
      for (const dependent of this.#every.dependentsOf(object.metadata.uid)) this.#queue.add(keyOf(dependent));
      for (const { uid } of owners) {
        const owner = this.#every.get(uid);
        if (owner !== undefined && waitsForDependents(owner.object)) this.#queue.add(keyOf(owner));
      }
      return;
    }
    if (isDeleting(object) && (hasFinalizer(object, foreground) || hasFinalizer(object, orphan))) {
      this.#queue.add(keyOf(change));
      for (const dependent of this.#every.dependentsOf(object.metadata.uid)) this.#queue.add(keyOf(dependent));
    }
    if (owners.some((owner) => this.#ownership(owner, object) !== 'solid')) this.#queue.add(keyOf(change));
  }

  #ownership(owner: OwnerReference, dependent: StoredObject): Ownership {
    if (findKind(owner.apiVersion, owner.kind) === undefined) return 'solid';
    const found = this.#every.get(owner.uid);
    if (found === undefined) return 'absent';
    // Only what is in the same namespace, or in none, can own.
    if (found.resource.namespaced && found.object.metadata.namespace !== dependent.metadata.namespace) return 'absent';
    return waitsForDependents(found.object) ? 'waiting' : 'solid';
  }

  async #reconcile(key: string): Promise<void> {
    const entry = this.#every.byKey(key);
    if (entry === undefined) return;
    try {
      if (isDeleting(entry.object)) await this.#finishOwner(entry);
      else await this.#collect(entry);
    } catch (thrown) {
      if (!(thrown instanceof ApiError) || thrown.reason !== 'NotFound') throw thrown;
    }
  }

  /** An owner that is being deleted lets its dependents go, or waits for those that block it. */
  async #finishOwner(owner: Entry): Promise<void> {
    const { uid } = owner.object.metadata;
    if (hasFinalizer(owner.object, orphan)) {
      for (const dependent of this.#every.dependentsOf(uid)) await this.#withoutOwners(dependent, (reference) => reference.uid === uid);
      await this.#dropFinalizer(owner, orphan);
      return;
    }
    if (!hasFinalizer(owner.object, foreground)) return;
    const isBlocked = this.#every
      .dependentsOf(uid)
      .some(({ object }) => object.metadata.ownerReferences?.some((reference) => reference.uid === uid && reference.blockOwnerDeletion === true) === true);
    if (!isBlocked) await this.#dropFinalizer(owner, foreground);
  }

  async #collect(entry: Entry): Promise<void> {
    const { resource, object } = entry;
    const owners = (object.metadata.ownerReferences ?? []).map((owner) => ({ owner, is: this.#ownership(owner, object) }));
    const lost = owners.filter(({ is }) => is !== 'solid');
    if (lost.length === 0) return;
    if (lost.length < owners.length) {
      await this.#withoutOwners(entry, (reference) => lost.some(({ owner }) => owner.uid === reference.uid));
      return;
    }
    const isForeground = lost.some(({ is }) => is === 'waiting') && this.#every.dependentsOf(object.metadata.uid).length > 0;
    const propagation = hasFinalizer(object, orphan) ? 'Orphan' : isForeground || hasFinalizer(object, foreground) ? 'Foreground' : 'Background';
    await this.#context.api.delete(resource, object.metadata.namespace, object.metadata.name, { uid: object.metadata.uid, propagation }, me);
  }

  async #withoutOwners({ resource, object }: Entry, isDropped: (reference: OwnerReference) => boolean): Promise<void> {
    const ownerReferences = (object.metadata.ownerReferences ?? []).filter((reference) => !isDropped(reference));
    await this.#context.api.update(resource, { ...object, metadata: { ...object.metadata, ownerReferences } }, me);
  }

  async #dropFinalizer({ resource, object }: Entry, finalizer: string): Promise<void> {
    const finalizers = (object.metadata.finalizers ?? []).filter((one) => one !== finalizer);
    await this.#context.api.update(resource, { ...object, metadata: { ...object.metadata, finalizers } }, me);
  }
}
