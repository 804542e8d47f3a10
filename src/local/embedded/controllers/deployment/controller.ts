import type { Deployment, DeploymentCondition, DeploymentStatus } from 'kubernetes-types/apps/v1.d.ts';
import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { messageOf, millis } from '../../../../core/index.ts';
import { resources } from '../../../../kube/index.ts';
import { equal } from '../../json.ts';
import { labelSelectorMatcher } from '../../selectors.ts';
import type { ControllerContext } from '../context.ts';
import { keyOf, namespaceOf, type Stored } from '../objects.ts';
import { controllerOf, isDeleting } from '../owners.ts';
import { isTerminal } from '../pod-facts.ts';
import { timestamp } from '../time.ts';
import type { WorkQueue } from '../work-queue.ts';
import { conditionOf, progressReason, withCondition, type NewCondition } from './conditions.ts';
import { actual, isRolling, replicasOf, withReplicas, type RevisionSet } from './replica-counts.ts';
import { me, ReplicaSets, type Revisions } from './replica-sets.ts';
import { revisionAnnotation, revisionOf } from './revision.ts';
import { growNewSet, isScaling, scaleSets, shrinkOldSets } from './rollout-plan.ts';
import { countedStatus, deadlineOf, isCompleteStatus, rolloutStatus, untilDeadline } from './status.ts';

/** Rolls Deployments out: kubernetes `pkg/controller/deployment`. One look does one step; the change it makes asks for the next. */
export class DeploymentController {
  readonly #context: ControllerContext;
  readonly #queue: WorkQueue;
  readonly #sets: ReplicaSets;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#sets = new ReplicaSets(context);
    this.#queue = context.queue('deployment', (key) => this.#reconcile(key));
    context.deployments.subscribe(({ object }) => {
      this.#queue.add(keyOf(object));
    });
    context.replicaSets.subscribe(({ object, previous }) => {
      this.#setChanged(object);
      if (previous !== undefined && controllerOf(previous)?.uid !== controllerOf(object)?.uid) this.#setChanged(previous);
    });
    context.pods.subscribe(({ type, object }) => {
      if (type === 'DELETED' || isTerminal(object)) this.#podEnded(object);
    });
  }

  #setChanged(set: RevisionSet): void {
    const owner = controllerOf(set);
    if (owner?.kind === 'Deployment') this.#queue.add(`${namespaceOf(set)}/${owner.name}`);
    if (owner !== undefined || isDeleting(set)) return;
    for (const deployment of this.#context.deployments.inNamespace(namespaceOf(set))) {
      if (labelSelectorMatcher(deployment.spec?.selector)(set.metadata.labels)) this.#queue.add(keyOf(deployment));
    }
  }

  /** Recreate waits for the last old pod to be gone, which no ReplicaSet's status says. */
  #podEnded(pod: Stored<Pod>): void {
    const owner = controllerOf(pod);
    const set = owner?.kind === 'ReplicaSet' ? this.#context.replicaSets.get(`${namespaceOf(pod)}/${owner.name}`) : undefined;
    if (set !== undefined) this.#setChanged(set);
  }

  async #reconcile(key: string): Promise<void> {
    const found = this.#context.deployments.get(key);
    if (found === undefined || replicasOf(found) < 0) return;
    await this.#sets.claim(found);
    await this.#markPause(key);
    const deployment = this.#context.deployments.get(key);
    if (deployment === undefined) return;
    const revisions = await this.#refreshed(deployment);
    if (isDeleting(deployment)) await this.#writeCounts(key);
    else if (deployment.spec?.paused === true || isScaling(deployment, revisions.all)) await this.#scale(deployment, revisions);
    else if (isRolling(deployment)) await this.#roll(deployment, revisions);
    else await this.#recreate(deployment, revisions);
  }

  /** The revisions as they are, with the newest one's annotations, and the Deployment's revision, up to date. */
  async #refreshed(deployment: Stored<Deployment>): Promise<Revisions> {
    const revisions = this.#sets.revisions(deployment);
    if (revisions.newest === undefined || isDeleting(deployment)) return revisions;
    const newest = await this.#sets.refresh(deployment, { ...revisions, newest: revisions.newest });
    await this.#adoptRevision(keyOf(deployment), newest, {
      type: 'Progressing',
      status: 'True',
      reason: progressReason.found,
      message: `Found new replica set "${newest.metadata.name}"`,
    });
    return { newest, old: revisions.old, all: [...revisions.old, newest] };
  }

  /** The count changed, or the rollout is paused: sizes follow the count, nothing is rolled. */
  async #scale(deployment: Stored<Deployment>, { newest, old }: Revisions): Promise<void> {
    await this.#sets.resize(deployment, scaleSets(deployment, newest, old));
    if (deployment.spec?.paused === true) await this.#sets.prune(deployment, old);
    await this.#writeCounts(keyOf(deployment));
  }

  async #roll(deployment: Stored<Deployment>, before: Revisions): Promise<void> {
    const revisions = await this.#withNewest(deployment, before);
    if (revisions?.newest === undefined) return;
    const { newest, old, all } = revisions;
    const growth = growNewSet(deployment, newest, all);
    const resized = growth !== undefined && (await this.#sets.resize(deployment, [growth]));
    if (!resized) await this.#sets.resize(deployment, shrinkOldSets(deployment, withReplicas(old), newest));
    await this.#finish(deployment, old);
  }

  async #recreate(deployment: Stored<Deployment>, before: Revisions): Promise<void> {
    const stopped = await this.#sets.resize(
      deployment,
      withReplicas(before.old).map((set) => ({ set, replicas: 0 })),
    );
    if (stopped || this.#hasOldPods(before)) {
      await this.#writeRollout(keyOf(deployment));
      return;
    }
    const revisions = await this.#withNewest(deployment, before);
    if (revisions?.newest === undefined) return;
    await this.#sets.resize(deployment, [{ set: revisions.newest, replicas: replicasOf(deployment) }]);
    await this.#finish(deployment, revisions.old);
  }

  #hasOldPods({ old }: Revisions): boolean {
    return actual(old) > 0 || old.some((set) => this.#context.pods.controlledBy(set.metadata.uid).some((pod) => !isTerminal(pod)));
  }

  async #finish(deployment: Stored<Deployment>, old: readonly RevisionSet[]): Promise<void> {
    if (isCompleteStatus(deployment, deployment.status ?? {})) await this.#sets.prune(deployment, old);
    await this.#writeRollout(keyOf(deployment));
  }

  /** Makes the ReplicaSet of the present template where there is none; undefined where that has to wait. */
  async #withNewest(deployment: Stored<Deployment>, revisions: Revisions): Promise<Revisions | undefined> {
    if (revisions.newest !== undefined) return revisions;
    const key = keyOf(deployment);
    const made = await this.#sets.make(deployment, revisions).catch(async (thrown: unknown) => {
      await this.#setProgress(key, { type: 'Progressing', status: 'False', reason: progressReason.createFailed, message: messageOf(thrown) });
      throw thrown;
    });
    if (made.kind === 'namespace-going') return undefined;
    if (made.kind === 'collision') {
      // The status update brings us back with another hash.
      await this.#write(key, (current) => ({ ...current.status, collisionCount: (current.status?.collisionCount ?? 0) + 1 }));
      return undefined;
    }
    const message = `Created new replica set "${made.set.metadata.name}"`;
    await this.#adoptRevision(key, made.set, { type: 'Progressing', status: 'True', reason: progressReason.created, message }, true);
    return { newest: made.set, old: revisions.old, all: [...revisions.old, made.set] };
  }

  /** Puts the newest set's revision on the Deployment; `condition` is set where there is none, or always if `fresh`. */
  async #adoptRevision(key: string, newest: RevisionSet, condition: NewCondition, fresh = false): Promise<void> {
    const deployment = this.#context.deployments.get(key);
    if (deployment === undefined) return;
    const revision = String(revisionOf(newest));
    const isKnown = deployment.metadata.annotations?.[revisionAnnotation] === revision;
    const hasProgress = deadlineOf(deployment) === undefined || conditionOf(deployment.status?.conditions, 'Progressing') !== undefined;
    if (isKnown && hasProgress && !fresh) return;
    const { api, clock } = this.#context;
    const conditions =
      deadlineOf(deployment) === undefined || (hasProgress && !fresh) ? undefined : withCondition(deployment.status?.conditions, condition, timestamp(clock));
    const annotations = { ...deployment.metadata.annotations, [revisionAnnotation]: revision };
    const status = conditions === undefined ? deployment.status : { ...deployment.status, conditions };
    await api.update(
      resources.deployments,
      { ...deployment, metadata: { ...deployment.metadata, annotations }, ...(status === undefined ? {} : { status }) },
      me,
      'status',
    );
  }

  /** The deadline does not run while a rollout is paused. */
  async #markPause(key: string): Promise<void> {
    const deployment = this.#context.deployments.get(key);
    if (deployment === undefined || isDeleting(deployment) || deadlineOf(deployment) === undefined) return;
    const current: DeploymentCondition | undefined = conditionOf(deployment.status?.conditions, 'Progressing');
    if (current?.reason === progressReason.timedOut) return;
    const isPaused = deployment.spec?.paused === true;
    if (isPaused === (current?.reason === progressReason.paused)) return;
    const condition: NewCondition = isPaused
      ? { type: 'Progressing', status: 'Unknown', reason: progressReason.paused, message: 'Deployment is paused' }
      : { type: 'Progressing', status: 'Unknown', reason: progressReason.resumed, message: 'Deployment is resumed' };
    await this.#setProgress(key, condition);
  }

  async #setProgress(key: string, condition: NewCondition): Promise<void> {
    const now = timestamp(this.#context.clock);
    await this.#write(key, (current) =>
      deadlineOf(current) === undefined ? current.status : { ...current.status, conditions: withCondition(current.status?.conditions, condition, now) },
    );
  }

  async #writeCounts(key: string): Promise<void> {
    await this.#write(key, (deployment) => {
      const { newest, all } = this.#sets.revisions(deployment);
      return countedStatus(deployment, all, newest, timestamp(this.#context.clock));
    });
  }

  async #writeRollout(key: string): Promise<void> {
    const { clock } = this.#context;
    const written = await this.#write(key, (deployment) => {
      const { newest, all } = this.#sets.revisions(deployment);
      return rolloutStatus(deployment, all, newest, timestamp(clock), clock.now());
    });
    const wait = written?.status === undefined ? undefined : untilDeadline(written, written.status, clock.now());
    if (wait !== undefined) this.#queue.addAfter(key, millis(wait));
  }

  /** Writes what `next` makes of the Deployment as it is now. */
  async #write(key: string, next: (deployment: Stored<Deployment>) => DeploymentStatus | undefined): Promise<Stored<Deployment> | undefined> {
    const deployment = this.#context.deployments.get(key);
    if (deployment === undefined) return undefined;
    const status = next(deployment);
    if (status === undefined || equal(status, deployment.status)) return deployment;
    return this.#context.api.update(resources.deployments, { ...deployment, status }, me, 'status');
  }
}
