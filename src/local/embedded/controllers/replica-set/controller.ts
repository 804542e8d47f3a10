import type { ReplicaSet } from 'kubernetes-types/apps/v1.d.ts';
import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { messageOf, millis } from '../../../../core/index.ts';
import { resources } from '../../../../kube/index.ts';
import { ApiError } from '../../api-error.ts';
import { equal } from '../../json.ts';
import { labelSelectorMatcher } from '../../selectors.ts';
import { account, type ControllerContext } from '../context.ts';
import { keyOf, namespaceOf, type Stored } from '../objects.ts';
import { controllerOf, controllerReference, isDeleting } from '../owners.ts';
import { isActive, isReady, readySince } from '../pod-facts.ts';
import { timestamp } from '../time.ts';
import type { WorkQueue } from '../work-queue.ts';
import { podsToDelete } from './ranking.ts';
import { replicaSetStatus, type ReplicaFailure } from './status.ts';

const component = 'replicaset-controller';
const me = account(component);
/** Most pods made or removed in one look (BurstReplicas). */
const burst = 500;

/** True where the API refuses new objects because the namespace is going away: nothing to do and nothing to report. */
export const isNamespaceGoing = (thrown: unknown): boolean =>
  thrown instanceof ApiError && thrown.status.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') === true;

/** Keeps as many pods as a ReplicaSet asks for: kubernetes `pkg/controller/replicaset`. */
export class ReplicaSetController {
  readonly #context: ControllerContext;
  readonly #queue: WorkQueue;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#queue = context.queue('replicaset', (key) => this.#reconcile(key));
    context.replicaSets.subscribe(({ object }) => {
      this.#queue.add(keyOf(object));
    });
    context.pods.subscribe(({ object, previous }) => {
      this.#podChanged(object);
      if (previous !== undefined && controllerOf(previous)?.uid !== controllerOf(object)?.uid) this.#podChanged(previous);
    });
  }

  #podChanged(pod: Stored<Pod>): void {
    const owner = controllerOf(pod);
    if (owner?.kind === 'ReplicaSet') this.#queue.add(`${namespaceOf(pod)}/${owner.name}`);
    if (owner !== undefined || isDeleting(pod)) return;
    for (const set of this.#context.replicaSets.inNamespace(namespaceOf(pod))) {
      if (labelSelectorMatcher(set.spec?.selector)(pod.metadata.labels)) this.#queue.add(keyOf(set));
    }
  }

  async #reconcile(key: string): Promise<void> {
    const set = this.#context.replicaSets.get(key);
    if (set === undefined) return;
    await this.#claim(set);
    const outcome = isDeleting(set) ? undefined : await this.#manage(set);
    await this.#writeStatus(key, outcome);
    if (outcome !== undefined) throw outcome.thrown;
  }

  #active(set: Stored<ReplicaSet>): readonly Stored<Pod>[] {
    return this.#context.pods.controlledBy(set.metadata.uid).filter(isActive);
  }

  /** Adopts pods that match and have no controller; lets go of those that no longer match (PodControllerRefManager). */
  async #claim(set: Stored<ReplicaSet>): Promise<void> {
    if (isDeleting(set)) return;
    const matches = labelSelectorMatcher(set.spec?.selector);
    const { api, pods } = this.#context;
    for (const pod of pods.orphans(namespaceOf(set))) {
      if (!isActive(pod) || !matches(pod.metadata.labels)) continue;
      const ownerReferences = [...(pod.metadata.ownerReferences ?? []), controllerReference(set)];
      await api.update(resources.pods, { ...pod, metadata: { ...pod.metadata, ownerReferences } }, me);
    }
    for (const pod of pods.controlledBy(set.metadata.uid)) {
      if (matches(pod.metadata.labels) || isDeleting(pod)) continue;
      const ownerReferences = (pod.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== set.metadata.uid);
      await api.update(resources.pods, { ...pod, metadata: { ...pod.metadata, ownerReferences } }, me);
    }
  }

  async #manage(set: Stored<ReplicaSet>): Promise<(ReplicaFailure & { readonly thrown: unknown }) | undefined> {
    const active = this.#active(set);
    const missing = (set.spec?.replicas ?? 1) - active.length;
    try {
      if (missing > 0) await this.#createPods(set, Math.min(missing, burst));
      else if (missing < 0) await this.#deletePods(set, active, Math.min(-missing, burst));
      return undefined;
    } catch (thrown) {
      return { reason: missing > 0 ? 'FailedCreate' : 'FailedDelete', message: messageOf(thrown), thrown };
    }
  }

  /** One, then two, four … at a time, and no more after the first batch that fails: a quota is not hammered with 500 creates. */
  async #createPods(set: Stored<ReplicaSet>, count: number): Promise<void> {
    for (let made = 0, batch = 1; made < count; made += batch, batch = Math.min(2 * batch, count - made)) {
      const results = await Promise.allSettled(Array.from({ length: batch }, () => this.#createPod(set)));
      const failure = results.find((result) => result.status === 'rejected');
      if (failure === undefined) continue;
      if (isNamespaceGoing(failure.reason)) return;
      throw failure.reason;
    }
  }

  async #createPod(set: Stored<ReplicaSet>): Promise<void> {
    const template = set.spec?.template;
    try {
      const pod = await this.#context.api.create(
        resources.pods,
        {
          metadata: {
            ...template?.metadata,
            generateName: `${set.metadata.name}-`,
            namespace: namespaceOf(set),
            ownerReferences: [controllerReference(set)],
          },
          ...(template?.spec === undefined ? {} : { spec: template.spec }),
        },
        me,
      );
      this.#note(set, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
    } catch (thrown) {
      if (!isNamespaceGoing(thrown)) this.#note(set, 'Warning', 'FailedCreate', `Error creating: ${messageOf(thrown)}`);
      throw thrown;
    }
  }

  async #deletePods(set: Stored<ReplicaSet>, active: readonly Stored<Pod>[], count: number): Promise<void> {
    const owner = controllerOf(set);
    const related = owner === undefined ? active : this.#context.replicaSets.controlledBy(owner.uid).flatMap((sibling) => this.#active(sibling));
    const going = podsToDelete(active, related, count, this.#context.clock.now());
    const results = await Promise.allSettled(going.map((pod) => this.#deletePod(set, pod)));
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  }

  async #deletePod(set: Stored<ReplicaSet>, pod: Stored<Pod>): Promise<void> {
    try {
      await this.#context.api.delete(resources.pods, namespaceOf(pod), pod.metadata.name, { uid: pod.metadata.uid }, me);
      this.#note(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
    } catch (thrown) {
      if (thrown instanceof ApiError && thrown.reason === 'NotFound') return;
      this.#note(set, 'Warning', 'FailedDelete', `Error deleting: ${messageOf(thrown)}`);
      throw thrown;
    }
  }

  async #writeStatus(key: string, failure: ReplicaFailure | undefined): Promise<void> {
    const set = this.#context.replicaSets.get(key);
    if (set === undefined) return;
    const { clock } = this.#context;
    const active = this.#active(set);
    const status = replicaSetStatus(set, active, failure, timestamp(clock), clock.now());
    if (!equal(status, set.status)) await this.#context.api.update(resources.replicaSets, { ...set, status }, me, 'status');
    this.#lookAgain(key, set.spec?.minReadySeconds ?? 0, active);
  }

  /** A pod becomes available by time alone: look again when the next one does. */
  #lookAgain(key: string, minReadySeconds: number, active: readonly Pod[]): void {
    if (minReadySeconds === 0) return;
    const now = this.#context.clock.now();
    const left = active
      .filter(isReady)
      .map((pod) => readySince(pod) + minReadySeconds * 1000 - now)
      .filter((wait) => wait > 0);
    if (left.length > 0) this.#queue.addAfter(key, millis(Math.min(...left)));
  }

  #note(about: Stored<ReplicaSet>, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#context.record({ about, type, reason, message, component });
  }
}
