import test from 'ava';
import { specWith } from '../../test/support/decision-inputs.ts';
import { after, ManualClock, millis, pods, seconds, silentLogger, weekdays, workloadKey, type Decision, type Instant } from '../core/index.ts';
import { resources, type PodView } from '../kube/index.ts';
import { leavingPods, marksNeeded } from './deletion-cost.ts';
import { KubeEvents } from './kube-events.ts';
import { handSetCount, liveCount, overrideOf, resumedCount } from './live-count.ts';
import { PodsOf, selectsPod } from './pods-of.ts';
import { parseStatus, printStatus } from './published-status.ts';
import { ReplicaWriter, type WantedCount } from './replica-writer.ts';
import { StatusWriter } from './status-writer.ts';
import { FakeCluster } from './testing/fake-cluster.ts';
import { hello, podOf, start, viewOf } from './testing/views.ts';
import { SlicedRound } from './tick.ts';

const ref = { resource: 'deployments.apps', namespace: 'default', name: 'hello' };
const spec = specWith();
const evidence = { demands: [], steps: [], panicking: false, wanted: 0, replicas: pods(0), ready: pods(0), starting: pods(0), held: 0, inFlight: 0 };
const hold = (to: number, reason: Decision['reason'], at = start): Decision => ({
  kind: 'hold',
  to: pods(to),
  at,
  reason,
  evidence,
  excessBurstCapacity: undefined,
});
const scale = (from: number, to: number, at = start): Decision => ({
  kind: 'scale',
  from: pods(from),
  to: pods(to),
  at,
  reason: 'metric-rise',
  evidence,
  excessBurstCapacity: undefined,
});

test('the live count is that of the newer of watch and own write', (t) => {
  const view = viewOf({ specReplicas: 3, resourceVersion: '99' });
  t.is(liveCount(view, undefined), 3);
  t.is(liveCount(view, { replicas: 5, resourceVersion: '100' }), 5);
  t.is(liveCount(view, { replicas: 5, resourceVersion: '99' }), 3);
  t.is(liveCount(view, { replicas: 5, resourceVersion: '98' }), 3);
});

const byHand = viewOf({ specReplicas: 4, scaledBy: [{ manager: 'kubectl', at: 0 }] });
const ours = { leads: true, isWriting: false, target: undefined, seen: undefined };
const later = (ms: number): Instant => after(start, millis(ms));

test('a count set by hand begins when it is first seen, and goes on while it stands', (t) => {
  const hand = handSetCount(byHand, undefined, undefined, false, start, ours);
  t.deepEqual(hand, { replicas: 4, manager: 'kubectl', at: start });
  t.is(handSetCount(byHand, undefined, hand, false, later(5000), ours), hand);
  t.is(handSetCount({ ...byHand, specReplicas: 5 }, undefined, hand, false, later(5000), ours)?.at, later(5000));
  t.is(handSetCount(viewOf({ scaledBy: [{ manager: 'rouse', at: 0 }] }), undefined, hand, false, later(5000), ours), undefined);
  t.is(handSetCount(viewOf({ isCountApplied: true }), undefined, hand, false, later(5000), ours), undefined);
  t.is(handSetCount(byHand, { replicas: 2, resourceVersion: '2' }, undefined, false, start, ours), undefined, 'the watch lags behind a write of ours');
});

test('a count set by hand is honoured for its time', (t) => {
  const hand = handSetCount(byHand, undefined, undefined, false, start, ours);
  t.is(overrideOf(hand, seconds(60), later(59_999)), hand);
  t.is(overrideOf(hand, seconds(60), later(60_000)), undefined);
  t.is(overrideOf(hand, millis(0), start), undefined);
  t.is(overrideOf(undefined, seconds(60), start), undefined);
});

test('a new process finds in the published status when a count set by hand began', (t) => {
  const at = (status?: string): number | undefined =>
    handSetCount({ ...byHand, annotations: status === undefined ? {} : { 'rouse.dev/status': status } }, undefined, undefined, true, start, ours)?.at;
  t.is(at(), 0, 'set before onboarding: never honoured');
  t.is(at('{"v":1,"desired":4,"reason":"manual-override","since":"2026-01-05T11:55:00Z"}'), later(-300_000));
  t.is(at('{"v":1,"desired":4,"reason":"steady","since":"2026-01-05T11:55:00Z"}'), 0, 'its time was over');
  t.is(at('{"v":1,"desired":2,"reason":"steady","since":"2026-01-05T11:55:00Z"}'), start, 'set while no controller was there');
});

test('a count set by hand right after onboarding, before anybody looked, is told from one of before', (t) => {
  const at = (replicasBefore: number): number | undefined =>
    handSetCount({ ...byHand, annotations: { 'rouse.dev/state': `{"v":1,"replicasBefore":${replicasBefore}}` } }, undefined, undefined, true, start, ours)?.at;
  t.is(at(4), 0, 'it was there before');
  t.is(at(0), start);
});

test('a broken status annotation says nothing about the count to go on from', (t) => {
  for (const status of ['', 'x', 'null', '[]', '{"desired":-1}', '{"desired":1.5}', '{"desired":"9"}'])
    t.is(resumedCount(viewOf({ isCountApplied: true, specReplicas: 2, annotations: { 'rouse.dev/status': status } })), 2, status);
  t.is(resumedCount(viewOf({ isCountApplied: true, specReplicas: 2 })), 2);
  t.is(resumedCount(viewOf({ isCountApplied: true, specReplicas: 2, annotations: { 'rouse.dev/status': '{"desired":5}' } })), 5);
});

test('what mode observe would have set is no count to go on from, and makes nothing a count set by hand', (t) => {
  const annotations = { 'rouse.dev/status': '{"v":1,"desired":15,"reason":"observe","since":"2026-01-05T11:55:00Z"}' };
  t.is(resumedCount(viewOf({ isCountApplied: true, specReplicas: 2, annotations })), 2);
  const at: number | undefined = handSetCount({ ...byHand, annotations }, undefined, undefined, true, start, ours)?.at;
  t.is(at, 0);
});

test('printing and parsing a status gives the same', (t) => {
  const status = { desired: 3, reason: 'metric-rise', since: start };
  t.deepEqual(parseStatus(printStatus(status)), { ...status, next: undefined });
  for (const next of [
    { at: later(3_600_000), min: 2, max: 9 },
    { at: later(60_000), min: 0 },
  ])
    t.deepEqual(parseStatus(printStatus({ ...status, next })), { ...status, next });
});

test('what cannot be read of the next change of a schedule takes nothing from the rest of a status', (t) => {
  for (const next of ['1', 'null', '{"at":"soon","min":1}', '{"at":"2026-01-05T13:00:00Z"}', '{"at":"2026-01-05T13:00:00Z","min":-1}'])
    t.deepEqual(parseStatus(`{"v":1,"desired":3,"reason":"steady","since":"2026-01-05T12:00:00Z","next":${next}}`), {
      desired: 3,
      reason: 'steady',
      since: start,
      next: undefined,
    });
});

test('the status is published on change, at most once in 10 s, and never for a hold that only follows the load', async (t) => {
  const clock = new ManualClock(start);
  const cluster = new FakeCluster(clock);
  cluster.put(viewOf());
  const writer = new StatusWriter({ client: cluster.client, resourceOf: () => resources.deployments, clock, logger: silentLogger });
  const { signal } = new AbortController();
  const after = async (decision: Decision, wait: number): Promise<number> => {
    writer.note({ key: hello, ref, view: cluster.view, spec }, decision);
    writer.flush(signal);
    await clock.advance(seconds(wait));
    return cluster.writes.length;
  };
  t.is(await after(scale(0, 3), 0), 1);
  t.is(cluster.view.annotations['rouse.dev/status'], '{"v":1,"desired":3,"reason":"metric-rise","since":"2026-01-05T12:00:00Z"}');
  t.is(await after(hold(3, 'steady'), 20), 1);
  t.is(await after(scale(3, 4), 1), 2);
  t.is(await after(scale(4, 5), 1), 2);
  t.is(await after(scale(5, 6), 9), 2);
  t.is(await after(hold(6, 'steady'), 0), 3, 'the newest count after the pause');
  t.is(await after(hold(6, 'manual-override'), 20), 3);
  t.is(await after(hold(6, 'manual-override'), 20), 4);
  t.is(await after(hold(6, 'steady'), 20), 5, 'and that it is over');
});

test('the status says when the schedule changes next, and is written again when it has', async (t) => {
  const clock = new ManualClock(start);
  const cluster = new FakeCluster(clock);
  cluster.put(viewOf());
  const writer = new StatusWriter({ client: cluster.client, resourceOf: () => resources.deployments, clock, logger: silentLogger });
  const { signal } = new AbortController();
  const night = { days: weekdays, fromMinute: 22 * 60, toMinute: 6 * 60, timezone: 'UTC', min: pods(1), max: pods(2) };
  const scheduled = specWith({ min: pods(3), max: pods(9), schedule: [night] });
  const after = async (hours: number): Promise<string | undefined> => {
    writer.note({ key: hello, ref, view: cluster.view, spec: scheduled }, hold(3, 'steady', later(hours * 3_600_000)));
    writer.flush(signal);
    await clock.advance(seconds(20));
    return cluster.view.annotations['rouse.dev/status'];
  };
  const said = '{"v":1,"desired":3,"reason":"steady","since":"2026-01-05T12:00:00Z"';
  t.is(await after(0), `${said},"next":{"at":"2026-01-05T22:00:00Z","min":2,"max":2}}`, 'the ceiling wins over min-scale');
  t.is(await after(1), `${said},"next":{"at":"2026-01-05T22:00:00Z","min":2,"max":2}}`);
  t.is(cluster.writes.length, 1);
  t.is(await after(10), `${said},"next":{"at":"2026-01-06T06:00:00Z","min":3,"max":9}}`);
  t.is(cluster.writes.length, 2);
});

test('a new leader publishes nothing where nothing has changed since, and keeps the time of what stands', async (t) => {
  const clock = new ManualClock(start);
  const cluster = new FakeCluster(clock);
  const published = '{"v":1,"desired":3,"reason":"manual-override","since":"2026-01-05T11:00:00Z"}';
  cluster.put(viewOf({ annotations: { 'rouse.dev/status': published } }));
  const writer = new StatusWriter({ client: cluster.client, resourceOf: () => resources.deployments, clock, logger: silentLogger });
  writer.note({ key: hello, ref, view: cluster.view, spec }, hold(3, 'manual-override'));
  writer.flush(new AbortController().signal);
  await clock.advance(seconds(1));
  t.deepEqual(cluster.writes, []);
  writer.note({ key: hello, ref, view: cluster.view, spec }, scale(3, 4));
  writer.flush(new AbortController().signal);
  await clock.advance(millis(0));
  t.is(cluster.writes.length, 1);
});

test('a status whose refusal comes when it was taken for published is written again', async (t) => {
  const clock = new ManualClock(start);
  const cluster = new FakeCluster(clock);
  cluster.put(viewOf());
  const { mergePatch } = cluster.client;
  let refuse: () => void = () => undefined;
  const client = {
    mergePatch: ((...call) => {
      client.mergePatch = mergePatch;
      return new Promise((_resolve, reject) => {
        refuse = () => {
          reject(new Error(`away: ${call[1].name}`));
        };
      });
    }) as typeof mergePatch,
  };
  const writer = new StatusWriter({ client, resourceOf: () => resources.deployments, clock, logger: silentLogger });
  const { signal } = new AbortController();
  writer.note({ key: hello, ref, view: cluster.view, spec }, scale(0, 3));
  for (let flushes = 0; flushes < 3; flushes += 1) {
    writer.flush(signal);
    await clock.advance(seconds(11));
  }
  refuse();
  await clock.advance(millis(0));
  writer.note({ key: hello, ref, view: cluster.view, spec }, hold(3, 'steady'));
  writer.flush(signal);
  await clock.advance(millis(0));
  t.is(parseStatus(cluster.view.annotations['rouse.dev/status'])?.desired, 3);
});

test('statuses of many workloads are written at a bounded rate', async (t) => {
  const clock = new ManualClock(start);
  const cluster = new FakeCluster(clock);
  const writer = new StatusWriter({ client: cluster.client, resourceOf: () => resources.deployments, clock, logger: silentLogger });
  const { signal } = new AbortController();
  for (let index = 0; index < 200; index++)
    writer.note({ key: `default/w${String(index)}` as never, ref: { ...ref, name: `w${String(index)}` }, view: viewOf(), spec }, scale(0, 1));
  writer.flush(signal);
  await clock.advance(millis(0));
  t.is(cluster.writes.length, 40);
  await clock.advance(seconds(1));
  writer.flush(signal);
  await clock.advance(millis(0));
  t.is(cluster.writes.length, 60);
});

test('only 32 counts are written at once, a waiting request goes ahead of them, and all are written in the end', async (t) => {
  const clock = new ManualClock(start);
  const open: (() => void)[] = [];
  const sent: number[] = [];
  const client = {
    writeScale: async (_resource: unknown, _name: unknown, replicas: number) => {
      sent.push(replicas);
      await new Promise<void>((resolve) => open.push(resolve));
      return { ok: true as const, value: { replicas, resourceVersion: '1', selector: '' } };
    },
  };
  const writer = new ReplicaWriter(
    { client, resourceOf: () => resources.deployments, clock, logger: silentLogger },
    { written: () => undefined, refused: () => undefined, abandoned: () => undefined },
    new AbortController().signal,
  );
  const wanted = (index: number, urgent = false): WantedCount => ({ key: `default/w${String(index)}` as never, ref, replicas: index, urgent });
  for (let index = 0; index < 100; index++) writer.want(wanted(index));
  t.is(sent.length, 32);
  writer.want(wanted(1000, true));
  t.is(sent.at(-1), 1000);
  while (open.length > 0) {
    for (const release of open.splice(0)) release();
    await clock.advance(millis(0));
  }
  await writer.settled();
  t.is(new Set(sent).size, 101);
});

test('while a count is on its way only the newest other one follows', async (t) => {
  const clock = new ManualClock(start);
  const cluster = new FakeCluster(clock);
  cluster.put(viewOf());
  const writer = new ReplicaWriter(
    { client: cluster.client, resourceOf: () => resources.deployments, clock, logger: silentLogger },
    { written: () => undefined, refused: () => undefined, abandoned: () => undefined },
    new AbortController().signal,
  );
  for (const replicas of [1, 2, 3, 4]) writer.want({ key: hello, ref, replicas, urgent: false });
  await clock.advance(millis(0));
  t.deepEqual(cluster.writes, ['scale hello 1', 'scale hello 4']);
});

test('an unknown kind is refused, not thrown', async (t) => {
  const refused: string[] = [];
  const clock = new ManualClock(start);
  const writer = new ReplicaWriter(
    { client: new FakeCluster(clock).client, resourceOf: () => undefined, clock, logger: silentLogger },
    { written: () => undefined, refused: (_key, { message }) => refused.push(message), abandoned: () => undefined },
    new AbortController().signal,
  );
  writer.want({ key: hello, ref: { ...ref, resource: 'rollouts.example.com' }, replicas: 1, urgent: true });
  await clock.advance(millis(0));
  t.deepEqual(refused, ['the kind rollouts.example.com is not known']);
});

test('Kubernetes Events are told of transitions alone, with a warning where something failed', (t) => {
  const recorded: string[] = [];
  const events = new KubeEvents({ record: (_about, { type, reason }) => void recorded.push(`${type} ${reason}`) }, new ManualClock(start));
  const about = { workload: hello };
  events.tell({ ...about, type: 'would-scale', from: 1, to: 2 }, 'uid');
  events.tell({ ...about, type: 'scaled', from: 1, to: 2, reason: 'metric-rise' }, 'uid');
  events.tell({ ...about, type: 'wake-failed', reason: 'image-pull', message: 'no such image' }, 'uid');
  events.tell({ ...about, type: 'wake-recovered' }, 'uid');
  t.deepEqual(recorded, ['Normal metric-rise', 'Warning image-pull', 'Normal wake-recovered']);
});

test('Kubernetes Events of one workload are bounded', async (t) => {
  const clock = new ManualClock(start);
  let recorded = 0;
  const events = new KubeEvents({ record: () => (recorded += 1) }, clock);
  for (let index = 0; index < 100; index++) events.tell({ type: 'scaled', workload: hello, from: 0, to: 1, reason: 'wake-request' }, 'uid');
  t.is(recorded, 10);
  await clock.advance(seconds(30));
  for (let index = 0; index < 100; index++) events.tell({ type: 'scaled', workload: hello, from: 0, to: 1, reason: 'wake-request' }, 'uid');
  t.is(recorded, 13);
});

test('only pods whose mark would change are marked, busiest first', (t) => {
  const marked = (name: string, cost?: string): ReturnType<typeof podOf> =>
    podOf({ name, uid: name, annotations: cost === undefined ? {} : { 'controller.kubernetes.io/pod-deletion-cost': cost } });
  const marks = marksNeeded(
    [marked('idle'), marked('busy'), marked('was-busy', '7'), marked('same', '2'), podOf({ name: 'going', uid: 'going', deleting: true })],
    new Map([
      ['busy', 4],
      ['same', 2],
      ['going', 9],
    ]),
  );
  t.deepEqual(
    marks.map(({ pod, cost }) => [pod.name, cost]),
    [
      ['busy', 4],
      ['was-busy', 0],
    ],
  );
});

const leaving = test.macro(
  (t, resource: string, pods: readonly Partial<PodView>[], to: number, want: readonly string[], inFlight: Readonly<Record<string, number>> = {}) => {
    const all = pods.map((pod, index) => podOf({ name: `web-${index}`, uid: `web-${index}`, ready: true, labels: { 'pod-template-hash': 'a' }, ...pod }));
    t.deepEqual(
      leavingPods(resource, all, new Map(Object.entries(inFlight)), to).map(({ name }) => name),
      want,
    );
  },
);
const busy = { 'web-0': 3, 'web-2': 1 };
test('the idlest pods go first', leaving, 'deployments.apps', [{}, {}, {}, {}], 1, ['web-1', 'web-3', 'web-2'], busy);
test('of equally idle pods the youngest goes', leaving, 'deployments.apps', [{ createdAt: 2 }, { createdAt: 3 }, { createdAt: 1 }], 2, ['web-1']);
test('a pod that is not ready goes before an idle one', leaving, 'deployments.apps', [{}, {}, { ready: false }], 2, ['web-2'], busy);
test('pods that go already are not counted', leaving, 'deployments.apps', [{}, { deleting: true }, { phase: 'Failed' }, {}], 1, ['web-3'], busy);
test('all go when the count falls to zero', leaving, 'deployments.apps', [{}, { labels: { 'pod-template-hash': 'b' } }], 0, ['web-0', 'web-1']);
test('in the middle of a rollout nobody can tell', leaving, 'deployments.apps', [{}, {}, { labels: { 'pod-template-hash': 'b' } }], 1, []);
test('of a StatefulSet the highest ordinals go', leaving, 'statefulsets.apps', [{}, {}, {}], 1, ['web-2', 'web-1'], { 'web-2': 9 });
test('of a kind that we do not know nobody can tell', leaving, 'rollouts.example.com', [{}, {}], 1, []);
test('none goes where there are no more than are wanted', leaving, 'deployments.apps', [{}, {}], 2, []);

test('pods that are to go are marked first, below every other', (t) => {
  const [going, busyOne] = [podOf({ name: 'going', uid: 'going' }), podOf({ name: 'busy', uid: 'busy' })];
  const kept = podOf({ name: 'kept', uid: 'kept', annotations: { 'controller.kubernetes.io/pod-deletion-cost': '-1' } });
  t.deepEqual(
    marksNeeded([busyOne, kept, going], new Map([['busy', 4]]), [going]).map(({ pod, cost }) => [pod.name, cost]),
    [
      ['going', -1],
      ['busy', 4],
      ['kept', 0],
    ],
  );
});

test('selectors select by labels and expressions, and nothing selects everything', (t) => {
  const expression = (operator: string, values: readonly string[] = []): Parameters<typeof selectsPod>[0] => ({
    matchLabels: {},
    matchExpressions: [{ key: 'app', operator, values }],
  });
  t.false(selectsPod({ matchLabels: {}, matchExpressions: [] }, { app: 'x' }));
  t.true(selectsPod({ matchLabels: { app: 'x' }, matchExpressions: [] }, { app: 'x', tier: 'y' }));
  t.deepEqual(
    [expression('In', ['x']), expression('NotIn', ['x']), expression('Exists'), expression('DoesNotExist'), expression('Odd')].map((selector) =>
      selectsPod(selector, { app: 'x' }),
    ),
    [true, false, true, false, false],
  );
});

test('pods are found by their workload through changes of labels and of the selector', (t) => {
  const cluster = new FakeCluster(new ManualClock(start));
  const changes: string[] = [];
  const podsOf = new PodsOf(cluster.pods, (key, pod) => changes.push(`${key} ${pod.name}`));
  cluster.setPod(podOf({ name: 'early', uid: 'early' }));
  podsOf.follow(viewOf());
  podsOf.follow(viewOf({ name: 'all', selector: { matchLabels: {}, matchExpressions: [{ key: 'app', operator: 'Exists', values: [] }] } }));
  const names = (): readonly string[] => [...podsOf.get(hello)].map(({ name }) => name).sort();
  t.deepEqual(names(), ['early']);
  cluster.setPod(podOf({ name: 'late', uid: 'late' }));
  t.deepEqual(changes, ['default/all late', 'default/hello late']);
  cluster.setPod(podOf({ name: 'late', uid: 'late', labels: { app: 'other' } }));
  t.deepEqual(names(), ['early']);
  t.is([...podsOf.get('default/all' as never)].length, 2);
  podsOf.follow(viewOf({ selector: { matchLabels: { app: 'other' }, matchExpressions: [] } }));
  t.deepEqual(names(), ['late']);
  cluster.pods.delete('default', 'late');
  t.deepEqual(names(), []);
  podsOf.forget(hello);
  t.deepEqual([...podsOf.get(hello)], []);
});

test('a round over many workloads is taken in slices, each once, and none begins while one is under way', async (t) => {
  const clock = new ManualClock(start);
  const looked: string[] = [];
  let done = 0;
  const round = new SlicedRound(
    clock,
    (key) => looked.push(key),
    () => (done += 1),
  );
  const keys = Array.from({ length: 450 }, (_, index) => workloadKey({ ...ref, name: `w${String(index)}` }));
  round.begin(keys);
  t.is(looked.length, 200);
  round.begin(keys);
  t.is(looked.length, 200);
  await clock.advance(millis(2));
  t.deepEqual(looked, keys);
  t.is(done, 1);
  round.begin([]);
  t.is(done, 2);
});
