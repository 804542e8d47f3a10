import test from 'ava';
import fc from 'fast-check';
import { isEnabled } from './enabled.ts';
import { nearest } from './nearest.ts';
import { parseSpec, type ParsedSpec } from './parse-spec.ts';
import type { SpecProblem } from './problem.ts';
import type { ScaleSpec } from './scale-spec.ts';
import { isInherited, laterSettings, settingNames, settings } from './settings.ts';
import type { SpecOptions } from './setting-values.ts';
import type { SpecSources, Texts } from './written-settings.ts';

const parsed = (sources: SpecSources, options?: SpecOptions): ParsedSpec => {
  const result = parseSpec(sources, options);
  if (!result.ok) throw new Error(result.problem.map(({ message }) => message).join('\n'));
  return result.value;
};
const spec = (annotations: Texts, options?: SpecOptions): ScaleSpec => parsed({ workload: annotations }, options).spec;
const problems = (sources: SpecSources, options?: SpecOptions): readonly SpecProblem[] => {
  const result = parseSpec(sources, options);
  return result.ok ? [] : result.problem;
};
const messages = (annotations: Texts, options?: SpecOptions): readonly string[] => problems({ workload: annotations }, options).map(({ message }) => message);

test('no annotation at all gives the documented defaults', (t) => {
  const { scaling, traffic, mode, path, policy } = spec({});
  t.like({ mode, path, policy }, { mode: 'enforce', path: 'auto', policy: 'rouse' });
  t.deepEqual(scaling.metrics, [{ metric: 'concurrency', target: 100 }]);
  t.like(scaling, {
    min: 0,
    max: 'unlimited',
    initial: 'live',
    activation: 1,
    targetUtilization: 0.7,
    stableWindow: 60_000,
    panicWindowShare: 0.1,
    panicThreshold: 2,
  });
  t.like(traffic, { holdQueueDepth: 1000, holdTimeout: 60_000, requestTimeout: 'off', responseStartTimeout: 300_000 });
});

for (const name of settingNames) {
  const { example, initial, parse } = settings[name];
  test(`the example of ${name} is legal, and so is its default`, (t) => {
    t.true(parse(example).ok);
    if (initial !== undefined) t.true(parse(initial).ok);
  });
}

const refuses = test.macro({
  exec(t, name: string, value: string) {
    const [problem, ...more] = problems({ workload: { [`rouse.dev/${name}`]: value } });
    t.deepEqual(more, []);
    t.is(problem?.key, `rouse.dev/${name}`);
    t.is(problem?.value, value.trim());
    t.true(problem?.message.includes(problem.legal));
    t.true(problem?.message.includes(problem.example.slice(0, 20)));
    t.notRegex(problem?.message ?? '', /\n/);
  },
  title: (_, name: string, value: string) =>
    `${name}: ${JSON.stringify(value.length > 200 ? `${value.slice(0, 20)}…` : value)} is refused with what is legal and an example`,
});
const refused: readonly (readonly [string, readonly string[]])[] = [
  ['mode', ['', 'Enforce', 'dry-run']],
  ['pause', ['false', 'yes']],
  ['adopt-hpa', ['false', '1']],
  ['services', ['', 'a,,b', 'a,a', 'UPPER', '-a']],
  ['manual-override', ['10', '-1s', '25h']],
  ['min-scale', ['-1', '1.5', 'x', '', '2147483648', '1e3', '0x10', 'NaN', 'Infinity']],
  ['activation-scale', ['0']],
  ['metric', ['', 'qps', 'rps,rps']],
  ['target', ['0', '-5', 'NaN', 'many', 'concurrency=', 'qps=5', 'rps=1,rps=2', 'concurrency=50=60', '1e400']],
  ['target-utilization-percentage', ['0', '101', '0.7x']],
  ['container-concurrency', ['1001', '-1']],
  ['target-burst-capacity', ['-2', '-0.5']],
  ['window', ['5s', '61m', '6500ms', '60']],
  ['panic-window-percentage', ['0.5', '200']],
  ['panic-threshold-percentage', ['109', '1001']],
  ['metric-aggregation-algorithm', ['exponential']],
  ['max-scale-up-rate', ['1', '0.5']],
  ['scale-down-delay', ['2h']],
  ['scale-to-zero-grace-period', ['0s']],
  [
    'schedule',
    [
      'mon',
      '{}',
      '[1]',
      '[{days: mon}]',
      '- {days: xyz, from: "08:00", to: "09:00", timezone: UTC, min: 1}',
      '- {days: mon, from: "24:00", to: "09:00", timezone: UTC, min: 1}',
      '- {days: mon, from: "08:00", to: "09:00", timezone: +01:00, min: 1}',
      '- {days: mon, from: "08:00", to: "09:00", timezone: UTC}',
      '- {days: mon, from: "08:00", to: "09:00", timezone: UTC, min: 3, max: 2}',
      '- {days: mon, from: "08:00", to: "09:00", timezone: UTC, min: 1, extra: 1}',
      '- &a {days: mon}\n- *a',
      `[${'['.repeat(9000)}`,
    ],
  ],
  ['formula', ['', 'x'.repeat(1001)]],
  ['fallback-after', ['9s', '25h']],
  ['protocol', ['http2']],
  ['hold-queue-depth', ['100001']],
  ['waiting-page', ['yes', 'True']],
  ['ignore-requests', ['{}', '[{}]', '[{path: healthz}]', '[{header: "a b"}]', '[{agent: x}]', '[{path: 5}]', 'x'.repeat(20_000)]],
  ['placement', ['cold']],
  ['base-nodes', ['a==b==c', 'a in ()x', '']],
];
for (const [name, values] of refused) for (const value of values) test(refuses, name, value);

test('all problems are reported at once', (t) => {
  const found = messages({ 'rouse.dev/min-scale': 'x', 'rouse.dev/window': '1', 'rouse.dev/colour': 'red', 'rouse.dev/max-scale': '-1' });
  t.is(found.length, 4);
});

test('an unknown name is refused with the nearest known one', (t) => {
  t.deepEqual(messages({ 'rouse.dev/windw': '60s' }), ['rouse.dev/windw: is no setting of Rouse; did you mean rouse.dev/window?']);
  t.deepEqual(messages({ 'rouse.dev/minScale': '1' }), ['rouse.dev/minScale: is no setting of Rouse; did you mean rouse.dev/min-scale?']);
  t.regex(messages({ 'rouse.dev/zzzzzzzz': '1' })[0] ?? '', /lists them/);
});

for (const name of laterSettings.keys()) {
  test(`${name} is known and refused as not available in this version`, (t) => {
    t.regex(messages({ [`rouse.dev/${name}`]: 'x' })[0] ?? '', /not available in this version/);
  });
}

test('what Rouse writes itself and annotations of others are no problem', (t) => {
  t.deepEqual(messages({ 'rouse.dev/enabled': 'true', 'rouse.dev/status': '{}', 'rouse.dev/state': '{}', 'example.com/windw': 'x' }), []);
});

test('nearer layers win: defaults, cluster, namespace, pod template, the workload in Knative’s words, the workload', (t) => {
  const layers: SpecSources = {
    cluster: { 'min-scale': '1' },
    namespace: { 'rouse.dev/min-scale': '2' },
    podTemplate: { 'autoscaling.knative.dev/min-scale': '3' },
    workload: {},
  };
  t.is(Number(parsed({ ...layers, namespace: {}, podTemplate: {} }).spec.scaling.min), 1);
  t.is(Number(parsed({ ...layers, podTemplate: {} }).spec.scaling.min), 2);
  t.is(Number(parsed(layers).spec.scaling.min), 3);
  t.is(Number(parsed({ ...layers, workload: { 'autoscaling.knative.dev/min-scale': '4' } }).spec.scaling.min), 4);
  t.is(Number(parsed({ ...layers, workload: { 'autoscaling.knative.dev/min-scale': '4', 'rouse.dev/min-scale': '5' } }).spec.scaling.min), 5);
});

test('every Knative setting is read by its kebab-case and its camelCase name, kebab-case first', (t) => {
  t.is(Number(spec({ 'autoscaling.knative.dev/minScale': '3' }).scaling.min), 3);
  t.is(Number(spec({ 'autoscaling.knative.dev/min-scale': '2', 'autoscaling.knative.dev/minScale': '3' }).scaling.min), 2);
  t.is(Number(spec({ 'autoscaling.knative.dev/scaleToZeroPodRetentionPeriod': '5m' }).scaling.scaleToZeroPodRetention), 300_000);
  t.is(spec({ 'autoscaling.knative.dev/metricAggregationAlgorithm': 'weightedExponential' }).scaling.aggregation, 'weighted-exponential');
  t.is(parsed({ workload: { 'autoscaling.knative.dev/class': 'kpa.autoscaling.knative.dev' } }).warnings[0]?.key, 'autoscaling.knative.dev/class');
});

test('a Namespace and rouse-config set scaling and traffic only', (t) => {
  for (const name of settingNames) {
    const found = problems({
      namespace: { [`rouse.dev/${name}`]: settings[name].example },
      workload: { 'rouse.dev/fallback-scale': '1', 'rouse.dev/metric': 'concurrency' },
    });
    t.is(
      found.some(({ message }) => message.includes('can only be set on a workload')),
      !isInherited(name),
      name,
    );
  }
  t.regex(problems({ namespace: { 'rouse.dev/enabled': 'true' }, workload: {} })[0]?.message ?? '', /on the Namespace: can only be set on a workload/);
});

test('settings that contradict each other are problems', (t) => {
  t.regex(messages({ 'rouse.dev/min-scale': '5', 'rouse.dev/max-scale': '3' })[0] ?? '', /5 is above max-scale, which is 3/);
  t.regex(messages({ 'rouse.dev/activation-scale': '5', 'rouse.dev/max-scale': '3' })[0] ?? '', /above max-scale/);
  t.regex(messages({ 'rouse.dev/fallback-after': '1m' })[0] ?? '', /without fallback-scale/);
  t.regex(messages({ 'rouse.dev/metric': 'rps,concurrency', 'rouse.dev/target': '5' })[0] ?? '', /which metric/);
  t.regex(messages({ 'rouse.dev/metric': 'held' })[0] ?? '', /no target for held/);
  t.regex(messages({ 'rouse.dev/target': 'rps=5' })[0] ?? '', /not among the metrics/);
  t.regex(messages({ 'rouse.dev/max-scale': '2', 'rouse.dev/schedule': settings.schedule.example.replace('min: 2', 'min: 3') })[0] ?? '', /above max-scale/);
  t.regex(messages({ 'rouse.dev/base-replicas': '2' })[0] ?? '', /without base-nodes or burst-nodes/);
  for (const name of ['base-nodes', 'burst-nodes']) t.deepEqual(messages({ 'rouse.dev/base-replicas': '2', [`rouse.dev/${name}`]: 'capacity=x' }), []);
});

test('an unreadable setting does not bring follow-up problems', (t) => {
  t.is(messages({ 'rouse.dev/target': 'x', 'rouse.dev/metric': 'held' }).length, 1);
  t.is(messages({ 'rouse.dev/fallback-scale': 'x', 'rouse.dev/fallback-after': '1m' }).length, 1);
});

test('the operator’s max-scale-limit caps workloads that set nothing and refuses those that ask for more', (t) => {
  t.is(Number(spec({}, { maxScaleLimit: 10 }).scaling.max), 10);
  t.is(Number(spec({ 'rouse.dev/max-scale': '7' }, { maxScaleLimit: 10 }).scaling.max), 7);
  t.regex(messages({ 'rouse.dev/max-scale': '11' }, { maxScaleLimit: 10 })[0] ?? '', /max-scale-limit/);
  t.regex(messages({ 'rouse.dev/max-scale': '0' }, { maxScaleLimit: 10 })[0] ?? '', /no limit is above max-scale-limit/);
  t.regex(messages({ 'rouse.dev/min-scale': '11' }, { maxScaleLimit: 10 })[0] ?? '', /max-scale-limit/);
});

test('targets are read in each metric’s own unit', (t) => {
  const { metrics } = spec({
    'rouse.dev/metric': 'concurrency,latency,cpu,memory',
    'rouse.dev/target': 'concurrency=50, latency=250ms,cpu=80%,memory=512Mi',
  }).scaling;
  t.deepEqual(metrics, [
    { metric: 'concurrency', target: 50 },
    { metric: 'latency', target: 250 },
    { metric: 'cpu', target: 80 },
    { metric: 'memory', target: 512 * 2 ** 20 },
  ]);
});

test('a limit per pod is the target where none is written, and caps one that is', (t) => {
  t.is(spec({ 'rouse.dev/container-concurrency': '10' }).scaling.metrics[0]?.target, 10);
  t.is(spec({ 'rouse.dev/container-concurrency': '200' }).scaling.metrics[0]?.target, 200);
  t.is(spec({ 'rouse.dev/container-concurrency': '10', 'rouse.dev/target': '50' }).scaling.metrics[0]?.target, 10);
  t.is(spec({ 'rouse.dev/container-concurrency': '10', 'rouse.dev/target': '5' }).scaling.metrics[0]?.target, 5);
});

test('a schedule knows ranges of days over the week’s end, whole days and time zones', (t) => {
  const { schedule } = spec({
    'rouse.dev/schedule':
      '- {days: fri-mon, from: "22:00", to: "06:00", timezone: America/New_York, max: 1}\n- {days: [tue, thu], from: "00:00", to: "24:00", timezone: UTC, min: 2, max: 4}\n',
  }).scaling;
  t.deepEqual(
    schedule.map(({ days }) => days.join(' ')),
    ['mon fri sat sun', 'tue thu'],
  );
  t.like(schedule[1], { fromMinute: 0, toMinute: 1440 });
});

test('a formula is refused with what its check says', (t) => {
  const options: SpecOptions = { checkFormula: (text) => (text.includes('evil') ? 'has the unknown name "evil"' : undefined) };
  t.is(spec({ 'rouse.dev/formula': 'concurrency / 2' }, options).scaling.formula, 'concurrency / 2');
  t.regex(messages({ 'rouse.dev/formula': 'evil' }, options)[0] ?? '', /unknown name "evil"/);
});

test('what is read and has no effect is said; placement has none where nobody places pods', (t) => {
  const written = {
    workload: { 'rouse.dev/metric': 'cpu', 'rouse.dev/target': '80%', 'rouse.dev/placement': 'pack' },
    podTemplate: { 'rouse.dev/min-scale': '1' },
  };
  const keys = ({ warnings }: ParsedSpec): readonly string[] => warnings.map(({ key }) => key).sort();
  t.deepEqual(keys(parsed(written)), ['rouse.dev/metric', 'rouse.dev/min-scale', 'rouse.dev/placement']);
  t.deepEqual(keys(parsed(written, { places: true })), ['rouse.dev/metric', 'rouse.dev/min-scale']);
});

test('metrics that will not do what they seem to are said', (t) => {
  const warningsOf = (workload: Record<string, string>): readonly string[] => parsed({ workload }).warnings.map(({ message }) => message);
  const cpu = { 'rouse.dev/metric': 'cpu', 'rouse.dev/target': '80%' };
  t.deepEqual(warningsOf(cpu), [
    'rouse.dev/metric: cpu alone never lets the last pod go, as idle pods use something too; name a metric of traffic as well to sleep, for example "concurrency,cpu".',
  ]);
  t.deepEqual(warningsOf({ ...cpu, 'rouse.dev/min-scale': '1' }), []);
  t.deepEqual(warningsOf({ 'rouse.dev/metric': 'concurrency,cpu', 'rouse.dev/target': 'cpu=80%' }), []);
  t.deepEqual(warningsOf({ 'rouse.dev/metric': 'latency', 'rouse.dev/target': '250ms' }), []);
  t.deepEqual(warningsOf({ 'rouse.dev/metric': 'latency', 'rouse.dev/target': '250ms', 'rouse.dev/path': 'direct' }), [
    'rouse.dev/metric: with path direct the gateways do not see the requests, so latency is missing.',
  ]);
});

test('the switch is on only for the word true, and anything else is a problem', (t) => {
  t.deepEqual(isEnabled({}), { ok: true, value: false });
  t.deepEqual(isEnabled({ 'rouse.dev/enabled': 'false' }), { ok: true, value: false });
  t.deepEqual(isEnabled({ 'rouse.dev/enabled': 'true' }), { ok: true, value: true });
  const bad = isEnabled({ 'rouse.dev/enabled': 'yes' });
  t.true(!bad.ok && bad.problem.message.includes('true or false'));
});

test('a swap, a lost letter and a wrong letter are one edit each; a wholly different word is not near', (t) => {
  t.deepEqual(
    ['widnow', 'windw', 'wondow', 'WINDOW', 'banana'].map((name) => nearest(name, ['window', 'metric'])),
    ['window', 'window', 'window', 'window', undefined],
  );
  t.is(nearest(`${'a'.repeat(80)}-1`, ['b', `${'a'.repeat(80)}-2`]), `${'a'.repeat(80)}-2`, 'of long names the beginning counts');
  t.is(nearest('abc', ['abcdefghi']), undefined);
});

const anyKey = fc.oneof(
  fc.constantFrom(...settingNames).map((name) => `rouse.dev/${name}`),
  fc.string().map((name) => `rouse.dev/${name}`),
  fc.constantFrom('rouse.dev/__proto__', 'rouse.dev/constructor', 'autoscaling.knative.dev/toString'),
);
const anyValue = fc.oneof(
  fc.string({ maxLength: 200 }),
  fc.constantFrom(...settingNames.map((name) => settings[name].example)),
  fc.double().map(String),
  fc.json(),
);

test('whatever is written gives a spec or problems with a sentence each, never an exception', (t) => {
  t.notThrows(() => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyKey, anyValue), { maxLength: 6 }), (entries) => {
        const result = parseSpec({ workload: Object.fromEntries(entries) });
        return result.ok
          ? boundsHold(result.value.spec)
          : result.problem.length > 0 && result.problem.every(({ message }) => message.endsWith('.') || message.endsWith('?'));
      }),
      { numRuns: 1500 },
    );
  });
});

const boundsHold = ({ scaling }: ScaleSpec): boolean =>
  (scaling.max === 'unlimited' || (scaling.min <= scaling.max && scaling.activation <= scaling.max)) &&
  scaling.metrics.length > 0 &&
  scaling.metrics.every(({ target }) => Number.isFinite(target) && target > 0) &&
  scaling.stableWindow >= 6000;
