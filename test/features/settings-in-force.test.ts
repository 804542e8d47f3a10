import test from 'ava';
import { annotation } from '../../src/core/index.ts';
import { resources } from '../../src/kube/index.ts';
import { deployment } from '../support/app.ts';
import { eventsAbout } from '../support/events.ts';
import { seriesOf } from '../support/exposition.ts';
import { kubectl, type Kubectl, type Manifest } from '../support/kubectl.ts';
import { startLoad } from '../support/load.ts';
import { startTestLocal, type TestLocal } from '../support/local.ts';
import { until } from '../support/until.ts';

let rouse: TestLocal;
let user: Kubectl;
test.before(async () => {
  rouse = await startTestLocal();
  user = kubectl(rouse);
});
test.after.always(async () => {
  await user.close();
  await rouse.close();
});

const on = { [annotation.enabled]: 'true', 'rouse.dev/window': '6s' };
const named = (name: string): Manifest => deployment(name) as Manifest;

interface Status {
  readonly v: number;
  readonly desired: number;
  readonly reason: string;
  readonly since: string;
}

const statusOf = (annotations: Readonly<Record<string, string>> | undefined): Status | undefined =>
  annotations?.[annotation.status] === undefined ? undefined : (JSON.parse(annotations[annotation.status] ?? '') as Status);
const status = async (name: string): Promise<Status | undefined> => statusOf((await user.get(named(name))).metadata.annotations);

/** Looks of the scaler at a workload so far. */
const looks = async (name: string): Promise<number> =>
  (await seriesOf(rouse, name)).filter((line) => line.startsWith('rouse_decisions_total')).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);

/** Waits until the scaler has looked `count` times more. */
const afterLooks = async (name: string, count: number): Promise<void> => {
  const from = await looks(name);
  await until(`${count} more looks at ${name}`, async () => (await looks(name)) >= from + count);
};

const podUids = async (name: string): Promise<readonly string[]> => (await rouse.pods(name)).map(({ metadata }) => metadata.uid);

test('mode observe points and meters the traffic, publishes what it would do, and never writes the count', async (t) => {
  const app = await rouse.run('observed', { replicas: 1, annotations: { ...on, 'rouse.dev/mode': 'observe', 'rouse.dev/min-scale': '2' } });
  const { text } = await app.get();
  t.true('x-forwarded-for' in (JSON.parse(text) as { readonly headers: object }).headers, 'through the gateway');
  await until('it is published', async () => (await status('observed'))?.reason === 'observe');
  t.like(await status('observed'), { v: 1, desired: 2, reason: 'observe' });
  const told = await until('it is told', () => app.events().find((event) => event.type === 'would-scale'));
  t.like(told, { from: 1, to: 2 });
  await until('the request is metered', async () =>
    (await seriesOf(rouse, 'observed')).some((line) => /^rouse_gateway_requests_total\{.*code="200".*\} 1$/.test(line)),
  );
  // Idle for longer than the window: in mode enforce the count would change twice by now.
  await afterLooks('observed', 5);
  const { spec, metadata } = await user.get(named('observed'));
  t.is(spec.replicas, 1);
  t.false(
    metadata.managedFields.some(({ manager, subresource }) => manager === 'rouse' && subresource === 'scale'),
    'nobody wrote /scale',
  );

  t.is((await user.annotate(named('observed'), { 'rouse.dev/mode': null })).status, 200);
  await app.reach(2);
});

test('a paused workload answers held requests at once with the reason, stays as it is, and goes on when the pause is over', async (t) => {
  const app = await rouse.run('paused', { annotations: { ...on, 'rouse.dev/pause': 'true' } });
  const from = performance.now();
  const refused = await app.get();
  t.true(performance.now() - from < 10_000, 'not at hold-timeout');
  t.is(refused.status, 503);
  t.like(JSON.parse(refused.text), { code: 'wake-failed', reason: 'paused' });
  t.is(await app.replicas(), 0);

  await user.annotate(named('paused'), { 'rouse.dev/pause': 'down' });
  await until('it wakes', async () => (await app.get()).status === 200);
  t.is(await app.replicas(), 1);
  // Paused altogether before, it was so at zero.
  await until(
    'it is idle and may not go down',
    async () => {
      const now = await status('paused');
      return now?.reason === 'paused' && now.desired === 1;
    },
    45_000,
    () => status('paused'),
  );
  await afterLooks('paused', 2);
  t.is(await app.replicas(), 1);
  await user.annotate(named('paused'), { 'rouse.dev/pause': null });
  await app.reach(0);
});

test('min-scale and max-scale apply live, and restart no pod', async (t) => {
  const app = await rouse.run('bounded', { annotations: { ...on, 'rouse.dev/min-scale': '1' } });
  await app.reach(1);
  const [first = ''] = await podUids('bounded');
  await user.annotate(named('bounded'), { 'rouse.dev/min-scale': '3' });
  await app.reach(3);
  const three = await podUids('bounded');
  t.true(three.includes(first));
  await user.annotate(named('bounded'), { 'rouse.dev/min-scale': '2', 'rouse.dev/max-scale': '2' });
  await app.reach(2);
  const two = await podUids('bounded');
  t.true(two.every((uid) => three.includes(uid)));
  t.is(
    rouse.local.cluster.api.api.list(resources.replicaSets, 'default').filter(({ metadata }) => metadata.name.startsWith('bounded-')).length,
    1,
    'no rollout',
  );
});

test("policy kpa wakes, scales with the load and goes back to zero by Knative's rules", async (t) => {
  const app = await rouse.run('knative', {
    annotations: { ...on, 'rouse.dev/policy': 'kpa', 'rouse.dev/target': '1', 'rouse.dev/target-utilization-percentage': '100', 'rouse.dev/max-scale': '2' },
  });
  const load = startLoad(t, 2, () => app.get('/sleep?ms=2000'));
  await until(
    'it has two pods',
    () => app.events().some((event) => event.type === 'scaled' && event.to === 2),
    45_000,
    () => app.events(),
  );
  t.deepEqual(new Set((await load.stop()).map(({ status: code }) => code)), new Set([200]));
  await app.reach(0);
});

test('a schedule that holds now is a floor, and an Event says so', async (t) => {
  const app = await rouse.run('scheduled', {
    annotations: { ...on, 'rouse.dev/schedule': '[{days: daily, from: "00:00", to: "24:00", timezone: Europe/Vienna, min: 2}]' },
  });
  await app.reach(2);
  const { uid } = (await user.get(named('scheduled'))).metadata;
  const event = await until('it is an Event', async () => (await eventsAbout(rouse, uid)).find(({ reason }) => reason === 'schedule'));
  t.is(event.message, '0 → 2: a schedule sets the floor or the ceiling');
  await user.annotate(named('scheduled'), { 'rouse.dev/schedule': null });
  await app.reach(0);
});

test('every transition is an Event, and rouse.dev/status is written on change only', async (t) => {
  const written: Status[] = [];
  const stop = rouse.local.cluster.api.api.watch(resources.deployments, ({ object }) => {
    const seen = object.metadata.name === 'told' ? statusOf(object.metadata.annotations) : undefined;
    if (seen !== undefined && JSON.stringify(seen) !== JSON.stringify(written.at(-1))) written.push(seen);
  });
  t.teardown(stop);
  const app = await rouse.run('told');
  t.is((await app.get()).status, 200);
  await app.reach(0);
  await until('the end is published', async () => (await status('told'))?.desired === 0);
  const { uid, resourceVersion } = (await user.get(named('told'))).metadata;
  // Of looks at one that sleeps most are spared: another one tells that they go on.
  await rouse.run('awake', { annotations: { ...on, 'rouse.dev/min-scale': '1' } });
  await afterLooks('awake', 4);
  t.is((await user.get(named('told'))).metadata.resourceVersion, resourceVersion, 'a workload at rest is not written');

  for (const [index, one] of written.entries()) {
    const before = written[index - 1];
    if (before === undefined) continue;
    t.notDeepEqual([one.desired, one.reason], [before.desired, before.reason], JSON.stringify(written));
  }
  const events = await eventsAbout(rouse, uid);
  for (const reason of ['onboarded', 'ServiceTakenOver', 'wake-request', 'idle'])
    t.true(
      events.some((event) => event.reason === reason && event.type === 'Normal'),
      `${reason}: ${JSON.stringify(events.map((event) => [event.reason, event.message]))}`,
    );
  // The same again is counted, not written again.
  t.is((await app.get()).status, 200);
  await until('the second wake is told', async () => (await eventsAbout(rouse, uid)).some(({ reason, count }) => reason === 'wake-request' && count === 2));
  t.is((await eventsAbout(rouse, uid)).filter(({ reason }) => reason === 'wake-request').length, 1);
});
