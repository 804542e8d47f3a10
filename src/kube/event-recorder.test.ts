import test from 'ava';
import { instant, ManualClock, millis, seconds, seededRandom, silentLogger } from '../core/index.ts';
import { MemoryApi, type MemoryClient } from '../../test/support/memory-kube-client.ts';
import { createEventRecorder, type EventLimits, type EventRecorder, type EventSubject } from './index.ts';

const web: EventSubject = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'default', name: 'web', uid: 'u1' };

interface Scene {
  readonly clock: ManualClock;
  readonly client: MemoryClient;
  readonly recorder: EventRecorder;
  readonly stop: () => Promise<void>;
  /** `reason xCOUNT: message` of each Event object. */
  readonly written: () => readonly string[];
  readonly api: MemoryApi;
}

const scene = (limits: Partial<EventLimits> = {}): Scene => {
  const clock = new ManualClock(instant(Date.UTC(2030, 0, 1)));
  const api = new MemoryApi();
  const client = api.client();
  const recorder = createEventRecorder({ client, clock, random: seededRandom(1), logger: silentLogger, instance: 'pod-1', limits });
  const ending = new AbortController();
  const running = recorder.run(ending.signal);
  return {
    clock,
    api,
    client,
    recorder,
    stop: async () => {
      ending.abort();
      await running;
    },
    written: () => {
      const events = api.all('Event') as unknown as readonly { readonly reason: string; readonly count: number; readonly message: string }[];
      return events.map(({ reason, count, message }) => `${reason} x${String(count)}: ${message}`);
    },
  };
};

test('an event says who speaks about what, in the form that kubectl describe looks for', async (t) => {
  const { clock, api, recorder, stop } = scene();
  recorder.record(web, { type: 'Normal', reason: 'Woken', message: '0 → 1: a request is waiting' });
  await clock.advance(millis(200));
  const [event] = api.all('Event');
  const { metadata, ...rest } = event as unknown as { readonly metadata: { readonly namespace: string; readonly name: string } };
  t.deepEqual(rest, {
    apiVersion: 'v1',
    kind: 'Event',
    involvedObject: web,
    type: 'Normal',
    reason: 'Woken',
    message: '0 → 1: a request is waiting',
    count: 1,
    firstTimestamp: '2030-01-01T00:00:00Z',
    lastTimestamp: '2030-01-01T00:00:00Z',
    source: { component: 'rouse', host: 'pod-1' },
    reportingComponent: 'rouse',
    reportingInstance: 'pod-1',
  } as never);
  t.is(metadata.namespace, 'default');
  t.regex(metadata.name, /^web\.[0-9a-f]{12,}$/);
  await stop();
});

test('the same event again is counted, not written again', async (t) => {
  const { clock, recorder, written, stop, api } = scene();
  for (let round = 0; round < 5; round++) {
    recorder.record(web, { type: 'Warning', reason: 'Refused', message: 'bad value' });
    await clock.advance(seconds(10));
  }
  recorder.record({ ...web, name: 'other', uid: 'u2' }, { type: 'Warning', reason: 'Refused', message: 'bad value' });
  await clock.advance(millis(200));
  t.deepEqual(written(), ['Refused x5: bad value', 'Refused x1: bad value']);
  t.is((api.all('Event')[0] as unknown as { lastTimestamp: string }).lastTimestamp, '2030-01-01T00:00:40Z');
  await stop();
});

test('many messages that differ become one combined event', async (t) => {
  const { clock, recorder, written, stop } = scene();
  for (let round = 0; round < 15; round++) {
    recorder.record(web, { type: 'Normal', reason: 'Scaled', message: `to ${String(round)}` });
    await clock.advance(millis(200));
  }
  t.is(written().length, 10);
  t.is(written().at(-1), 'Scaled x6: (combined from similar events): to 14');
  await stop();
});

test('an object that says too much is cut short; others are not', async (t) => {
  const { clock, recorder, written, stop } = scene({ burst: 3, refillSeconds: 60 });
  for (let round = 0; round < 10; round++) recorder.record(web, { type: 'Normal', reason: `R${String(round)}`, message: 'm' });
  recorder.record({ ...web, uid: 'u2' }, { type: 'Normal', reason: 'Other', message: 'm' });
  await clock.advance(millis(200));
  t.deepEqual(written(), ['R0 x1: m', 'R1 x1: m', 'R2 x1: m', 'Other x1: m']);
  t.is(recorder.dropped(), 7);
  await clock.advance(seconds(61));
  recorder.record(web, { type: 'Normal', reason: 'Later', message: 'm' });
  await clock.advance(millis(200));
  t.is(written().at(-1), 'Later x1: m');
  await stop();
});

test('a series whose Event object has expired goes on under a new one', async (t) => {
  const { clock, recorder, written, api, stop } = scene();
  recorder.record(web, { type: 'Normal', reason: 'Woken', message: 'm' });
  await clock.advance(millis(200));
  for (const { metadata } of api.all('Event')) api.remove('Event', 'default', metadata.name ?? '');
  recorder.record(web, { type: 'Normal', reason: 'Woken', message: 'm' });
  await clock.advance(millis(200));
  t.deepEqual(written(), ['Woken x2: m']);
  await stop();
});

test('a short outage delays events; a long one, or a refusal, drops them', async (t) => {
  const { clock, client, recorder, written, stop } = scene();
  client.fault = () => 'unavailable';
  recorder.record(web, { type: 'Normal', reason: 'Woken', message: 'm' });
  await clock.advance(millis(400));
  client.fault = () => undefined;
  await clock.advance(seconds(2));
  t.deepEqual(written(), ['Woken x1: m']);
  client.fault = () => 'unavailable';
  recorder.record(web, { type: 'Normal', reason: 'Long', message: 'm' });
  for (let second = 0; second < 10; second++) await clock.advance(seconds(1));
  t.is(recorder.dropped(), 1);
  client.fault = () => 'forbidden';
  recorder.record(web, { type: 'Normal', reason: 'Forbidden', message: 'm' });
  await clock.advance(millis(200));
  t.is(recorder.dropped(), 2);
  await stop();
});

test('the queue is bounded, a waiting count is overtaken by a newer one, and what is left is written at the end', async (t) => {
  const { clock, client, recorder, written, stop } = scene({ burst: 100_000 });
  client.fault = () => 'hang';
  recorder.record({ ...web, uid: 'first' }, { type: 'Normal', reason: 'First', message: 'm' });
  await clock.advance(millis(200));
  for (let round = 0; round < 3; round++) recorder.record(web, { type: 'Normal', reason: 'Same', message: 'm' });
  for (let index = 0; index < 1500; index++)
    recorder.record({ ...web, uid: `u${String(index)}`, name: `o${String(index)}` }, { type: 'Normal', reason: 'Many', message: 'm' });
  t.is(recorder.dropped(), 501);
  client.fault = () => undefined;
  await stop();
  t.is(written().length, 1001);
  t.true(written().includes('Same x3: m'));
});

test('a long message and a long name are cut to what the API takes', async (t) => {
  const { clock, api, recorder, stop } = scene();
  recorder.record({ ...web, name: 'n'.repeat(253) }, { type: 'Normal', reason: 'Long', message: 'x'.repeat(5000) });
  await clock.advance(millis(200));
  const [event] = api.all('Event') as unknown as readonly { readonly message: string; readonly metadata: { readonly name: string } }[];
  t.is(event?.message.length, 1024);
  t.is(event?.metadata.name.length, 253);
  await stop();
});
