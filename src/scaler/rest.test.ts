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
const looks = ({ scaler }: World): number => scaler.explain('default', 'hello')?.journal.reduce((sum, { times }) => sum + times, 0) ?? 0;

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

test('whose looks depend on time or on others is looked at every two seconds', async (t) => {
  for (const annotation of ['rouse.dev/formula', 'rouse.dev/fallback-scale'] as const) {
    const scene = await world((cluster, load) => {
      cluster.put(viewOf({ annotations: { 'rouse.dev/enabled': 'true', [annotation]: annotation === 'rouse.dev/formula' ? 'concurrency / 10' : '0' } }));
      load.quiet = true;
    });
    await scene.advance(seconds(10));
    const before = looks(scene);
    await scene.advance(seconds(60));
    t.true(looks(scene) - before >= 30, annotation);
    scene.stop();
  }
});

test('workloads that are decided alike at one moment share the decision', async (t) => {
  const scene = await world((cluster) => {
    cluster.put(viewOf());
    for (const name of ['one', 'two']) cluster.put(viewOf({ name, uid: `uid-${name}`, selector: { matchLabels: { app: name }, matchExpressions: [] } }));
    cluster.put(viewOf({ name: 'other', uid: 'uid-other', annotations: { 'rouse.dev/enabled': 'true', 'rouse.dev/target': '7' } }));
  });
  await scene.advance(seconds(4));
  const of = (name: string) =>
    scene.scaler.workloads().find(({ key }) => key === workloadKey({ resource: 'deployments.apps', namespace: 'default', name }))?.decision;
  t.truthy(of('one'));
  t.is(of('one'), of('two'));
  t.not(of('one'), of('other'));
  scene.stop();
});
