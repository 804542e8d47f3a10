import test from 'ava';
import { millis, seconds, workloadKey } from '../core/index.ts';
import { hello, viewOf } from './testing/views.ts';
import { world, type World } from './testing/world.ts';

const asleep = async (): Promise<World> => {
  const scene = await world((cluster, load) => {
    cluster.put(viewOf());
    load.quiet = true;
  });
  await scene.advance(seconds(10));
  return scene;
};

/** Looks at `hello` so far: each is a decision. */
const looks = ({ scaler }: World): number => scaler.decided.explain('default', 'hello')?.journal.reduce((sum, { times }) => sum + times, 0) ?? 0;

test('a workload that sleeps is decided once in half a minute', async (t) => {
  const scene = await asleep();
  const before = looks(scene);
  await scene.advance(seconds(300));
  t.is(looks(scene) - before, 10);
  scene.stop();
});

test('load that is heard of ends its rest', async (t) => {
  const scene = await asleep();
  Object.assign(scene.load, { quiet: false, held: 1 });
  await scene.advance(seconds(2));
  t.is(scene.cluster.view.specReplicas, 1);
  scene.stop();
});

test('so does a poke, at once', async (t) => {
  const scene = await asleep();
  scene.scaler.poke({ workload: hello, held: 1, oldestHeldMs: 0 });
  await scene.advance(millis(0));
  t.is(scene.cluster.view.specReplicas, 1);
  scene.stop();
});

test('so does a change of its settings, and of its count', async (t) => {
  const scene = await asleep();
  scene.cluster.annotate({ 'rouse.dev/min-scale': '2' });
  await scene.advance(seconds(2));
  t.is(scene.cluster.view.specReplicas, 2);
  scene.stop();
});

test('it rests again after it was awake, whatever was remembered meanwhile', async (t) => {
  const scene = await asleep();
  Object.assign(scene.load, { quiet: false, held: 1, inFlight: 1, concurrency: 1 });
  await scene.advance(seconds(10));
  Object.assign(scene.load, { held: 0, inFlight: 0, concurrency: 0 });
  await scene.advance(seconds(120));
  t.is(scene.cluster.view.specReplicas, 0);
  scene.load.quiet = true;
  await scene.advance(seconds(60));
  const before = looks(scene);
  await scene.advance(seconds(300));
  t.is(looks(scene) - before, 10);
  scene.stop();
});

const dependent: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['a schedule', { schedule: '[{days: mon-sun, from: "18:00", to: "19:00", min: 1, timezone: UTC}]' }],
  ['a formula', { formula: 'concurrency / 10' }],
  ['an HPA that may come', { 'adopt-hpa': 'true' }],
  ['what pods use', { metric: 'concurrency,cpu', target: 'concurrency=10,cpu=70%' }],
  ['a budget', {}],
];
for (const [what, said] of dependent)
  test(`one that depends on ${what} is looked at every two seconds`, async (t) => {
    const settings = Object.entries(said).map(([name, value]) => [`rouse.dev/${name}`, value] as const);
    const scene = await world((cluster, load) => {
      cluster.put(viewOf({ annotations: { 'rouse.dev/enabled': 'true', ...Object.fromEntries(settings) } }));
      if (what === 'a budget') cluster.configure({ budget: '{pods: 5}' });
      load.quiet = true;
    });
    await scene.advance(seconds(10));
    t.deepEqual(scene.registry.get(hello)?.problems, []);
    const before = looks(scene);
    await scene.advance(seconds(60));
    t.is(looks(scene) - before, 30);
    scene.stop();
  });

test('one whose set-up fails is looked at until it is done, and one with an override until that ends', async (t) => {
  let failures = 2;
  const scene = await world((cluster, load) => {
    cluster.put(viewOf());
    load.quiet = true;
    const { list } = cluster.client;
    Object.assign(cluster.client, { list: (...call: Parameters<typeof list>) => (failures-- > 0 ? Promise.reject(new Error('away')) : list(...call)) });
  });
  const isSetUp = (): boolean => 'rouse.dev/state' in scene.cluster.view.annotations;
  await scene.advance(seconds(19));
  t.false(isSetUp());
  await scene.advance(seconds(2));
  t.true(isSetUp(), 'ten seconds after the second failure');
  await scene.advance(seconds(60));
  scene.cluster.annotate({ 'rouse.dev/manual-override': '20s' });
  scene.cluster.scaleByHand(0);
  await scene.advance(seconds(23));
  t.deepEqual(
    scene.events.map(({ type }) => type),
    ['overridden', 'override-ended'],
  );
  scene.stop();
});

test('those that sleep are looked at in turn, some at each tick', async (t) => {
  const names = Array.from({ length: 45 }, (_, index) => `sleeper-${String(index)}`);
  const scene = await world((cluster, load) => {
    for (const name of names) cluster.put(viewOf({ name, uid: `uid-${name}`, selector: { matchLabels: { app: name }, matchExpressions: [] } }));
    load.quiet = true;
  });
  await scene.advance(seconds(60));
  const all = (): number => names.reduce((sum, name) => sum + (scene.scaler.decided.explain('default', name)?.journal[0]?.times ?? 0), 0);
  for (let tick = 0; tick < 20; tick += 1) {
    const before = all();
    await scene.advance(seconds(2));
    const looked = all() - before;
    t.true(looked >= 1 && looked <= 6, String(looked));
  }
  scene.stop();
});

test('workloads that are decided alike at one moment share the decision', async (t) => {
  const scene = await world((cluster) => {
    cluster.put(viewOf());
    for (const name of ['one', 'two']) cluster.put(viewOf({ name, uid: `uid-${name}`, selector: { matchLabels: { app: name }, matchExpressions: [] } }));
    cluster.put(viewOf({ name: 'other', uid: 'uid-other', annotations: { 'rouse.dev/enabled': 'true', 'rouse.dev/target': '7' } }));
  });
  await scene.advance(seconds(4));
  const of = (name: string) =>
    scene.scaler.decided.workloads().find(({ key }) => key === workloadKey({ resource: 'deployments.apps', namespace: 'default', name }))?.decision;
  t.truthy(of('one'));
  t.is(of('one'), of('two'));
  t.not(of('one'), of('other'));
  scene.stop();
});
