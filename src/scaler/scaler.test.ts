import test from 'ava';
import { instant, millis, seconds } from '../core/index.ts';
import { sayEvent } from './events.ts';
import { hello, viewOf } from './testing/views.ts';
import { world } from './testing/world.ts';

const scales = (writes: readonly string[]): readonly string[] => writes.filter((write) => write.startsWith('scale'));

test('a poke wakes a workload at zero at once', async (t) => {
  const { scaler, cluster, advance, events } = await world((c) => {
    c.put(viewOf());
  });
  scaler.poke({ workload: hello, held: 1, oldestHeldMs: 0 });
  t.deepEqual(scales(cluster.writes), ['scale hello 1'], 'the write has left before the poke returns');
  await advance(millis(1));
  t.is(cluster.view.specReplicas, 1);
  t.true(events.map(sayEvent).includes('hello 0 → 1: a request is waiting'));
});

test('an idle workload goes to zero after its window, and wakes again, ten times', async (t) => {
  const { scaler, cluster, advance, load } = await world((c) => {
    c.put(viewOf({ annotations: { 'rouse.dev/enabled': 'true', 'rouse.dev/window': '6s' } }));
  });
  for (let round = 0; round < 10; round++) {
    load.held = 1;
    scaler.poke({ workload: hello, held: 1, oldestHeldMs: 0 });
    await advance(millis(1));
    t.is(cluster.view.specReplicas, 1);
    load.held = 0;
    load.concurrency = 1;
    await advance(seconds(6));
    t.is(cluster.view.specReplicas, 1);
    load.concurrency = 0;
    await advance(seconds(30));
    t.is(cluster.view.specReplicas, 0, `round ${String(round)}`);
  }
  t.is(scales(cluster.writes).length, 20);
});

const on = { 'rouse.dev/enabled': 'true', 'rouse.dev/window': '6s' };
const state = (replicasBefore: number): Record<string, string> => ({ 'rouse.dev/state': `{"v":1,"replicasBefore":${String(replicasBefore)}}` });
const poke = { workload: hello, held: 1, oldestHeldMs: 0 };

test('a refused wake is tried again at once, three times, and then at the next tick', async (t) => {
  const { scaler, cluster, advance } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1) } }));
  });
  cluster.refusals.push('conflict', 'too-many-requests', 'unavailable');
  scaler.poke(poke);
  await advance(millis(0));
  await advance(millis(600));
  t.deepEqual(scales(cluster.writes), ['scale hello 1 (conflict)', 'scale hello 1 (too-many-requests)', 'scale hello 1 (unavailable)', 'scale hello 1']);
  t.is(cluster.view.specReplicas, 1);
});

test('a forbidden write is told once, tried every tick, and not hammered', async (t) => {
  const { cluster, advance, load, events } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1) }, specReplicas: 1 }));
  });
  load.concurrency = 1000;
  cluster.refusals.push(...Array.from({ length: 5 }, () => 'forbidden' as const));
  await advance(seconds(10));
  t.is(scales(cluster.writes).filter((write) => write.includes('forbidden')).length, 5);
  t.is(events.filter(({ type }) => type === 'write-refused').length, 1);
  await advance(seconds(2));
  t.true(cluster.view.specReplicas > 1, 'what was refused is still wanted');
});

test('a watch that lags behind our own write leads to no second one', async (t) => {
  const { scaler, cluster, advance, load } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1), 'rouse.dev/status': '{}' } }));
  });
  cluster.lagging = true;
  load.held = 1;
  scaler.poke(poke);
  await advance(seconds(5));
  t.deepEqual(scales(cluster.writes), ['scale hello 1']);
  cluster.catchUp();
  await advance(seconds(3));
  t.deepEqual(scales(cluster.writes), ['scale hello 1']);
});

test('a watch that shows our write before its answer is here takes nothing from the telling', async (t) => {
  const { scaler, cluster, advance, load, events } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1), 'rouse.dev/status': '{}' } }));
  });
  const answer = Promise.withResolvers<undefined>();
  cluster.answering = answer.promise;
  load.held = 1;
  scaler.poke(poke);
  await advance(seconds(2));
  t.is(cluster.view.specReplicas, 1);
  answer.resolve(undefined);
  await advance(millis(1));
  t.deepEqual(
    events.map(sayEvent).filter((said) => said.includes('→')),
    ['hello 0 → 1: a request is waiting'],
  );
});

test('a poke that comes while a wake is being written raises the count when that has ended', async (t) => {
  const { scaler, cluster, advance } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1), 'rouse.dev/container-concurrency': '1' } }));
    c.podsGetReady = false;
  });
  scaler.poke(poke);
  scaler.poke({ ...poke, held: 5 });
  await advance(millis(1));
  t.deepEqual(scales(cluster.writes), ['scale hello 1', 'scale hello 5']);
});

test('nothing goes down before a whole window was seen, or while a gateway is silent', async (t) => {
  const { cluster, advance, load } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1) }, specReplicas: 5 }));
  });
  load.warm = false;
  await advance(seconds(30));
  t.is(cluster.view.specReplicas, 5);
  load.warm = true;
  load.absentGateways = 1;
  await advance(seconds(30));
  t.is(cluster.view.specReplicas, 5);
  load.absentGateways = 0;
  await advance(seconds(30));
  t.is(cluster.view.specReplicas, 0);
});

test('work in flight keeps the last pod', async (t) => {
  const { cluster, advance, load } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1) }, specReplicas: 1 }));
  });
  load.inFlight = 1;
  await advance(seconds(60));
  t.is(cluster.view.specReplicas, 1);
  load.inFlight = 0;
  await advance(seconds(20));
  t.is(cluster.view.specReplicas, 0);
});

test('the last pod waits for a path that would hold the next request', async (t) => {
  const { cluster, advance, path, scaler } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1) }, specReplicas: 1 }));
  });
  path.ready = false;
  await advance(seconds(2));
  t.false(path.held, 'not before it is wanted');
  await advance(seconds(60));
  t.is(cluster.view.specReplicas, 1);
  t.true(path.held, 'the gateways are asked to stand in');
  path.ready = true;
  await advance(seconds(4));
  t.is(cluster.view.specReplicas, 0);
  t.true(path.held, 'for as long as there is no pod');
  scaler.poke(poke);
  await advance(millis(1));
  t.false(path.held);
});

test('before a count falls the gateways have heard which pods go', async (t) => {
  const { cluster, advance, load, path } = await world((c, l) => {
    c.put(viewOf({ annotations: { ...on, ...state(2), 'rouse.dev/max-scale-down-rate': '10' }, specReplicas: 3 }));
    l.concurrency = 1;
    l.inFlight = 1;
  });
  const uids = [...cluster.pods.values()].map(({ uid }) => uid).sort();
  t.is(uids.length, 3);
  load.inFlightByPod = new Map([[uids[1] ?? '', 1]]);
  await advance(seconds(20));
  t.is(cluster.view.specReplicas, 1);
  t.deepEqual(path.retired[0], { pods: [uids[0] ?? '', uids[2] ?? ''], writes: 0 }, 'the idle ones, and before the write');
});

test('a request that waits while the gateways hear of a fall takes it back', async (t) => {
  const { cluster, advance, load, path, scaler } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1) }, specReplicas: 1 }));
  });
  const hearing = Promise.withResolvers<undefined>();
  path.hearing = hearing.promise;
  await advance(seconds(20));
  t.is(path.retired.length, 1, 'all that goes has been told');
  t.deepEqual(scales(cluster.writes), []);
  load.held = 1;
  scaler.poke(poke);
  hearing.resolve(undefined);
  await advance(millis(1));
  t.deepEqual(path.retired.at(-1), { pods: [], writes: 0 }, 'taken back');
  await advance(seconds(2));
  t.deepEqual(scales(cluster.writes), []);
  t.is(cluster.view.specReplicas, 1);
});

test('the gateways are not asked to stand in for a last pod that stays anyway', async (t) => {
  for (const setting of [{ 'rouse.dev/mode': 'observe' }, { 'rouse.dev/pause': 'down' }]) {
    const { advance, path, stop } = await world((c) => {
      c.put(viewOf({ annotations: { ...on, ...state(1), ...setting }, specReplicas: 1 }));
    });
    for (const ready of [false, true]) {
      path.ready = ready;
      await advance(seconds(30));
      t.false(path.held, JSON.stringify([setting, ready]));
    }
    stop();
  }
});

test('mode observe decides, publishes and never writes a count', async (t) => {
  const { cluster, advance, load, events, scaler } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(2), 'rouse.dev/mode': 'observe' }, specReplicas: 2 }));
  });
  load.concurrency = 1000;
  scaler.poke(poke);
  await advance(seconds(12));
  t.deepEqual(scales(cluster.writes), []);
  t.is(cluster.view.specReplicas, 2);
  t.true(events.some((event) => event.type === 'would-scale' && event.to > 2));
  t.regex(cluster.view.annotations['rouse.dev/status'] ?? '', /"desired":15,"reason":"observe"/);
  t.is(scaler.decided.workloads()[0]?.desired, 15);
  const { decision, times } = scaler.decided.explain('default', 'hello')?.journal.at(-1) ?? {};
  t.deepEqual(decision?.evidence.steps.at(-1), { step: 'observe', from: 15, to: 2 }, 'the journal says what would have been written');
  t.true((times ?? 0) > 1);
});

test('a paused workload at zero says at once that it cannot be woken', async (t) => {
  const { cluster, advance, failures, scaler } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(2), 'rouse.dev/pause': 'true' } }));
  });
  t.like(failures.get(hello), { reason: 'paused' });
  scaler.poke(poke);
  await advance(seconds(2));
  t.deepEqual(scales(cluster.writes), []);
  cluster.annotate({ 'rouse.dev/pause': null });
  t.is(failures.get(hello), undefined, 'and that it can as soon as it is unpaused');
});

test('a count set by hand is honoured for manual-override, then taken back', async (t) => {
  const { cluster, advance, events } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(2), 'rouse.dev/manual-override': '1m', 'rouse.dev/status': '{}' }, specReplicas: 1 }));
  });
  await advance(seconds(2));
  cluster.scaleByHand(4);
  await advance(seconds(50));
  t.is(cluster.view.specReplicas, 4);
  await advance(seconds(30));
  t.is(cluster.view.specReplicas, 0);
  t.deepEqual(
    events.map(({ type }) => type).filter((type) => type.startsWith('overrid')),
    ['overridden', 'override-ended'],
  );
});

test('a count set by hand to zero is honoured, and a request still wakes', async (t) => {
  const { cluster, advance, scaler, load } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(2), 'rouse.dev/status': '{}' }, specReplicas: 2 }));
  });
  load.concurrency = 150;
  await advance(seconds(2));
  cluster.scaleByHand(0);
  load.concurrency = 0;
  await advance(seconds(4));
  t.is(cluster.view.specReplicas, 0);
  scaler.poke(poke);
  await advance(millis(1));
  t.is(cluster.view.specReplicas, 1);
});

test('a count that a manifest reset past the webhook is put back at the next tick', async (t) => {
  const { cluster, advance, load, events } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1) }, specReplicas: 1 }));
  });
  load.concurrency = 350;
  await advance(seconds(4));
  const count = cluster.view.specReplicas;
  t.true(count >= 5);
  cluster.applyPastWebhook(1);
  await advance(seconds(2));
  t.is(cluster.view.specReplicas, count);
  t.is(events.filter(({ type }) => type === 'replicas-restored').length, 1);
});

test('a leader that comes after a reset puts the published count back, and goes on from a count of ours without a change', async (t) => {
  const published = { 'rouse.dev/status': '{"v":1,"desired":5,"reason":"metric-rise","since":"2026-01-05T12:00:00Z"}' };
  const reset = await world((c, l) => {
    l.warm = false;
    c.put(viewOf({ annotations: { ...on, ...state(1), ...published }, specReplicas: 1, isCountApplied: true }));
  });
  await reset.advance(seconds(4));
  t.is(reset.cluster.view.specReplicas, 5);
  const kept = await world((c, l) => {
    l.warm = false;
    c.put(viewOf({ annotations: { ...on, ...state(1), ...published }, specReplicas: 7, scaledBy: [{ manager: 'rouse', at: 0 }] }));
  });
  await kept.advance(seconds(4));
  t.is(kept.cluster.view.specReplicas, 7);
  t.deepEqual(scales(kept.cluster.writes), []);
});

test('before a scale-in the busy pods are marked, so that idle ones go first', async (t) => {
  const { cluster, advance, load } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1), 'rouse.dev/status': '{}' }, specReplicas: 4 }));
  });
  load.concurrency = 180;
  load.inFlightByPod.set('uid-hello-4', 3);
  await advance(seconds(2));
  const marked = cluster.writes.findIndex((write) => write.startsWith('patch pods hello-4') && write.includes('"3"'));
  const scaled = cluster.writes.findIndex((write) => write.startsWith('scale hello'));
  t.true(marked >= 0 && marked < scaled);
});

test('a scale-in is given up where the object has changed since, and decided anew', async (t) => {
  const { cluster, advance, load } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1), 'rouse.dev/status': '{}' }, specReplicas: 4 }));
  });
  load.concurrency = 180;
  cluster.refusals.push('conflict');
  await advance(seconds(4));
  t.is(scales(cluster.writes).length, 2, 'the refused one, and that of the next tick');
  t.is(cluster.view.specReplicas, 3);
});

test('a wake that a quota refuses is told, taken back, and tried again by the first request a moment later', async (t) => {
  const { cluster, advance, failures, scaler, events } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1) } }));
    c.quota = true;
  });
  scaler.poke(poke);
  await advance(millis(1));
  t.like(failures.get(hello), { reason: 'quota', message: 'exceeded quota: pods' });
  t.is(cluster.view.specReplicas, 0, 'an unchanged count would do nothing under the back-off of the ReplicaSet controller');
  scaler.poke(poke);
  await advance(millis(100));
  t.deepEqual(scales(cluster.writes), ['scale hello 1', 'scale hello 0'], 'no second try at once');
  await advance(millis(200));
  t.is(failures.get(hello), undefined, 'requests are held again');
  cluster.quota = false;
  scaler.poke(poke);
  await advance(millis(1));
  t.is(cluster.view.specReplicas, 1);
  t.true(events.some(({ type }) => type === 'wake-failed'));
});

test('wakes that are refused in a row are tried less and less often, every five seconds in the end', async (t) => {
  const { cluster, advance, scaler } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1) } }));
    c.quota = true;
  });
  const tries: number[] = [];
  for (let at = 0; at < 40_000; at += 50) {
    const before = cluster.writes.filter((write) => write === 'scale hello 1').length;
    scaler.poke(poke);
    await advance(millis(50));
    if (cluster.writes.filter((write) => write === 'scale hello 1').length > before) tries.push(at);
  }
  const pauses = tries.slice(1).map((at, index) => at - (tries[index] ?? 0));
  t.true((pauses[0] ?? 0) >= 250 && (pauses[0] ?? 0) <= 350, pauses.join());
  t.true(
    pauses.slice(6).every((pause) => pause >= 5000 && pause <= 5200),
    pauses.join(),
  );
  t.true(tries.length >= 8 && tries.length <= 13, pauses.join());
});

test('a refusal that a controller has not taken back yet does not fail the wake that comes after the quota was raised', async (t) => {
  const { cluster, advance, scaler, failures } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1) } }));
    c.quota = true;
    c.conditionsStay = true;
  });
  scaler.poke(poke);
  await advance(millis(1));
  cluster.quota = false;
  cluster.makesPods = false;
  await advance(millis(400));
  scaler.poke(poke);
  await advance(millis(1));
  t.is(cluster.view.specReplicas, 1);
  t.is(failures.get(hello), undefined);
  await advance(seconds(4));
  t.is(failures.get(hello)?.reason, 'quota', 'what stands that long is meant');
});

test('a pod that cannot start fails the wake as soon as its status says so, and a mended one clears it', async (t) => {
  const { cluster, advance, failures, scaler } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1) } }));
    c.podsGetReady = false;
  });
  scaler.poke(poke);
  await advance(millis(1));
  const [container] = [...cluster.pods.values()][0]?.containers ?? [];
  if (container === undefined) throw new Error('no pod was made');
  cluster.setPods({ containers: [{ ...container, state: 'waiting', stateReason: 'CrashLoopBackOff', stateMessage: 'back-off 10s' }] });
  t.like(failures.get(hello), { reason: 'crash-loop', message: 'container app: back-off 10s' });
  const why = scaler.decided.why('default', 'hello');
  t.like(why.kind === 'explained' ? why.explanation.wakeFailure : undefined, { reason: 'crash-loop', message: 'container app: back-off 10s' });
  cluster.setPods({ containers: [container], ready: true });
  t.is(failures.get(hello), undefined);
});

test('a crash loop is told once, although the pod looks ready between two crashes, and that it is over when it stays so', async (t) => {
  const { cluster, advance, scaler, events, load } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1) } }));
  });
  scaler.poke(poke);
  load.concurrency = 1;
  await advance(millis(1));
  const [container] = [...cluster.pods.values()][0]?.containers ?? [];
  if (container === undefined) throw new Error('no pod was made');
  for (let crash = 0; crash < 5; crash++) {
    cluster.setPods({ containers: [{ ...container, state: 'waiting', stateReason: 'CrashLoopBackOff' }], ready: false });
    await advance(seconds(4));
    cluster.setPods({ containers: [container], ready: true });
    await advance(seconds(4));
  }
  const wakes = (): readonly string[] => events.map(({ type }) => type).filter((type) => type.startsWith('wake-'));
  t.deepEqual(wakes(), ['wake-failed']);
  await advance(seconds(20));
  t.deepEqual(wakes(), ['wake-failed', 'wake-recovered']);
});

test('a standby decides the same and writes and tells nothing; when it leads it goes on from what lives', async (t) => {
  const { cluster, advance, load, events, scaler } = await world(
    (c) => {
      c.put(viewOf({ annotations: { ...on, ...state(1), 'rouse.dev/status': '{}' }, specReplicas: 3, scaledBy: [{ manager: 'rouse', at: 0 }] }));
    },
    { leads: false },
  );
  load.concurrency = 1000;
  await advance(seconds(4));
  t.deepEqual(cluster.writes, []);
  t.deepEqual(events, []);
  t.true((scaler.decided.workloads()[0]?.desired ?? 0) > 3);
  const term = new AbortController();
  const leading = scaler.lead(term.signal);
  await advance(millis(1));
  t.true(cluster.view.specReplicas > 3);
  term.abort();
  await leading;
  const { length } = cluster.writes;
  load.concurrency = 5000;
  await advance(seconds(6));
  t.is(cluster.writes.length, length, 'nothing is written after the term');
});

test('a deleted workload leaves nothing behind', async (t) => {
  const { cluster, advance, load, scaler, failures } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1), 'rouse.dev/pause': 'true' } }));
  });
  await advance(seconds(2));
  cluster.workloads.delete('default', 'hello');
  t.deepEqual(scaler.decided.workloads(), []);
  t.is(scaler.decided.explain('default', 'hello'), undefined);
  t.is(failures.get(hello), undefined);
  t.deepEqual(load.forgotten, [hello]);
});

test('what was decided and why can be read, a hold that repeats itself on one line', async (t) => {
  const { advance, scaler } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1) } }));
  });
  await advance(seconds(20));
  scaler.poke(poke);
  await advance(seconds(2));
  const explained = scaler.decided.explain('default', 'hello');
  t.deepEqual(
    explained?.decisions.slice(0, 2).map(({ kind, reason }) => [kind, reason]),
    [
      ['hold', 'idle'],
      ['wake', 'wake-request'],
    ],
  );
  t.true((explained?.journal[0]?.times ?? 0) >= 10);
  t.true(explained?.journal[1]?.poked);
  t.like(explained?.workload, { namespace: 'default', name: 'hello', resource: 'deployments.apps', desired: 1, ready: 1 });
});

test('many workloads are looked at in one tick and each wakes by itself', async (t) => {
  const names = Array.from({ length: 100 }, (_, index) => `app-${String(index)}`);
  const { cluster, scaler, advance } = await world((c) => {
    for (const name of names)
      c.put(
        viewOf({
          name,
          uid: `uid-${name}`,
          annotations: { ...on, ...state(1) },
          podLabels: { app: name },
          selector: { matchLabels: { app: name }, matchExpressions: [] },
        }),
      );
  });
  for (const { key } of scaler.decided.workloads()) scaler.poke({ workload: key, held: 1, oldestHeldMs: 0 });
  await advance(millis(1));
  t.true(names.every((name) => cluster.workloads.get(`default/${name}`)?.specReplicas === 1));
  t.is(scaler.decided.workloads().filter(({ ready }) => ready === 1).length, 100);
});

test('Kubernetes Events tell transitions by the reason of the decision', async (t) => {
  const { scaler, advance, kubeEvents } = await world((c) => {
    c.put(viewOf({ annotations: on }));
  });
  scaler.poke(poke);
  await advance(seconds(4));
  t.deepEqual(kubeEvents, ['Normal onboarded', 'Normal wake-request']);
});

test('a count set by hand right before a request is no reset: the request wakes it, and the count by hand is told', async (t) => {
  const { cluster, advance, scaler, events } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1), 'rouse.dev/status': '{}' }, specReplicas: 1, scaledBy: [{ manager: 'rouse', at: 0 }] }));
  });
  await advance(seconds(2));
  cluster.scaleByHand(0);
  scaler.poke(poke);
  await advance(millis(1));
  t.is(cluster.view.specReplicas, 1);
  t.deepEqual(events.filter(({ type }) => type !== 'onboarded').map(sayEvent), [
    'hello 0 pods set by hand (kubectl), honoured for rouse.dev/manual-override',
    'hello 0 → 1: a request is waiting',
  ]);
});

test('an override outlives a change of leader and ends when it would have', async (t) => {
  const { cluster, advance } = await world((c, l) => {
    l.warm = true;
    c.put(
      viewOf({
        annotations: {
          ...on,
          ...state(1),
          'rouse.dev/manual-override': '10m',
          'rouse.dev/status': '{"v":1,"desired":4,"reason":"manual-override","since":"2026-01-05T11:55:00Z"}',
        },
        specReplicas: 4,
        scaledBy: [{ manager: 'kubectl', at: 0 }],
      }),
    );
  });
  await advance(seconds(290));
  t.is(cluster.view.specReplicas, 4);
  await advance(seconds(30));
  t.is(cluster.view.specReplicas, 0);
});

test('kubectl scale from zero, which the API server puts on nobody’s record, is honoured for its time and taken back', async (t) => {
  const { cluster, advance, events } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1), 'rouse.dev/manual-override': '30s' }, specReplicas: 1 }));
  });
  await advance(seconds(20));
  t.is(cluster.view.specReplicas, 0);
  t.deepEqual(cluster.view.scaledBy, []);
  cluster.put({ specReplicas: 3 });
  await advance(seconds(20));
  t.is(cluster.view.specReplicas, 3);
  t.like(
    events.find(({ type }) => type === 'overridden'),
    { replicas: 3, manager: '/scale' },
  );
  await advance(seconds(40));
  t.is(cluster.view.specReplicas, 0);
});

test('what an earlier leader wrote is nobody’s override, although nobody is on record', async (t) => {
  const status = '{"v":1,"desired":0,"reason":"idle","since":"2026-01-05T12:00:00Z"}';
  const w = await world(
    (c) => {
      c.put(viewOf({ annotations: { ...on, ...state(1), 'rouse.dev/status': status }, specReplicas: 0 }));
    },
    { leads: false },
  );
  await w.advance(seconds(4));
  // The leader wakes it, and is gone before its status says so.
  w.cluster.put({ specReplicas: 1 });
  await w.advance(seconds(4));
  const term = new AbortController();
  void w.scaler.lead(term.signal);
  await w.advance(seconds(60));
  t.false(w.events.some(({ type }) => type === 'overridden'));
  t.is(w.cluster.view.specReplicas, 0);
  term.abort();
});

test('our own write that the watch shows before its answer is here is nobody’s override', async (t) => {
  const { cluster, advance, scaler, events } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1) }, specReplicas: 1 }));
  });
  await advance(seconds(20));
  const answering = Promise.withResolvers<undefined>();
  cluster.answering = answering.promise;
  scaler.poke(poke);
  await advance(seconds(2));
  t.is(cluster.view.specReplicas, 1);
  scaler.poke({ ...poke, held: 500 });
  await advance(seconds(4));
  answering.resolve(undefined);
  await advance(seconds(30));
  t.false(events.some(({ type }) => type === 'overridden'));
});

test('a workload with a schedule shows when and to what its bounds change next', async (t) => {
  const schedule = '[{days: daily, from: "13:00", to: "18:00", timezone: UTC, min: 2}]';
  const { scaler, advance, cluster } = await world((c) => {
    c.put(viewOf({ annotations: { ...on, ...state(1), 'rouse.dev/schedule': schedule, 'rouse.dev/max-scale': '7' } }));
  });
  t.deepEqual(scaler.decided.explain('default', 'hello')?.workload.next, { at: instant(Date.UTC(2026, 0, 5, 13)), min: 2, max: 7 });
  await advance(seconds(3602));
  t.deepEqual(scaler.decided.workloads()[0]?.next, { at: instant(Date.UTC(2026, 0, 5, 18)), min: 0, max: 7 });
  t.is(cluster.view.specReplicas, 2);
  await advance(seconds(20));
  t.regex(cluster.view.annotations['rouse.dev/status'] ?? '', /"next":\{"at":"2026-01-05T18:00:00Z","min":0,"max":7\}/);
});
