import test from 'ava';
import type { ScalerEvent } from '../../src/scaler/index.ts';
import { startLoad } from '../support/load.ts';
import { startTestLocal, type TestApp, type TestLocal } from '../support/local.ts';
import { until } from '../support/until.ts';

let rouse: TestLocal;
test.before(async () => {
  rouse = await startTestLocal();
});
test.after.always(() => rouse.close());

interface Slept {
  readonly pod: string;
  /** The most requests that the pod has had at once so far. */
  readonly most: number;
}

const slept = async (app: TestApp, ms: number): Promise<Slept> => {
  const { status, text } = await app.get(`/sleep?ms=${ms}`);
  if (status !== 200) throw new Error(`${status}: ${text}`);
  return JSON.parse(text) as Slept;
};

test('a burst scales to N by concurrency, and the window takes it back down to zero step by step', async (t) => {
  const app = await rouse.run('burst', {
    annotations: {
      'rouse.dev/enabled': 'true',
      'rouse.dev/window': '6s',
      'rouse.dev/target': '5',
      'rouse.dev/target-utilization-percentage': '100',
      'rouse.dev/max-scale': '4',
    },
  });
  // Long requests, and none in step with the others: what a busy machine adds between two of them must not show as load that falls.
  const burst = startLoad(t, 24, () => slept(app, 2000 + Math.round(Math.random() * 2000)));
  await app.reach(4);
  const before = burst.answers.length;
  await until('all four pods answer', () => new Set(burst.answers.slice(before).map(({ pod }) => pod)).size === 4);
  const ended = performance.now();
  // Before the load ends: while its last requests end, the count may begin to fall.
  const rises = app.events().filter((event) => event.type === 'scaled');
  t.true(
    rises.every(({ from, to }) => to > from),
    JSON.stringify([rises, rouse.local.controller.scaler.decided.explain('default', 'burst')?.decisions]),
  );
  await burst.stop();

  await app.reach(0);
  t.true(performance.now() - ended >= 6000, 'no sooner than the window');
  const falls = app
    .events()
    .filter((event) => event.type === 'scaled')
    .slice(rises.length);
  t.true(
    falls.every(({ from, to }) => to < from && to >= Math.floor(from / 2)),
    `never more than half of it at once: ${JSON.stringify(falls)}`,
  );
  t.deepEqual([falls[0]?.from, falls.at(-1)?.to], [4, 0]);
});

test('a scale-in under load fails no request', async (t) => {
  const app = await rouse.run('shrinking', {
    annotations: { 'rouse.dev/enabled': 'true', 'rouse.dev/window': '6s', 'rouse.dev/min-scale': '3', 'rouse.dev/max-scale-down-rate': '3' },
  });
  await app.reach(3);
  const load = startLoad(t, 8, () => slept(app, 5));
  await until('all three pods answer', () => new Set(load.answers.map(({ pod }) => pod)).size === 3);
  const answer = await rouse.api.patch('/apis/apps/v1/namespaces/default/deployments/shrinking', { metadata: { annotations: { 'rouse.dev/min-scale': '1' } } });
  t.is(answer.status, 200, JSON.stringify(answer.body));
  await app.reach(1);
  await t.notThrowsAsync(load.stop());
});

test('with one request per pod each waits for a pod of its own, and all are answered', async (t) => {
  const app = await rouse.run('single', {
    annotations: { 'rouse.dev/enabled': 'true', 'rouse.dev/window': '6s', 'rouse.dev/container-concurrency': '1', 'rouse.dev/max-scale': '3' },
  });
  // Until the last pod has started too: those that are there could have answered a dozen before that.
  const load = startLoad(t, 12, () => slept(app, 250));
  await until('each of three pods answers', () => new Set(load.answers.map(({ pod }) => pod)).size === 3);
  const answers = await load.stop();
  t.deepEqual(
    answers.filter(({ most }) => most !== 1),
    [],
  );
  t.is(new Set(answers.map(({ pod }) => pod)).size, 3);
});

test('thirty workloads at once, each woken by a request of its own', async (t) => {
  const names = Array.from({ length: 30 }, (_, index) => `many-${index}`);
  const apps = await Promise.all(names.map((name) => rouse.run(name)));
  t.deepEqual(new Set(await Promise.all(apps.map((app) => app.replicas()))), new Set([0]));
  const answers = await Promise.all(apps.map((app) => app.get(`/${app.name}`)));
  for (const [index, { status, text }] of answers.entries()) {
    t.is(status, 200, text);
    const { url, pod } = JSON.parse(text) as { url: string; pod: string };
    t.is(url, `/${names[index]}`);
    t.true(pod.startsWith(`${names[index]}-`), pod);
  }
  const told = (): readonly ScalerEvent[] => apps.flatMap((app) => app.events().filter((event) => event.type === 'scaled' && event.to > 0));
  // A first byte may be there before the answer to the write that made it possible.
  await until('each wake is told', () => told().length >= 30);
  const wakes = told();
  t.deepEqual([wakes.length, new Set(wakes.map(({ workload }) => workload)).size], [30, 30], 'each woken once, to one pod');
  await Promise.all(apps.map((app) => app.reach(0)));
});
