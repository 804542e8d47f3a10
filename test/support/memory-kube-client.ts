import { failed, ok, type Result } from '../../src/core/index.ts';
import type { KubeClient, KubeObject, ObjectName, Refusal, Resource } from '../../src/kube/index.ts';

type Stored = KubeObject & { readonly metadata: NonNullable<KubeObject['metadata']> };
type Fault = Refusal['kind'] | 'hang' | undefined;

/** The object calls of a `KubeClient`, and a knob that makes them fail or wait for their signal. */
export interface MemoryClient extends Pick<KubeClient, 'get' | 'create' | 'replace' | 'mergePatch'> {
  fault: (verb: string) => Fault;
  readonly calls: string[];
}

/** Objects in a map, with resourceVersions and the conflicts that come of them. Several clients may share it, each with faults of its own. */
export class MemoryApi {
  readonly #objects = new Map<string, Stored>();
  #version = 0;

  all(kind: string): readonly Stored[] {
    return [...this.#objects].filter(([key]) => key.startsWith(`${kind}/`)).map(([, object]) => object);
  }

  remove(kind: string, namespace: string, name: string): void {
    this.#objects.delete(`${kind}/${namespace}/${name}`);
  }

  client(): MemoryClient {
    const calls: string[] = [];
    const call = async <T>(verb: string, signal: AbortSignal | undefined, act: () => Result<Stored, Refusal>): Promise<Result<T, Refusal>> => {
      signal?.throwIfAborted();
      calls.push(verb);
      await Promise.resolve();
      const fault = client.fault(verb);
      if (fault === 'hang') return aborted(signal);
      return (fault === undefined ? act() : refuse(fault)) as Result<T, Refusal>;
    };
    const client: MemoryClient = {
      calls,
      fault: () => undefined,
      get: <T extends KubeObject>(resource: Resource<T>, name: ObjectName, signal?: AbortSignal) =>
        call<T>('get', signal, () => this.#find(keyOf(resource, name))),
      create: <T extends KubeObject>(resource: Resource<T>, object: T, signal?: AbortSignal) =>
        call<T>('create', signal, () => {
          const key = keyOf(resource, nameOf(object));
          return this.#objects.has(key) ? refuse('already-exists') : this.#store(key, object);
        }),
      replace: <T extends KubeObject>(resource: Resource<T>, object: T, signal?: AbortSignal) =>
        call<T>('replace', signal, () => {
          const key = keyOf(resource, nameOf(object));
          const stored = this.#objects.get(key);
          if (stored === undefined) return refuse('not-found');
          const wanted = object.metadata?.resourceVersion;
          return wanted !== undefined && wanted !== stored.metadata.resourceVersion ? refuse('conflict') : this.#store(key, object);
        }),
      mergePatch: <T extends KubeObject>(resource: Resource<T>, name: ObjectName, patch: unknown, signal?: AbortSignal) =>
        call<T>('mergePatch', signal, () => {
          const stored = this.#objects.get(keyOf(resource, name));
          return stored === undefined ? refuse('not-found') : this.#store(keyOf(resource, name), { ...stored, ...(patch as object) });
        }),
    };
    return client;
  }

  #find(key: string): Result<Stored, Refusal> {
    const stored = this.#objects.get(key);
    return stored === undefined ? refuse('not-found') : ok(structuredClone(stored));
  }

  #store(key: string, object: KubeObject): Result<Stored, Refusal> {
    const resourceVersion = String(++this.#version);
    const stored = structuredClone({ ...object, metadata: { uid: `uid-${resourceVersion}`, ...object.metadata, resourceVersion } });
    this.#objects.set(key, stored);
    return ok(structuredClone(stored));
  }
}

const aborted = (signal: AbortSignal | undefined): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });

const nameOf = (object: KubeObject): ObjectName => ({ namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' });
const keyOf = (resource: Resource, { namespace, name }: ObjectName): string => `${resource.kind}/${namespace ?? ''}/${name}`;
const refuse = (kind: Refusal['kind']): { readonly ok: false; readonly problem: Refusal } =>
  failed({ kind, message: kind, status: undefined, retryAfterMs: undefined });
