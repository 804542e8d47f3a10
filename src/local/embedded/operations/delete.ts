import type { Clock } from '../../../core/index.ts';
import type { Admission, WriteContext } from '../admission/admission.ts';
import { ApiError } from '../api-error.ts';
import { frozenObject, listAt, numberAt, objectAt, textAt, withField, type JsonObject } from '../json.ts';
import type { ResourceDefinition } from '../registry.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { timestamp, withMetadata } from '../strategy/metadata.ts';
import { viewOf } from '../strategy/views.ts';
import type { Target } from './writer.ts';

export interface DeleteOptions {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly gracePeriodSeconds?: number | undefined;
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan' | undefined;
}

export interface Deletion {
  /** The last state. */
  readonly object: JsonObject;
  /** False while finalizers or a grace period keep it. */
  readonly gone: boolean;
}

export interface DeleterParts {
  readonly store: ObjectStore;
  readonly admission: Admission;
  readonly clock: Clock;
}

const defaultGrace = 30;
/** Some 68 years: any int64 is legal, but not every one of them from now on is a date. */
const longestGrace = 2 ** 31 - 1;
const permanent = new Set(['default', 'kube-system', 'kube-public']);

/** Deletes: preconditions, admission, the grace period of pods, finalizers. */
export class Deleter {
  readonly #parts: DeleterParts;

  constructor(parts: DeleterParts) {
    this.#parts = parts;
  }

  async delete(target: Target, options: DeleteOptions, context: WriteContext): Promise<Deletion> {
    const { resource, namespace, name } = target;
    const asked = this.#current(target, options);
    if (resource.kind === 'Namespace' && permanent.has(name)) throw ApiError.forbidden(resource, name, 'this namespace may not be deleted');
    const attributes = {
      operation: 'DELETE' as const,
      resource,
      subresource: '',
      kind: resource,
      namespace: resource.kind === 'Namespace' ? name : namespace,
      name,
      object: undefined,
      oldObject: viewOf(resource, asked),
      context,
    };
    await this.#parts.admission.mutate(attributes, (object) => object);
    await this.#parts.admission.validate(attributes);
    const current = this.#current(target, options);
    const marked = this.#marked(resource, current, options);
    if (marked === current) return { object: current, gone: false };
    const kept = isKept(resource, marked);
    if (context.dryRun) return { object: frozenObject(marked), gone: !kept };
    if (kept) return { object: this.#parts.store.put(resource, marked), gone: false };
    return { object: this.#parts.store.remove(resource, marked), gone: true };
  }

  #current({ resource, namespace, name }: Target, options: DeleteOptions): JsonObject {
    const current = this.#parts.store.get(resource, namespace, name);
    if (current === undefined) throw ApiError.notFound(resource, name);
    const { uid, resourceVersion } = current.metadata;
    if (options.uid !== undefined && options.uid !== uid) {
      throw ApiError.conflict(resource, name, `Precondition failed: UID in precondition: ${options.uid}, UID in object meta: ${uid}`);
    }
    if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
      throw ApiError.conflict(
        resource,
        name,
        `Precondition failed: ResourceVersion in precondition: ${options.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`,
      );
    }
    return current;
  }

  /** The object as marked for deletion; the same object if it already is and nothing gets shorter. */
  #marked(resource: ResourceDefinition, current: JsonObject, options: DeleteOptions): JsonObject {
    const object = withPropagation(current, options.propagation);
    const grace = resource.kind === 'Pod' ? podGrace(current, options.gracePeriodSeconds) : 0;
    const since = textAt(current, 'metadata', 'deletionTimestamp');
    if (since !== undefined) return this.#shortened(current, object, grace, Date.parse(since));
    const generation = numberAt(current, 'metadata', 'generation');
    const marked = withMetadata(object, {
      deletionTimestamp: timestamp(this.#parts.clock, grace),
      deletionGracePeriodSeconds: grace,
      generation: resource.hasGeneration && generation !== undefined ? generation + 1 : generation,
    });
    return resource.kind === 'Namespace' ? withField(marked, ['status', 'phase'], 'Terminating') : marked;
  }

  /** A second delete may only shorten the grace period. */
  #shortened(current: JsonObject, object: JsonObject, grace: number, deadline: number): JsonObject {
    const before = numberAt(current, 'metadata', 'deletionGracePeriodSeconds') ?? 0;
    if (grace >= before) return object;
    const earlier = new Date(deadline - (before - grace) * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
    return withMetadata(object, { deletionTimestamp: earlier, deletionGracePeriodSeconds: grace });
  }
}

/** Only a pod that may be running somewhere gets time to end. */
const podGrace = (pod: JsonObject, asked: number | undefined): number => {
  const phase = textAt(pod, 'status', 'phase');
  const scheduled = (textAt(pod, 'spec', 'nodeName') ?? '') !== '';
  if (!scheduled || phase === 'Succeeded' || phase === 'Failed') return 0;
  const grace = asked ?? numberAt(pod, 'spec', 'terminationGracePeriodSeconds') ?? defaultGrace;
  return grace < 0 ? 1 : Math.min(grace, longestGrace);
};

const propagationFinalizers: Readonly<Record<string, string>> = { Foreground: 'foregroundDeletion', Orphan: 'orphan' };

/** The garbage collector's finalizer stands for the propagation that was asked for, in place of an earlier one. */
const withPropagation = (object: JsonObject, propagation: DeleteOptions['propagation']): JsonObject => {
  if (propagation === undefined) return object;
  const others = listAt(object, 'metadata', 'finalizers').filter((one) => !Object.values(propagationFinalizers).some((own) => own === one));
  const wanted = propagationFinalizers[propagation];
  const finalizers = wanted === undefined ? others : [...others, wanted];
  const before = listAt(object, 'metadata', 'finalizers');
  return before.length === finalizers.length && finalizers.every((one) => before.includes(one)) ? object : withMetadata(object, { finalizers });
};

const isKept = (resource: ResourceDefinition, object: JsonObject): boolean =>
  listAt(object, 'metadata', 'finalizers').length > 0 ||
  (resource.kind === 'Namespace' && listAt(object, 'spec', 'finalizers').length > 0) ||
  (numberAt(objectAt(object, 'metadata'), 'deletionGracePeriodSeconds') ?? 0) > 0;
