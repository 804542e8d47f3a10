import { messageOf } from '../../../core/index.ts';
import { resources, type KubeObject } from '../../../kube/index.ts';
import { ApiError } from '../api-error.ts';
import { account, type ControllerContext } from './context.ts';
import { storedKinds, type EveryObject } from './every-object.ts';
import { isDeleting } from './owners.ts';
import type { WorkQueue } from './work-queue.ts';

const me = account('namespace-controller');
const finalizer = 'kubernetes';

/** Empties a namespace that is being deleted, pods in their own time, and lets it go when nothing is left: kubernetes `pkg/controller/namespace`. */
export class NamespaceController {
  readonly #context: ControllerContext;
  readonly #queue: WorkQueue;
  readonly #going = new Set<string>();

  constructor(context: ControllerContext, every: EveryObject) {
    this.#context = context;
    this.#queue = context.queue('namespace', (name) => this.#reconcile(name));
    for (const { resource, object } of every.values()) if (resource.kind === 'Namespace') this.#look(object.metadata.name, isDeleting(object));
    every.subscribe(({ resource, object, isGone }) => {
      if (resource.kind === 'Namespace') this.#look(object.metadata.name, isDeleting(object) && !isGone);
      else if (isGone && this.#going.has(object.metadata.namespace ?? '')) this.#queue.add(object.metadata.namespace ?? '');
    });
  }

  #look(name: string, isGoing: boolean): void {
    if (!isGoing) {
      this.#going.delete(name);
      return;
    }
    this.#going.add(name);
    this.#queue.add(name);
  }

  async #reconcile(name: string): Promise<void> {
    const { api } = this.#context;
    const namespace = api.get(resources.namespaces, undefined, name);
    if (namespace === undefined || !isDeleting(namespace)) return;
    let left = 0;
    const problems: string[] = [];
    for (const resource of storedKinds.filter(({ namespaced }) => namespaced)) {
      for (const object of api.list<KubeObject>(resource, name)) {
        left += 1;
        if (isDeleting(object)) continue;
        await api.delete(resource, name, object.metadata.name, { uid: object.metadata.uid, propagation: 'Background' }, me).catch((thrown: unknown) => {
          if (!(thrown instanceof ApiError) || thrown.reason !== 'NotFound') problems.push(messageOf(thrown));
        });
      }
    }
    if (problems[0] !== undefined) throw new Error(`namespace "${name}" still has content: ${problems[0]}`);
    // Whatever is gone by now asks for another look.
    if (left > 0) return;
    await this.#deleteEvents(name);
    const finalizers = (namespace.spec?.finalizers ?? []).filter((one) => one !== finalizer);
    await api.update(resources.namespaces, { ...namespace, spec: { ...namespace.spec, finalizers } }, me, 'finalize');
  }

  async #deleteEvents(name: string): Promise<void> {
    for (const event of this.#context.api.list(resources.events, name))
      await this.#context.api.delete(resources.events, name, event.metadata.name, { uid: event.metadata.uid }, me);
  }
}
