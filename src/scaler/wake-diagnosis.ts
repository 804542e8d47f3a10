import { between, instant, seconds, type Instant, type Millis, type WakeFailureReason } from '../core/index.ts';
import type { ContainerView, PodView, WorkloadView } from '../kube/index.ts';
import { isFinished } from './pod-counts.ts';

export interface WakeFailure {
  readonly reason: WakeFailureReason;
  readonly message: string;
}

/** How long "no node takes the pod" may stand before a wake is given up: a cluster autoscaler or a leaving pod may still make room. */
export const unschedulableDeadline: Millis = seconds(30);

const imageReasons = new Set(['ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull', 'ImageInspectError', 'RegistryUnavailable']);
const startReasons = new Set([
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'StartError',
  'ContainerCannotRun',
  'PreCreateHookError',
  'PostStartHookError',
]);

const containerFailure = (which: string, { image, state, stateReason = '', stateMessage, lastEnd }: ContainerView): WakeFailure | undefined => {
  if (state === 'running') return undefined;
  const detail = stateMessage ?? stateReason;
  if (imageReasons.has(stateReason)) return { reason: 'image-pull', message: `${which}: image ${image}: ${detail}` };
  if (startReasons.has(stateReason)) return { reason: 'start-failed', message: `${which}: ${detail}` };
  if (stateReason === 'CrashLoopBackOff') return { reason: 'crash-loop', message: `${which}: ${lastEnd ?? detail}` };
  return undefined;
};

/** Why this pod will not get ready by itself, as far as anyone can tell. */
const podFailure = (pod: PodView, view: WorkloadView, now: Instant): WakeFailure | undefined => {
  for (const container of pod.initContainers ?? []) {
    const failure = containerFailure(`init container ${container.name}`, container);
    if (failure !== undefined) return failure;
  }
  for (const container of pod.containers) {
    const failure = containerFailure(`container ${container.name}`, container);
    if (failure !== undefined) return failure;
  }
  const age = between(instant(pod.createdAt), now);
  if (!pod.scheduled && pod.unschedulableMessage !== undefined && age >= unschedulableDeadline)
    return { reason: 'unschedulable', message: pod.unschedulableMessage };
  if (age >= seconds(view.progressDeadlineSeconds))
    return { reason: 'not-ready', message: `pod ${pod.name} is not ready after ${String(view.progressDeadlineSeconds)} s` };
  return undefined;
};

const condition = (view: WorkloadView, type: string, status: string, reason: string): string | undefined =>
  view.conditions.find((found) => found.type === type && found.status === status && found.reason === reason)?.message;

const refusal = (view: WorkloadView): string | undefined => condition(view, 'ReplicaFailure', 'True', 'FailedCreate');

/** Whether the workload says that the API server refuses its pods. */
export const isRefused = (view: WorkloadView): boolean => refusal(view) !== undefined;

/**
 * Why a workload that should run has nothing that could serve, and will not get it by waiting: undefined while one pod is ready or may yet
 * become so. From what Kubernetes 1.36 shows: quota as `ReplicaFailure=True/FailedCreate` on the Deployment, unschedulable as
 * `PodScheduled=False` on the pod, the rest as the reason of a container's state. A first failed pull (`ErrImagePull`) is tried again by the
 * kubelet within seconds and does not count yet.
 */
export const diagnoseWake = (view: WorkloadView, pods: Iterable<PodView>, now: Instant): WakeFailure | undefined => {
  let first: WakeFailure | undefined;
  let live = 0;
  for (const pod of pods) {
    if (pod.deleting || isFinished(pod)) continue;
    live += 1;
    if (pod.ready) return undefined;
    const failure = podFailure(pod, view, now);
    if (failure === undefined) return undefined;
    first ??= failure;
  }
  if (live > 0) return first;
  // Conditions of an older generation say nothing about the count that was written since.
  if (view.specReplicas === 0 || view.observedGeneration < view.generation) return undefined;
  const refused = refusal(view);
  if (refused !== undefined) return { reason: 'quota', message: refused };
  const late = condition(view, 'Progressing', 'False', 'ProgressDeadlineExceeded');
  return late === undefined ? undefined : { reason: 'not-ready', message: late };
};
