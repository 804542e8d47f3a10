import test from 'ava';
import fc from 'fast-check';
import { after, instant, millis, pods, type Decision, type Observation } from '../../core/index.ts';
import { decide, initialState } from '../../decider/index.ts';
import { LoadWindow } from '../../metrics/index.ts';
import { CommandError, exitCode } from '../exit-code.ts';
import { parseManifests } from '../manifests.ts';
import { contestants } from './contestant.ts';
import { builtInLoad, builtInLoads, type Load } from './loads.ts';
import { notSimulated } from './not-simulated.ts';
import { pngOf } from './png.ts';
import { sceneOf } from './read-scene.ts';
import { run } from './run.ts';
import { loadBeginsAt, type Scene } from './scene.ts';
import { summaryTable } from './summary.ts';
import { svgPlot } from './svg-plot.ts';
import { terminalPlot } from './terminal-plot.ts';

const manifest = (annotations: Readonly<Record<string, string>>, replicas = 1): string =>
  JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'shop', annotations }, spec: { replicas, template: {} } });

const sceneWith = (
  load: Load,
  annotations: Readonly<Record<string, string>> = {},
  flags: { readonly seed?: number; readonly startTime?: string } = {},
  replicas = 1,
): Promise<Scene> =>
  sceneOf(
    parseManifests(manifest({ 'rouse.dev/target': '10', 'rouse.dev/container-concurrency': '10', ...annotations }, replicas), 'shop.yaml'),
    'shop.yaml',
    load,
    {
      seed: 1,
      startTime: '2s..6s',
      serviceTime: '400ms',
      ...flags,
    },
  );

const load = (...stretches: readonly (readonly [seconds: number, concurrency: number])[]): Load => ({
  name: 'test',
  unit: 'concurrency',
  perSecond: stretches.flatMap(([seconds, concurrency]) => Array.from({ length: seconds }, () => concurrency)),
});

test('no request is lost: what arrived was answered or refused, or is held or in a pod in the end', async (t) => {
  const loads = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.constantFrom(0, 0.1, 3, 30, 120)), { minLength: 1, maxLength: 4 });
  const limits = fc.constantFrom('1', '10', '0');
  const times = fc.constantFrom('0s', '1s', '60s');
  await fc.assert(
    fc.asyncProperty(loads, limits, times, fc.constantFrom('0', '50'), fc.integer({ min: 0, max: 99 }), async (stretches, limit, timeout, depth, seed) => {
      const annotations = { 'rouse.dev/container-concurrency': limit, 'rouse.dev/hold-timeout': timeout, 'rouse.dev/hold-queue-depth': depth };
      const scene = await sceneWith(load(...stretches), depth === '0' || timeout === '0s' ? { ...annotations, 'rouse.dev/min-scale': '1' } : annotations, {
        seed,
      });
      const arrived = new Set<number>();
      for (const name of contestants) {
        const { fates } = await run(scene, name);
        t.is(fates.answered + fates.refused + fates.held + fates.inPods, fates.arrived, name);
        arrived.add(fates.arrived);
      }
      t.is(arrived.size, 1, 'every contestant had the same requests');
    }),
    { numRuns: 6 },
  );
});

test('the same seed gives the same picture to the byte, another seed another', async (t) => {
  const picture = async (seed: number): Promise<string> => {
    const scene = await sceneWith(load([20, 5], [40, 60], [20, 0]), {}, { seed });
    const outcomes = [];
    for (const name of contestants) outcomes.push(await run(scene, name));
    return [...terminalPlot(outcomes), ...summaryTable(outcomes), svgPlot('test', outcomes)].join('\n');
  };
  const first = await picture(1);
  t.is(await picture(1), first);
  t.not(await picture(2), first);
});

test('the table has a line for each contestant: held seconds, pod-hours, waits in a unit that fits, changes, and what became of the requests', (t) => {
  const fates = { arrived: 105, answered: 100, refused: 2, held: 1, inPods: 2 };
  const wait = { mean: 12.4, p99: 1234, worst: 61_040 };
  const outcome = { name: 'hpa', samples: [], fates, heldSeconds: 12.34, podSeconds: 5400, spareSeconds: 1800, wait, changes: 3 } as const;
  t.deepEqual(
    summaryTable([outcome]).map((line) => line.split(/ {2,}/)),
    [
      ['policy', 'held request-s', 'pod-hours', 'spare pod-hours', 'mean wait', 'p99 wait', 'worst wait', 'changes', 'answered', 'refused'],
      ['HPA (model)', '12.3', '1.50', '0.50', '12 ms', '1.23 s', '61.0 s', '3', '100', '2'],
    ],
  );
});

test('the picture is an SVG with every series of every contestant, and can be made a PNG', async (t) => {
  const scene = await sceneWith(load([10, 5], [20, 60]));
  const outcomes = await Promise.all(contestants.map((name) => run(scene, name)));
  const svg = svgPlot('a < b & "c"', outcomes);
  for (const name of contestants)
    for (const series of ['requests', 'held', 'capacity', 'pods', 'desired']) t.regex(svg, new RegExp(`<path id="${name}-${series}" d="M[\\d. LMZ]+"`));
  t.false(/NaN|Infinity|undefined/.test(svg));
  // The library reads it as XML and throws where it is none.
  const png = await pngOf(svg);
  t.deepEqual([...png.slice(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
  await t.throwsAsync(pngOf(svg.replace('</g>', '')));
});

test('under kpa every tick gives what the windows and decide give by themselves for the same seconds', async (t) => {
  const decisions: Decision[] = [];
  const scene = await sceneWith(load([10, 0], [40, 25], [60, 150], [60, 40], [90, 0]));
  const spec = { ...scene.spec, policy: 'kpa' as const };
  const begin = loadBeginsAt(scene);
  const { samples } = await run({ ...scene, decided: (decision) => void decisions.push(decision) }, 'kpa');
  const window = new LoadWindow(60, 6);
  let state = initialState(spec, pods(0), begin);
  let [recorded, compared] = [samples.findIndex(({ requests }) => requests > 0), 0];
  // Looks between two ticks are pokes: they leave no trace in the state of kpa.
  for (const { at, to, evidence } of decisions.filter(({ at }) => at >= begin && (at - begin - 500) % 2000 === 0)) {
    for (; after(begin, millis((recorded + 1) * 1000)) <= at; recorded += 1) window.record(begin / 1000 + recorded, samples[recorded]?.requests ?? 0);
    const { stable, panic } = window.averages(at / 1000, 'linear') ?? { stable: 0, panic: 0 };
    const { replicas, ready, starting, held, inFlight } = evidence;
    const seen: Observation = {
      metrics: [{ metric: 'concurrency', kind: 'value', stable, panic, age: millis(500) }],
      ...{
        replicas,
        ready,
        starting,
        held,
        inFlight,
        terminating: pods(0),
        warm: true,
        absentGateways: 0,
        holdReady: true,
        wasReady: true,
        override: undefined,
      },
    };
    const decided = decide(state, seen, spec, instant(at));
    state = decided.state;
    t.is(decided.decision.to, to, `at ${(at - begin) / 1000}`);
    compared += 1;
  }
  // Of 130 ticks; at rest most are spared.
  t.is(compared, 115);
  t.true(new Set(decisions.map(({ to }) => Number(to))).size > 5, 'the load moved the count');
});

test('a workload that scales to zero holds the first request for as long as its pod starts', async (t) => {
  const scene = await sceneWith(load([5, 0], [10, 2], [60, 0], [90, 0]), {}, { startTime: '3s' });
  const outcome = await run(scene, 'rouse');
  t.true(outcome.wait.worst > 2999 && outcome.wait.worst < 3100, String(outcome.wait.worst));
  t.is(outcome.samples.at(-1)?.pods, 0);
});

test('the HPA model keeps one pod and is late to a burst', async (t) => {
  const scene = await sceneWith(load([20, 5], [60, 80], [20, 0]));
  const [rouse, hpa] = [await run(scene, 'rouse'), await run(scene, 'hpa')];
  t.true(Math.min(...hpa.samples.map(({ pods }) => pods)) >= 1);
  t.true(hpa.wait.p99 > rouse.wait.p99);
});

test('the HPA model has its least count where the manifest has none: without pods it would be switched off, and nothing to compare with', async (t) => {
  const scene = await sceneWith(load([20, 5], [20, 0]), {}, {}, 0);
  const outcome = await run(scene, 'hpa');
  t.true(outcome.samples.every(({ pods }) => pods >= 1));
});

test('a controller that fails ends the run with one sentence, not with a picture in which nothing was scaled', async (t) => {
  const calm = await sceneWith(load([10, 5]));
  const fails = (): never => {
    throw new Error('no idea');
  };
  const looked = await t.throwsAsync(run({ ...calm, decided: fails }, 'rouse'), { instanceOf: CommandError });
  t.is(looked.message, 'the simulated controller failed: a look at a workload failed: no idea');
  t.is(looked.exitCode, exitCode.failure);
  const asleep = await sceneWith(load([10, 0], [10, 5]), {}, {}, 0);
  const poked = await t.throwsAsync(run({ ...asleep, decided: ({ evidence }) => (evidence.held > 0 ? fails() : undefined) }, 'kpa'), {
    instanceOf: CommandError,
  });
  t.is(poked.message, 'the simulated controller failed: a look for a request that waits: no idea');
});

test('every built-in load has a shape of its own and plain numbers', (t) => {
  const made = builtInLoads.map((name) => builtInLoad(name, 1)?.perSecond ?? []);
  for (const values of made) t.true(values.length >= 900 && values.every((value) => value >= 0 && value <= 1000));
  t.is(new Set(made.map((values) => JSON.stringify(values))).size, 8);
  for (const name of ['tide', 'constructor', 'toString', '__proto__']) t.is(builtInLoad(name, 1), undefined, name);
  t.notDeepEqual(builtInLoad('noisy', 1), builtInLoad('noisy', 2));
});

const sceneOfFile = (...objects: readonly object[]): Promise<Scene> =>
  sceneOf(parseManifests(objects.map((object) => JSON.stringify(object)).join('\n---\n'), 'all.yaml'), 'all.yaml', load([1, 1]), {
    seed: 1,
    startTime: '1s',
    serviceTime: '1s',
  });
const anObject = (kind: string, name: string, annotations: Readonly<Record<string, string>> | null = null): object => ({
  apiVersion: 'any/v1',
  kind,
  metadata: { name, annotations },
  spec: { template: {} },
});

test('a file is read as rouse validate reads it: what says nothing to Rouse is no second workload', async (t) => {
  const shop = anObject('Deployment', 'shop', { 'rouse.dev/target': '7' });
  const { workload } = await sceneOfFile(anObject('Deployment', 'database'), shop, anObject('Job', 'migrate'));
  t.is(workload.name, 'shop');
  t.is((await sceneOfFile(anObject('Deployment', 'only'))).workload.name, 'only');
  for (const two of [
    [shop, anObject('StatefulSet', 'other', { 'rouse.dev/enabled': 'true' })],
    [anObject('Deployment', 'one'), anObject('Deployment', 'two')],
  ]) {
    const failure = await t.throwsAsync(sceneOfFile(...two), { instanceOf: CommandError });
    t.is(failure.message, 'all.yaml: there are 2 workloads in it (all.yaml:1, all.yaml:3); want one');
  }
});

test('a file is read as rouse validate reads it: rouse-config counts, whatever namespace it names', async (t) => {
  for (const namespace of [undefined, 'rouse-system', 'default']) {
    const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'rouse-config', namespace }, data: { target: '7' } };
    const { spec } = await sceneOfFile(anObject('Deployment', 'shop', { 'rouse.dev/enabled': 'true' }), config);
    t.is(spec.scaling.metrics[0]?.target, 7);
  }
});

test('a rouse-config that hands everything back is the reason why there is nothing to simulate', async (t) => {
  const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'rouse-config', annotations: { 'rouse.dev/hand-back': 'all' } } };
  const failure = await t.throwsAsync(sceneOfFile(anObject('Deployment', 'shop', { 'rouse.dev/enabled': 'true' }), config), { instanceOf: CommandError });
  t.is(failure.message, 'all.yaml: ConfigMap rouse-config says rouse.dev/hand-back: all, so that Rouse scales nothing; there is nothing to simulate');
});

test('what cannot be simulated is said', async (t) => {
  const refused = async (annotations: Readonly<Record<string, string>>, pattern: RegExp): Promise<void> => {
    const failure = await t.throwsAsync(sceneWith(load([1, 1]), annotations));
    t.regex(failure.message, pattern);
  };
  await refused({ 'rouse.dev/target': 'many' }, /^shop\.yaml: its settings are not legal\n {2}rouse\.dev\/target: /);
  await refused({ 'rouse.dev/metric': 'cpu' }, /shop\.yaml: it scales on cpu; only concurrency, rps and held are simulated/);
  await refused({ 'rouse.dev/formula': 'max(concurrency / 10, cpu)' }, /shop\.yaml: its formula reads cpu; only concurrency, rps and held are simulated/);
  const partly = (await sceneWith(load([1, 1]), { 'rouse.dev/metric': 'concurrency,latency', 'rouse.dev/target': 'concurrency=10,latency=200ms' })).spec;
  t.deepEqual(notSimulated(partly.scaling, undefined), ['latency']);
  await refused({ 'rouse.dev/path': 'none' }, /rouse\.dev\/path is none, so that no gateway would count/);
  const slow = await t.throwsAsync(sceneWith(load([1, 1]), {}, { startTime: '8s..2s' }));
  t.is(slow.message, '--start-time 8s..2s: want a duration (5s), or two, the shorter first (2s..8s)');
  const huge = await t.throwsAsync(sceneWith({ name: 'huge', unit: 'rps', perSecond: [1e6] }));
  t.regex(huge.message, /load huge has some \d+ requests, at most 20000000 are simulated/);
  const none = await t.throwsAsync(
    sceneOf(parseManifests('{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"}}', 'a'), 'a', load([1, 1]), {
      seed: 1,
      startTime: '1s',
      serviceTime: '1s',
    }),
  );
  t.is(none.message, 'a: there is no workload in it; want a Deployment with annotations of rouse.dev');
});
