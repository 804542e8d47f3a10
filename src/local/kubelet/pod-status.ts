import type { Pod, PodCondition, PodStatus } from 'kubernetes-types/core/v1.d.ts';
import { containerStatus, type ContainerView } from './container-status.ts';

export interface PodStatusInput {
  readonly pod: Pod;
  readonly initContainers: readonly ContainerView[];
  readonly containers: readonly ContainerView[];
  readonly hostIP: string;
  /** Undefined until the pod has its address. */
  readonly podIP: string | undefined;
  readonly podIP6?: string | undefined;
  readonly startTime: string;
  readonly now: string;
  /** All its processes are gone for good (deletion, or the pod came to its end). */
  readonly isOver: boolean;
}

type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

const isDone = ({ role, state, isStarted }: ContainerView): boolean =>
  role === 'sidecar' ? isStarted || state.terminated !== undefined : state.terminated?.exitCode === 0;

const exitCodeOf = ({ state, lastState }: ContainerView): number | undefined => (state.terminated ?? lastState.terminated)?.exitCode;

/** getPhase of kubernetes `pkg/kubelet/kubelet_pods.go`. */
const phaseOf = ({ pod, initContainers, containers, isOver }: PodStatusInput): Phase => {
  if (isOver) return [...initContainers.filter(({ role }) => role === 'init'), ...containers].every((view) => exitCodeOf(view) === 0) ? 'Succeeded' : 'Failed';
  const policy = pod.spec?.restartPolicy ?? 'Always';
  if (policy === 'Never' && initContainers.some(({ role, state }) => role === 'init' && (state.terminated?.exitCode ?? 0) !== 0)) return 'Failed';
  if (!initContainers.every(isDone)) return 'Pending';
  const isStopped = (view: ContainerView): boolean =>
    view.state.terminated !== undefined || (view.state.waiting !== undefined && view.lastState.terminated !== undefined);
  if (containers.some(({ state, lastState }) => state.waiting !== undefined && lastState.terminated === undefined)) return 'Pending';
  if (policy === 'Always' || containers.some(({ state }) => state.running !== undefined) || !containers.every(isStopped)) return 'Running';
  if (containers.every((view) => exitCodeOf(view) === 0)) return 'Succeeded';
  return policy === 'Never' ? 'Failed' : 'Running';
};

interface Verdict {
  readonly status: 'True' | 'False';
  readonly reason?: string;
  readonly message?: string;
}

const yes: Verdict = { status: 'True' };
const no = (reason: string, message?: string): Verdict => ({ status: 'False', reason, ...(message === undefined ? {} : { message }) });
const listed = (views: readonly ContainerView[]): string => `[${views.map(({ container }) => container.name).join(' ')}]`;

const initialized = (phase: Phase, initContainers: readonly ContainerView[]): Verdict => {
  const left = initContainers.filter((view) => !isDone(view));
  if (left.length === 0) return yes;
  return phase === 'Succeeded'
    ? { status: 'True', reason: 'PodCompleted' }
    : no('ContainersNotInitialized', `containers with incomplete status: ${listed(left)}`);
};

const containersReady = (phase: Phase, views: readonly ContainerView[]): Verdict => {
  if (phase === 'Succeeded') return no('PodCompleted');
  if (phase === 'Failed') return no('PodFailed');
  const left = views.filter(({ isReady }) => !isReady);
  return left.length === 0 ? yes : no('ContainersNotReady', `containers with unready status: ${listed(left)}`);
};

/** Readiness gates are written by others; all must be True. */
const ready = (pod: Pod, containers: Verdict): Verdict => {
  if (containers.status === 'False') return containers;
  const messages = (pod.spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = pod.status?.conditions?.find(({ type }) => type === conditionType);
    if (condition === undefined) return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    return condition.status === 'True' ? [] : [`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`];
  });
  return messages.length === 0 ? yes : no('ReadinessGatesNotReady', messages.join(', '));
};

/** Conditions of ours as they follow from `verdicts`; a condition whose status stays keeps its time. */
const conditionsOf = (pod: Pod, verdicts: Readonly<Record<string, Verdict>>, now: string): PodCondition[] =>
  Object.entries(verdicts).map(([type, verdict]) => {
    const before = pod.status?.conditions?.find((condition) => condition.type === type);
    return { type, ...verdict, lastTransitionTime: before?.status === verdict.status ? (before.lastTransitionTime ?? now) : now };
  });

/** The status that a kubelet writes, from what its containers do. `pod.status` is the status before: condition times and readiness gates come from it. */
export const podStatus = (input: PodStatusInput): PodStatus => {
  const { pod, initContainers, containers, hostIP, podIP, podIP6, startTime, now, isOver } = input;
  const phase = phaseOf(input);
  const ofContainers = containersReady(phase, [...initContainers.filter(({ role }) => role === 'sidecar'), ...containers]);
  const verdicts = {
    PodReadyToStartContainers: podIP === undefined || isOver ? { status: 'False' as const } : yes,
    Initialized: initialized(phase, initContainers),
    Ready: ready(pod, ofContainers),
    ContainersReady: ofContainers,
  };
  return {
    ...(pod.status?.qosClass === undefined ? {} : { qosClass: pod.status.qosClass }),
    phase,
    conditions: conditionsOf(pod, verdicts, now),
    hostIP,
    hostIPs: [{ ip: hostIP }],
    ...(podIP === undefined ? {} : { podIP, podIPs: [podIP, podIP6].flatMap((ip) => (ip === undefined ? [] : [{ ip }])) }),
    startTime,
    ...(initContainers.length === 0 ? {} : { initContainerStatuses: initContainers.map(containerStatus) }),
    containerStatuses: containers.map(containerStatus),
  };
};
