import test from 'ava';
import { after, ManualClock, millis, ok, seconds, silentLogger, workloadKey, type Instant, type WorkloadKey } from '../core/index.ts';
import { parseSpec } from '../core/spec/index.ts';
import type { Selection } from '../kube/index.ts';
import { RefusedPods } from './refused-pods.ts';
import { start, viewOf } from './testing/views.ts';
import type { WorkloadRecord } from './workload-record.ts';

const ref = { resource: 'statefulsets.apps', namespace: 'default', name: 'db' };
const parsed = parseSpec({ workload: {} });
if (!parsed.ok) throw new Error('the defaults are not legal');
const record: WorkloadRecord = {
  key: workloadKey(ref),
  ref,
  view: viewOf({ resource: ref.resource, name: 'db', uid: 'uid-db', specReplicas: 1 }),
  spec: parsed.value.spec,
  problems: [],
  warnings: [],
  state: undefined,
  phase: 'onboarded',
};
const message = 'create Pod db-0 in StatefulSet db failed error: pods "db-0" is forbidden: exceeded quota: small';

const scene = () => {
  const clock = new ManualClock(start);
  const events: { metadata: object; message: string; lastTimestamp: string }[] = [];
  const asked: Selection[] = [];
  const found: WorkloadKey[] = [];
  const refused = new RefusedPods({
    clock,
    logger: silentLogger,
    client: {
      list: async (_resource, selection) => {
        asked.push(selection);
        await Promise.resolve();
        return ok({ items: events as never, resourceVersion: '1' });
      },
    },
    onFound: (key) => {
      found.push(key);
    },
  });
  refused.start(new AbortController().signal);
  const tell = (at: number, uid = 'e'): void =>
    void events.push({ metadata: { uid, resourceVersion: String(events.length) }, message, lastTimestamp: new Date(at).toISOString() });
  /** Why a wake of that time is refused, once Events have been asked for. */
  const ask = async (since: Instant): Promise<unknown> => {
    refused.why(record, since, clock.now());
    await clock.advance(millis(300));
    refused.why(record, since, clock.now());
    await clock.advance(millis(0));
    return refused.why(record, since, clock.now());
  };
  return { clock, asked, found, refused, tell, ask };
};

test('a pod that is refused is found in the Events of the workload, a moment after the count was set', async (t) => {
  const { clock, asked, refused, found, tell } = scene();
  tell(start);
  t.is(refused.why(record, start, clock.now()), undefined);
  t.is(asked.length, 0, 'a pod that is there in time costs no request');
  await clock.advance(millis(300));
  t.deepEqual(found, [record.key]);
  refused.why(record, start, clock.now());
  await clock.advance(millis(0));
  t.deepEqual(asked, [{ namespace: 'default', fieldSelector: 'involvedObject.uid=uid-db,reason=FailedCreate' }]);
  t.deepEqual(refused.why(record, start, clock.now()), { reason: 'quota', message });
});

test('an Event from before the count was set, or that counted already, says nothing', async (t) => {
  const { clock, tell, ask } = scene();
  tell(start - 10_000);
  t.is(await ask(start), undefined);
  await clock.advance(seconds(1));
  tell(clock.now(), 'f');
  const second = after(start, seconds(1));
  t.truthy(await ask(second));
  t.is(await ask(after(start, millis(1500))), undefined);
});

test('an Event that a refused wake is told by once more, after it was found, says nothing about the one that follows at once', async (t) => {
  const { clock, refused, tell, ask } = scene();
  tell(start);
  t.truthy(await ask(start));
  // The controller had not heard of the end of the wake yet.
  tell(clock.now());
  await clock.advance(millis(700));
  const since = clock.now();
  t.is(await ask(since), undefined);
  tell(clock.now());
  await clock.advance(seconds(1));
  refused.why(record, since, clock.now());
  await clock.advance(millis(0));
  t.truthy(refused.why(record, since, clock.now()), 'it is refused again');
});

test('while nothing is found, Events are asked for less and less often', async (t) => {
  const { clock, asked, refused } = scene();
  for (let tick = 0; tick < 60; tick++) {
    refused.why(record, start, clock.now());
    await clock.advance(millis(1000));
  }
  t.true(asked.length >= 6 && asked.length <= 7, String(asked.length));
});
