import test from 'ava';
import type { ContainerState, Pod } from 'kubernetes-types/core/v1.d.ts';
import type { ContainerView } from './container-status.ts';
import { podStatus } from './pod-status.ts';

const at = '2026-01-01T00:00:00Z';
const later = '2026-01-01T00:01:00Z';

const running: ContainerState = { running: { startedAt: at } };
const waiting: ContainerState = { waiting: { reason: 'ContainerCreating' } };
const ended = (exitCode: number): ContainerState => ({ terminated: { exitCode } });

const view = (name: string, state: ContainerState, more: Partial<ContainerView> = {}): ContainerView => ({
  container: { name, image: 'x' },
  role: 'main',
  state,
  lastState: {},
  restartCount: 0,
  isReady: state.running !== undefined,
  isStarted: state.running !== undefined,
  containerID: undefined,
  ...more,
});

const status = (
  containers: readonly ContainerView[],
  more: { pod?: Pod; init?: readonly ContainerView[]; isOver?: boolean; podIP?: string | undefined } = {},
) =>
  podStatus({
    pod: more.pod ?? { spec: { containers: [] } },
    initContainers: more.init ?? [],
    containers,
    hostIP: '127.0.0.1',
    podIP: 'podIP' in more ? more.podIP : '127.0.0.1',
    startTime: at,
    now: later,
    isOver: more.isOver ?? false,
  });

const condition = (of: ReturnType<typeof status>, type: string) => of.conditions?.find((one) => one.type === type);

const phases = test.macro<[restartPolicy: string, containers: readonly ContainerView[], expected: string]>({
  exec: (t, restartPolicy, containers, expected) => {
    t.is(status(containers, { pod: { spec: { containers: [], restartPolicy } } }).phase, expected);
  },
  title: (title = '', restartPolicy, _containers, expected) => `phase ${expected} with ${restartPolicy}: ${title}`,
});

test('one is still created', phases, 'Always', [view('a', running), view('b', waiting)], 'Pending');
test('all run', phases, 'Always', [view('a', running)], 'Running');
test('one waits to be restarted', phases, 'Always', [view('a', waiting, { lastState: ended(1) })], 'Running');
test('ended well', phases, 'Never', [view('a', ended(0))], 'Succeeded');
test('ended badly', phases, 'Never', [view('a', ended(0)), view('b', ended(3))], 'Failed');
test('ended badly, will be restarted', phases, 'OnFailure', [view('a', ended(1))], 'Running');
test('ended well for good', phases, 'OnFailure', [view('a', ended(0))], 'Succeeded');

test('the phase of a deleted pod whose processes are gone follows their exit codes', (t) => {
  t.is(status([view('a', ended(0))], { isOver: true }).phase, 'Succeeded');
  t.is(status([view('a', ended(143))], { isOver: true }).phase, 'Failed');
});

test('conditions name the containers that are not ready, as a kubelet does', (t) => {
  const of = status([view('web', running, { isReady: false }), view('side', running)]);
  t.like(condition(of, 'Ready'), { status: 'False', reason: 'ContainersNotReady', message: 'containers with unready status: [web]' });
  t.like(condition(of, 'ContainersReady'), { status: 'False' });
  t.like(condition(of, 'Initialized'), { status: 'True' });
  t.like(condition(of, 'PodReadyToStartContainers'), { status: 'True' });
  t.like(condition(status([], { podIP: undefined }), 'PodReadyToStartContainers'), { status: 'False' });
});

test('init containers hold the pod in Pending until the last has ended well', (t) => {
  const init = [view('one', ended(0), { role: 'init' }), view('two', running, { role: 'init' })];
  const of = status([view('web', waiting)], { init });
  t.is(of.phase, 'Pending');
  t.like(condition(of, 'Initialized'), { status: 'False', reason: 'ContainersNotInitialized', message: 'containers with incomplete status: [two]' });
});

test('Ready also needs every readiness gate', (t) => {
  const pod = (conditions: Pod['status']): Pod => ({
    spec: { containers: [], readinessGates: [{ conditionType: 'example.com/lb' }] },
    ...(conditions === undefined ? {} : { status: conditions }),
  });
  t.like(condition(status([view('a', running)], { pod: pod(undefined) }), 'Ready'), {
    status: 'False',
    reason: 'ReadinessGatesNotReady',
    message: 'corresponding condition of pod readiness gate "example.com/lb" does not exist.',
  });
  t.like(condition(status([view('a', running)], { pod: pod({ conditions: [{ type: 'example.com/lb', status: 'True' }] }) }), 'Ready'), { status: 'True' });
});

test('the time of a condition moves only when its status does', (t) => {
  const before: Pod = { spec: { containers: [] }, status: { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: at }] } };
  t.is(condition(status([view('a', running)], { pod: before }), 'Ready')?.lastTransitionTime, at);
  t.is(condition(status([view('a', running, { isReady: false })], { pod: before }), 'Ready')?.lastTransitionTime, later);
});
