import type { Deployment } from 'kubernetes-types/apps/v1.d.ts';
import { messageOf } from '../../../../core/index.ts';
import { resources } from '../../../../kube/index.ts';
import { ApiError } from '../../api-error.ts';
import { equal } from '../../json.ts';
import { labelSelectorMatcher } from '../../selectors.ts';
import { account, type ControllerContext } from '../context.ts';
import { namespaceOf, type Stored } from '../objects.ts';
import { controllerOf, controllerReference, isDeleting } from '../owners.ts';
import { isNamespaceGoing } from '../replica-set/controller.ts';
import { byCreation, replicasOf, type Resize, type RevisionSet } from './replica-counts.ts';
import { annotationsOfExisting, annotationsOfNew, highestRevision, revisionOf, sizeAnnotations } from './revision.ts';
import { newSetSize } from './rollout-plan.ts';
import { hashLabel, sameTemplate, templateHash } from './template-hash.ts';

export const component = 'deployment-controller';
export const me = account(component);

/** The ReplicaSets of a Deployment: `newest` has the present template. */
export interface Revisions {
  readonly newest: RevisionSet | undefined;
  readonly old: readonly RevisionSet[];
  readonly all: readonly RevisionSet[];
}

/** The present template has no ReplicaSet, and one cannot be made. `collision`: another template has the same hash. */
export type Made = { readonly kind: 'made'; readonly set: RevisionSet } | { readonly kind: 'collision' } | { readonly kind: 'namespace-going' };

/** Finds, adopts, makes, sizes and removes the ReplicaSets of Deployments. */
export class ReplicaSets {
  readonly #context: ControllerContext;

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  revisions(deployment: Stored<Deployment>): Revisions {
    const sets = this.#context.replicaSets.controlledBy(deployment.metadata.uid).toSorted(byCreation);
    const newest = sets.find((set) => sameTemplate(set.spec?.template, deployment.spec?.template));
    const old = sets.filter((set) => set !== newest);
    return { newest, old, all: newest === undefined ? old : [...old, newest] };
  }

  /** Adopts ReplicaSets that match and have no controller; lets go of those that no longer match. */
  async claim(deployment: Stored<Deployment>): Promise<void> {
    if (isDeleting(deployment)) return;
    const matches = labelSelectorMatcher(deployment.spec?.selector);
    const { api, replicaSets } = this.#context;
    for (const set of replicaSets.orphans(namespaceOf(deployment))) {
      if (isDeleting(set) || !matches(set.metadata.labels)) continue;
      const ownerReferences = [...(set.metadata.ownerReferences ?? []), controllerReference(deployment)];
      await api.update(resources.replicaSets, { ...set, metadata: { ...set.metadata, ownerReferences } }, me);
    }
    for (const set of replicaSets.controlledBy(deployment.metadata.uid)) {
      if (matches(set.metadata.labels) || isDeleting(set)) continue;
      const ownerReferences = (set.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== deployment.metadata.uid);
      await api.update(resources.replicaSets, { ...set, metadata: { ...set.metadata, ownerReferences } }, me);
    }
  }

  /** Brings annotations and minReadySeconds of the newest set up to date. */
  async refresh(deployment: Stored<Deployment>, { newest, old }: Revisions & { readonly newest: RevisionSet }): Promise<RevisionSet> {
    const annotations = annotationsOfExisting(deployment, newest, highestRevision(old) + 1);
    const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
    const spec = newest.spec;
    const isReadySame = (spec?.minReadySeconds ?? 0) === minReadySeconds;
    if (spec === undefined || (isReadySame && equal(annotations, newest.metadata.annotations ?? {}))) return newest;
    return this.#context.api.update(
      resources.replicaSets,
      { ...newest, metadata: { ...newest.metadata, annotations }, spec: isReadySame ? spec : { ...spec, minReadySeconds } },
      me,
    );
  }

  async make(deployment: Stored<Deployment>, { old }: Revisions): Promise<Made> {
    const template = deployment.spec?.template ?? {};
    const hash = templateHash(template, deployment.status?.collisionCount);
    const labels = { ...template.metadata?.labels, [hashLabel]: hash };
    const selector = deployment.spec?.selector;
    const replicas = newSetSize(deployment, old, 0);
    const name = `${deployment.metadata.name}-${hash}`;
    const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
    try {
      const set = await this.#context.api.create(
        resources.replicaSets,
        {
          metadata: {
            name,
            namespace: namespaceOf(deployment),
            labels,
            annotations: annotationsOfNew(deployment, highestRevision(old) + 1),
            ownerReferences: [controllerReference(deployment)],
          },
          spec: {
            replicas,
            ...(minReadySeconds === 0 ? {} : { minReadySeconds }),
            selector: { ...selector, matchLabels: { ...selector?.matchLabels, [hashLabel]: hash } },
            template: { ...template, metadata: { ...template.metadata, labels } },
          },
        },
        me,
      );
      if (replicas > 0) this.#note(deployment, `Scaled up replica set ${name} from 0 to ${replicas}`);
      return { kind: 'made', set };
    } catch (thrown) {
      return this.#notMade(deployment, name, thrown);
    }
  }

  #notMade(deployment: Stored<Deployment>, name: string, thrown: unknown): Made {
    if (isNamespaceGoing(thrown)) return { kind: 'namespace-going' };
    if (!(thrown instanceof ApiError) || thrown.reason !== 'AlreadyExists') {
      const message = `Failed to create new replica set "${name}": ${messageOf(thrown)}`;
      this.#context.record({ about: deployment, type: 'Warning', reason: 'ReplicaSetCreateError', message, component });
      throw thrown;
    }
    const there = this.#context.replicaSets.get(`${namespaceOf(deployment)}/${name}`);
    const isOurs = there !== undefined && controllerOf(there)?.uid === deployment.metadata.uid;
    return isOurs && sameTemplate(there.spec?.template, deployment.spec?.template) ? { kind: 'made', set: there } : { kind: 'collision' };
  }

  /** Gives the sets their sizes and notes for which count they were sized. True if any size changed. */
  async resize(deployment: Stored<Deployment>, resizes: readonly Resize[]): Promise<boolean> {
    let changed = false;
    for (const { set, replicas } of resizes) changed = (await this.#resizeOne(deployment, set, replicas)) || changed;
    return changed;
  }

  async #resizeOne(deployment: Stored<Deployment>, set: RevisionSet, replicas: number): Promise<boolean> {
    const before = replicasOf(set);
    const annotations = { ...set.metadata.annotations, ...sizeAnnotations(deployment) };
    const spec = set.spec;
    if (spec === undefined || (before === replicas && equal(annotations, set.metadata.annotations ?? {}))) return false;
    await this.#context.api.update(resources.replicaSets, { ...set, metadata: { ...set.metadata, annotations }, spec: { ...spec, replicas } }, me);
    if (before === replicas) return false;
    this.#note(deployment, `Scaled ${replicas > before ? 'up' : 'down'} replica set ${set.metadata.name} from ${before} to ${replicas}`);
    return true;
  }

  /** Removes the oldest revisions beyond `revisionHistoryLimit` that have no pods left. */
  async prune(deployment: Stored<Deployment>, old: readonly RevisionSet[]): Promise<void> {
    const limit = deployment.spec?.revisionHistoryLimit ?? 10;
    const alive = old.filter((set) => !isDeleting(set));
    for (const set of alive.toSorted((left, right) => revisionOf(left) - revisionOf(right)).slice(0, Math.max(0, alive.length - limit))) {
      const isSettled = (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0);
      if (replicasOf(set) !== 0 || (set.status?.replicas ?? 0) !== 0 || !isSettled) continue;
      await this.#context.api.delete(resources.replicaSets, namespaceOf(set), set.metadata.name, { uid: set.metadata.uid }, me);
    }
  }

  #note(about: Stored<Deployment>, message: string): void {
    this.#context.record({ about, type: 'Normal', reason: 'ScalingReplicaSet', message, component });
  }
}
