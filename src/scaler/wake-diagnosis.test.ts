import test from 'ava';
import { after, millis, seconds } from '../core/index.ts';
import type { ContainerView, PodView, WorkloadView } from '../kube/index.ts';
import { podOf, start, viewOf } from './testing/views.ts';
import { diagnoseWake, unschedulableDeadline } from './wake-diagnosis.ts';

const awake = viewOf({ specReplicas: 1 });
const container = (over: Partial<ContainerView>): ContainerView => ({
  name: 'app',
  image: 'app:1',
  ports: [],
  readinessProbe: undefined,
  state: 'waiting',
  stateReason: undefined,
  stateMessage: undefined,
  ready: false,
  ...over,
});
const failing = (stateReason: string, state: ContainerView['state'] = 'waiting'): PodView =>
  podOf({ ready: false, containers: [container({ state, stateReason, stateMessage: 'because' })] });
const condition = (type: string, status: string, reason: string): Partial<WorkloadView> => ({ conditions: [{ type, status, reason, message: 'because' }] });

const finds = test.macro({
  exec(t, expected: string | undefined, view: WorkloadView, pods: readonly PodView[], ageMs: number = 1000) {
    t.is(diagnoseWake(view, pods, after(start, millis(ageMs)))?.reason, expected as never);
  },
  title: (title: string | undefined) => title ?? '',
});

test('a pod that starts is no failure', finds, undefined, awake, [podOf({ ready: false })]);
test('no pod yet is no failure', finds, undefined, awake, []);
for (const reason of ['ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull'])
  test(`${reason} is an image that cannot be pulled`, finds, 'image-pull', awake, [failing(reason)]);
test('a first failed pull is tried again by the kubelet and does not count yet', finds, undefined, awake, [failing('ErrImagePull')]);
for (const reason of ['CreateContainerConfigError', 'RunContainerError', 'CreateContainerError'])
  test(`${reason} is a container that cannot be started`, finds, 'start-failed', awake, [failing(reason)]);
test('StartError of an ended container too', finds, 'start-failed', awake, [failing('StartError', 'terminated')]);
test('CrashLoopBackOff is a crash loop', finds, 'crash-loop', awake, [failing('CrashLoopBackOff')]);
test('a crash loop says how the container ended last, in words that stay the same from one restart to the next', (t) => {
  const pod = (over: Partial<ContainerView>): PodView =>
    podOf({
      ready: false,
      containers: [container({ stateReason: 'CrashLoopBackOff', stateMessage: 'back-off 20s restarting failed container=app', ...over })],
    });
  const message = (over: Partial<ContainerView>): string | undefined => diagnoseWake(awake, [pod(over)], start)?.message;
  t.is(message({ lastEnd: 'exit code 3 (Error)' }), 'container app: exit code 3 (Error)');
  t.is(message({}), 'container app: back-off 20s restarting failed container=app', 'where nobody knows');
});
test('an init container that crashes, or cannot be pulled or started, keeps the pod from starting', (t) => {
  for (const [stateReason, found] of [
    ['CrashLoopBackOff', 'crash-loop'],
    ['ImagePullBackOff', 'image-pull'],
    ['CreateContainerConfigError', 'start-failed'],
  ] as const) {
    const initContainers = [container({ name: 'migrate', stateReason, lastEnd: 'exit code 1 (Error)' })];
    const failure = diagnoseWake(awake, [podOf({ ready: false, containers: [container({ stateReason: 'PodInitializing' })], initContainers })], start);
    t.is(failure?.reason, found);
    t.regex(failure?.message ?? '', /^init container migrate: /);
  }
});
test('init containers that have ended, or still run, are no failure', (t) => {
  const initContainers = [container({ state: 'terminated', stateReason: 'Completed' }), container({ state: 'running' })];
  t.is(diagnoseWake(awake, [podOf({ ready: false, containers: [container({ stateReason: 'PodInitializing' })], initContainers })], start), undefined);
});
test('a container that has just exited once is none', finds, undefined, awake, [failing('Error', 'terminated')]);
test('one ready pod is enough', finds, undefined, awake, [failing('CrashLoopBackOff'), podOf({ uid: 'b', name: 'b' })]);
test('a pod that may yet start is enough: a rollout mends the image', finds, undefined, awake, [
  failing('ImagePullBackOff'),
  podOf({ uid: 'b', name: 'b', ready: false }),
]);
test('pods that terminate or are finished do not count', finds, 'crash-loop', awake, [
  failing('CrashLoopBackOff'),
  podOf({ deleting: true }),
  podOf({ phase: 'Failed', ready: false }),
]);
const unschedulable = podOf({ ready: false, scheduled: false, nodeName: undefined, unschedulableMessage: '0/3 nodes are available', containers: [] });
test('unschedulable before its deadline may still be placed', finds, undefined, awake, [unschedulable], unschedulableDeadline - 1);
test('unschedulable past its deadline is a failure', finds, 'unschedulable', awake, [unschedulable], unschedulableDeadline);
test(
  'not ready past the progress deadline is a failure',
  finds,
  'not-ready',
  viewOf({ specReplicas: 1, progressDeadlineSeconds: 60 }),
  [podOf({ ready: false })],
  seconds(60),
);
test(
  'a refused pod shows as ReplicaFailure while there is none',
  finds,
  'quota',
  viewOf({ specReplicas: 1, ...condition('ReplicaFailure', 'True', 'FailedCreate') }),
  [],
);
test(
  'a refused pod among pods that start is no failure',
  finds,
  undefined,
  viewOf({ specReplicas: 3, ...condition('ReplicaFailure', 'True', 'FailedCreate') }),
  [podOf({ ready: false })],
);
test(
  'conditions of an older generation say nothing about this wake',
  finds,
  undefined,
  viewOf({ specReplicas: 1, generation: 2, observedGeneration: 1, ...condition('ReplicaFailure', 'True', 'FailedCreate') }),
  [],
);
test('at zero nothing is wrong', finds, undefined, viewOf({ specReplicas: 0, ...condition('ReplicaFailure', 'True', 'FailedCreate') }), []);
test(
  'an exceeded progress deadline without pods is not-ready',
  finds,
  'not-ready',
  viewOf({ specReplicas: 1, ...condition('Progressing', 'False', 'ProgressDeadlineExceeded') }),
  [],
);

test('the message names the container, the image and what the kubelet says', (t) => {
  t.is(diagnoseWake(awake, [failing('ImagePullBackOff')], start)?.message, 'container app: image app:1: because');
});
