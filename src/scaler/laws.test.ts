import test from 'ava';
import fc from 'fast-check';
import { millis } from '../core/index.ts';
import type { FakeCluster } from './testing/fake-cluster.ts';
import { hello, viewOf } from './testing/views.ts';
import { world, type World } from './testing/world.ts';

/** What may happen to a workload, in any order. */
type Step =
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'load'; readonly concurrency: number; readonly held: number }
  | { readonly type: 'poke'; readonly held: number }
  | { readonly type: 'by-hand'; readonly replicas: number }
  | { readonly type: 'apply'; readonly replicas: number }
  | { readonly type: 'refusal'; readonly kind: 'conflict' | 'too-many-requests' | 'unavailable' }
  | { readonly type: 'path' | 'warm' | 'ready'; readonly on: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 30_000 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('load' as const),
      concurrency: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2000 })),
      held: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 50 })),
    }),
  },
  fc.record({ type: fc.constant('poke' as const), held: fc.integer({ min: 0, max: 100 }) }),
  fc.record({ type: fc.constant('by-hand' as const), replicas: fc.integer({ min: 0, max: 8 }) }),
  fc.record({ type: fc.constant('apply' as const), replicas: fc.integer({ min: 0, max: 9 }) }),
  fc.record({ type: fc.constant('refusal' as const), kind: fc.constantFrom('conflict', 'too-many-requests', 'unavailable') }),
  fc.record({ type: fc.constantFrom('path', 'warm', 'ready'), on: fc.boolean() }),
);

const take = async (step: Step, { cluster, load, path, scaler, advance }: World): Promise<void> => {
  switch (step.type) {
    case 'wait':
      await advance(millis(step.ms));
      return;
    case 'load':
      [load.concurrency, load.held, load.inFlight] = [step.concurrency, step.held, step.concurrency];
      return;
    case 'poke':
      scaler.poke({ workload: hello, held: step.held, oldestHeldMs: 0 });
      await advance(millis(0));
      return;
    case 'by-hand':
      cluster.scaleByHand(step.replicas);
      return;
    case 'apply':
      cluster.applyPastWebhook(step.replicas);
      return;
    case 'refusal':
      cluster.refusals.push(step.kind);
      return;
    case 'path':
      path.ready = step.on;
      return;
    case 'warm':
      load.warm = step.on;
      return;
    case 'ready':
      cluster.podsGetReady = step.on;
      cluster.setPods({ ready: step.on });
  }
};

const annotations = {
  'rouse.dev/enabled': 'true',
  'rouse.dev/window': '6s',
  'rouse.dev/max-scale': '8',
  'rouse.dev/manual-override': '20s',
  'rouse.dev/state': '{"v":1,"replicasBefore":2}',
};
const begin = async (more: Readonly<Record<string, string>> = {}): Promise<World> =>
  world((cluster: FakeCluster) => {
    cluster.put(viewOf({ annotations: { ...annotations, ...more }, specReplicas: 2 }));
  });

/** Runs the steps, and `holds` after each write of a count. */
const law = async (steps: readonly Step[], holds: (replicas: number, w: World) => boolean, more?: Readonly<Record<string, string>>): Promise<boolean> => {
  const w = await begin(more);
  let fine = true;
  const { writeScale } = w.cluster.client;
  Object.assign(w.cluster.client, {
    writeScale: (...call: Parameters<typeof writeScale>) => {
      fine &&= holds(call[2], w);
      return writeScale(...call);
    },
  });
  for (const each of steps) await take(each, w);
  w.stop();
  return fine;
};

const steps = fc.array(step, { maxLength: 25 });

test('never to zero with work in flight or held, whatever happens', async (t) => {
  await fc.assert(
    fc.asyncProperty(steps, (all) => law(all, (replicas, { load }) => replicas > 0 || (load.inFlight === 0 && load.held === 0))),
    { numRuns: 200 },
  );
  t.pass();
});

test('never above max-scale, whatever happens', async (t) => {
  await fc.assert(
    fc.asyncProperty(steps, (all) => law(all, (replicas) => replicas <= 8)),
    { numRuns: 100 },
  );
  t.pass();
});

test('mode observe never writes a count, whatever happens', async (t) => {
  await fc.assert(
    fc.asyncProperty(steps, (all) => law(all, () => false, { 'rouse.dev/mode': 'observe' })),
    { numRuns: 60 },
  );
  t.pass();
});

test('once everything is calm the count is what is needed, whatever happened before', async (t) => {
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 0, max: 2000 }), async (all, concurrency) => {
      const w = await begin();
      for (const each of all) await take(each, w);
      w.cluster.refusals.length = 0;
      [w.load.concurrency, w.load.held, w.load.inFlight, w.load.warm, w.path.ready] = [concurrency, 0, 0, true, true];
      w.cluster.podsGetReady = true;
      w.cluster.setPods({ ready: true });
      await w.advance(millis(120_000));
      w.stop();
      return w.cluster.view.specReplicas === Math.min(8, Math.ceil(concurrency / 70));
    }),
    { numRuns: 80 },
  );
  t.pass();
});
