import type { Node, Pod, Toleration } from 'kubernetes-types/core/v1.d.ts';
import { resources } from '../../../kube/index.ts';
import { ApiError } from '../api-error.ts';
import type { ControllerContext } from './context.ts';
import { keyOf, type Stored } from './objects.ts';
import { isDeleting } from './owners.ts';
import { isTerminal, podCondition } from './pod-facts.ts';
import { timestamp } from './time.ts';
import type { WorkQueue } from './work-queue.ts';

const component = 'default-scheduler';
const me = 'system:kube-scheduler';

/** `node(s) …` as the scheduler's own filters word it; undefined: the node takes the pod. */
type Filter = (pod: Pod, node: Stored<Node>, podsOnNode: number) => string | undefined;

const tolerates = (pod: Pod, key: string, value: string, effect: string): boolean =>
  (pod.spec?.tolerations ?? []).some(
    (toleration: Toleration) =>
      (toleration.effect === undefined || toleration.effect === effect) &&
      (toleration.key === undefined ? toleration.operator === 'Exists' : toleration.key === key) &&
      (toleration.operator === 'Exists' || (toleration.value ?? '') === value),
  );

const unschedulable: Filter = (pod, node) =>
  node.spec?.unschedulable === true && !tolerates(pod, 'node.kubernetes.io/unschedulable', '', 'NoSchedule') ? 'node(s) were unschedulable' : undefined;

const selector: Filter = (pod, node) =>
  Object.entries(pod.spec?.nodeSelector ?? {}).every(([key, value]) => node.metadata.labels?.[key] === value)
    ? undefined
    : "node(s) didn't match Pod's node affinity/selector";

const taints: Filter = (pod, node) => {
  const taint = (node.spec?.taints ?? []).find(
    ({ key, value, effect }) => effect !== 'PreferNoSchedule' && key !== 'node.kubernetes.io/unschedulable' && !tolerates(pod, key, value ?? '', effect),
  );
  return taint === undefined ? undefined : `node(s) had untolerated taint(s)`;
};

const room: Filter = (_pod, node, podsOnNode) => (podsOnNode >= Number(node.status?.allocatable?.['pods'] ?? 110) ? 'Too many pods' : undefined);

const filters: readonly Filter[] = [unschedulable, selector, taints, room];

/** `0/2 nodes are available: 1 node(s) were unschedulable, 1 Too many pods. preemption: …`: the FitError of kube-scheduler. */
const fitMessage = (reasons: readonly string[]): string => {
  const total = reasons.length;
  if (total === 0) return 'no nodes available to schedule pods';
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const listed = [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ');
  return `0/${total} nodes are available: ${listed}. preemption: 0/${total} nodes are available: ${total} Preemption is not helpful for scheduling.`;
};

/**
 * Binds pods to nodes: one queue, the node with the fewest pods among those that pass. Node selector, cordon, taints and the node's pod count are
 * honoured; requests for cpu and memory are not, since processes of local mode share one machine with everything else.
 */
export class Scheduler {
  readonly #context: ControllerContext;
  readonly #queue: WorkQueue;
  readonly #podsOnNode = new Map<string, Set<string>>();
  /** Pods that no node took. */
  readonly #unschedulable = new Set<string>();

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#queue = context.queue('scheduler', (key) => this.#reconcile(key));
    context.pods.subscribe(({ type, object }) => {
      this.#podChanged(object, type === 'DELETED');
    });
    context.nodes.subscribe(() => {
      this.#tryAgain();
    });
  }

  #podChanged(pod: Stored<Pod>, isGone: boolean): void {
    const key = keyOf(pod);
    const node = pod.spec?.nodeName;
    if (node === undefined || node === '') {
      if (isGone) this.#unschedulable.delete(key);
      else this.#queue.add(key);
      return;
    }
    const placed = this.#podsOnNode.get(node) ?? new Set<string>();
    this.#podsOnNode.set(node, placed);
    if (!isGone && !isTerminal(pod)) placed.add(key);
    else if (placed.delete(key)) this.#tryAgain();
  }

  #tryAgain(): void {
    for (const key of this.#unschedulable) this.#queue.add(key);
  }

  async #reconcile(key: string): Promise<void> {
    const pod = this.#context.pods.get(key);
    this.#unschedulable.delete(key);
    const isMine = (pod?.spec?.schedulerName ?? component) === component;
    if (pod === undefined || isDeleting(pod) || isTerminal(pod) || pod.spec?.nodeName !== undefined || !isMine) return;
    if ((pod.spec?.schedulingGates ?? []).length > 0) return;
    const nodes = [...this.#context.nodes.values()];
    const count = (node: Stored<Node>): number => this.#podsOnNode.get(node.metadata.name)?.size ?? 0;
    const verdicts = nodes.map((node) => ({ node, reason: filters.map((filter) => filter(pod, node, count(node))).find((reason) => reason !== undefined) }));
    const fitting = verdicts.filter(({ reason }) => reason === undefined).map(({ node }) => node);
    const chosen = fitting.toSorted((left, right) => count(left) - count(right) || (left.metadata.name < right.metadata.name ? -1 : 1))[0];
    if (chosen !== undefined) await this.#bind(pod, chosen.metadata.name);
    else await this.#refuse(pod, fitMessage(verdicts.flatMap(({ reason }) => reason ?? [])));
  }

  async #bind(pod: Stored<Pod>, node: string): Promise<void> {
    const namespace = pod.metadata.namespace ?? '';
    try {
      await this.#context.api.bind({ namespace, name: pod.metadata.name, uid: pod.metadata.uid }, node, me);
    } catch (thrown) {
      if (thrown instanceof ApiError && (thrown.reason === 'NotFound' || thrown.reason === 'Conflict')) return;
      throw thrown;
    }
    this.#context.record({
      about: pod,
      type: 'Normal',
      reason: 'Scheduled',
      message: `Successfully assigned ${namespace}/${pod.metadata.name} to ${node}`,
      component,
    });
  }

  async #refuse(pod: Stored<Pod>, message: string): Promise<void> {
    this.#unschedulable.add(keyOf(pod));
    const before = podCondition(pod, 'PodScheduled');
    if (before?.status === 'False' && before.message === message) return;
    this.#context.record({ about: pod, type: 'Warning', reason: 'FailedScheduling', message, component });
    const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
    const lastTransitionTime = before?.status === 'False' ? (before.lastTransitionTime ?? timestamp(this.#context.clock)) : timestamp(this.#context.clock);
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message, lastTransitionTime };
    await this.#context.api.update(resources.pods, { ...pod, status: { ...pod.status, conditions: [...others, condition] } }, me, 'status');
  }
}
