import { readFile } from 'node:fs/promises';
import test from 'ava';
import { at, concurrencyOf, noConcurrency, observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { millis, pods, seconds, type MetricReading, type Observation } from '../core/index.ts';
import { decide, initialState, loadFormulas } from './index.ts';

const formulas = await loadFormulas();
const calm = initialState({ policy: 'rouse' }, pods(1), start);
const outcome = (formula: string, seen: Observation): string => {
  const { kind, to, reason } = decide(calm, seen, specWith({ formula }), at(0), formulas.lookup).decision;
  return `${kind} ${String(to)} ${reason}`;
};
const rps = (value: number) => ({ metric: 'rps', kind: 'value', stable: value, panic: value, age: millis(0) }) as const;

test('a formula replaces the highest demand', (t) => {
  const seen = observed({ ready: 2, metrics: [concurrencyOf(350), rps(100)] });
  t.is(outcome('rps / 50 + 1', seen), 'scale 3 formula');
  t.is(outcome('max(concurrency / 100, rps / 1000)', seen), 'scale 4 formula');
  t.is(outcome('clamp(concurrency, 1, 2)', seen), 'hold 2 steady');
  t.is(outcome('rps > 50 ? ready * 2 : ready', seen), 'scale 4 formula');
  t.is(outcome('ready + starting', seen), 'hold 2 steady');
});

test('a count is rounded up to the next pod, but not by the noise of decimals', (t) => {
  const seen = observed({ ready: 2, metrics: [concurrencyOf(0.3), rps(0)] });
  t.is(outcome('10 * concurrency', seen), 'scale 3 formula');
  t.is(outcome('ready + 0.01', seen), 'scale 3 formula');
});

test('the rate limits, panic and bounds apply to a formula as to any demand', (t) => {
  const { decision } = decide(calm, observed({ metrics: [rps(5000)] }), specWith({ formula: 'rps', max: pods(7), maxScaleUpRate: 20 }), at(0), formulas.lookup);
  t.is(decision.to, pods(7));
  t.deepEqual(
    decision.evidence.steps.map(({ step }) => step),
    ['formula', 'rate-up', 'max-scale'],
  );
});

test('a formula that gives no finite count holds and says so', (t) => {
  const seen = observed({ ready: 2, metrics: [concurrencyOf(0), rps(100)] });
  for (const formula of ['rps / concurrency', 'concurrency / concurrency', 'sqrt(concurrency - 1)', 'log(concurrency)', 'exp(rps * 100)'])
    t.is(outcome(formula, seen), 'hold 2 formula-failed', formula);
});

test('a formula that gives a count over one window alone holds too', (t) => {
  for (const [stable, panic] of [
    [0, 2],
    [2, 0],
  ] as const)
    t.is(outcome('10 / concurrency', observed({ ready: 2, metrics: [concurrencyOf(stable, panic)] })), 'hold 2 formula-failed', String(stable));
});

test('a formula may ask for what held requests need', (t) => {
  t.is(outcome('held / 5', observed({ ready: 2, held: 20, metrics: [] })), 'scale 4 formula');
});

test('a formula over a metric without a value holds for want of data', (t) => {
  t.is(outcome('rps / 10', observed({ ready: 2, metrics: [noConcurrency] })), 'hold 2 no-data');
});

test('a formula that was never loaded holds', (t) => {
  const { decision } = decide(calm, observed({ ready: 2 }), specWith({ formula: 'ready' }), at(0));
  t.like(decision, { kind: 'hold', to: 2, reason: 'formula-failed' });
});

const accepted = [
  '1',
  'max(ceil(rps/50), 2)',
  '2 ready',
  '-held + 5',
  'ready ^ 2 % 7',
  '1 < rps <= 5 ? 1 : 2',
  'not (rps > 5) and ready > 1 or held > 0 ? 1 : 0',
  '5%',
  'clamp(rps, 1, 2)',
  'max(ceil(rps / 50), held > 0 ? 2 : 0)',
  '(rps > 5) * 3 + 1',
  'max(min(rps), min(rps, 2, 3))',
  'ceil(rps) + floor(rps) + round(rps) + abs(rps) + sqrt(rps) + log(rps) + exp(rps)',
  'ceil(rps, 1) + floor(rps, 1) + round(rps, 1) + log(rps, 2)',
];
test('formulas over the known names are accepted', (t) => {
  for (const formula of accepted) t.is(formulas.check(formula), undefined, formula);
});

// Ways out of expression sandboxes that mathjs and its like have had, and what else is not a count.
const refused: readonly (readonly [string, RegExp])[] = [
  ['', /is empty/],
  ['rps +', /cannot be read/],
  ['rsp / 5', /unknown name "rsp" \(known: concurrency, rps/],
  ['constructor', /unknown name/],
  ['__proto__', /unknown name/],
  ['this', /unknown name/],
  ['cos.constructor("return process")', /unknown function "constructor"/],
  ['rps.max(1)', /something else/],
  ['rps["constructor"]', /something else/],
  ['max.constructor("return process")()', /cannot be read/],
  ['f = 3', /something else/],
  ['f(x) = x; f(1)', /something else/],
  ['import("fs")', /unknown function "import"/],
  ['import({max: 1}, {override: true})', /unknown function/],
  ['createUnit("foo")', /unknown function/],
  ['evaluate("1+1")', /unknown function/],
  ['parse("1+1")', /unknown function/],
  ['simplify("x")', /unknown function/],
  ['derivative("x", "x")', /unknown function/],
  ['compile("1")', /unknown function/],
  ['typed({"": 1})', /unknown function/],
  ['chain(3).done()', /unknown function/],
  ['expression.transform', /something else/],
  ['[1, 2]', /something else/],
  ['{a: 1}', /something else/],
  ['   ', /is empty/],
  ['"7"', /holds a constant that is no finite number/],
  ['max("7", rps)', /holds a constant that is no finite number/],
  ['min(rps, 1e999)', /holds a constant that is no finite number/],
  ['1:5', /something else/],
  ['zeros(1e9)', /unknown function/],
  ['range(1, 1e9)', /unknown function/],
  ['rps!', /operator "!"/],
  ["rps'", /operator "'"/],
  ['rps | 1', /operator "\|"/],
  ['rps << 99', /operator "<<"/],
  ['5 to 6', /operator "to"/],
  ['rps; ready', /something else/],
  ['1e999', /no finite number/],
  ['NaN', /no finite number/],
  ['true', /no finite number/],
  ['null', /no finite number/],
  ['rps > 5', /gives true or false, not a number of pods/],
  ['rps > 5 ? 3 : rps > 2', /gives true or false/],
  ['(rps > 5)', /gives true or false, not a number of pods/],
  ['1 < rps <= 5', /gives true or false, not a number of pods/],
  ['1 + max(1, (held > 0))', /gives true or false to "max", which takes numbers/],
  ['held > 0 ? 2 : ceil(rps > 5 ? 3 : rps > 2)', /gives true or false to "ceil", which takes numbers/],
  ['max(1, held > 0)', /gives true or false to "max", which takes numbers/],
  ['not rps', /gives true or false/],
  ['max', /unknown name "max"/],
  ['max()', /^calls "max" with 0 arguments; it takes 1 or more$/],
  ['clamp(rps, 1, 2, 3)', /^calls "clamp" with 4 arguments; it takes 3$/],
  ['rps > 1e9 ? clamp(rps, 1) : 1', /^calls "clamp" with 2 arguments; it takes 3$/],
  ['held > 1e9 ? sqrt(rps, 2) : 1', /^calls "sqrt" with 2 arguments; it takes 1$/],
  ['held > 1e9 ? abs() : 1', /^calls "abs" with 0 arguments; it takes 1$/],
  ['ceil(rps, 1, 2)', /^calls "ceil" with 3 arguments; it takes 1 or 2$/],
  ['1 / 0', /gives no finite number/],
  ['random()', /unknown function/],
  [`${'('.repeat(40)}1${')'.repeat(40)}`, /nested more than 32 deep/],
  // Where the stack is small, more than the parser has room for.
  [`${'('.repeat(499)}1${')'.repeat(499)}`, /is nested too deeply|has more than 300 parts/],
  [`1${'+1'.repeat(400)}`, /more than 300 parts|nested/],
  ['('.repeat(900), /cannot be read|is nested too deeply/],
  ['9'.repeat(1001), /longer than 1000/],
];
test('what is no sound formula is refused, and says why', (t) => {
  for (const [formula, why] of refused) {
    t.regex(formulas.check(formula) ?? 'accepted', why, formula);
    t.is(formulas.lookup(formula), undefined);
  }
});

test('every comparison is a condition and no count', (t) => {
  for (const comparison of ['<', '<=', '>', '>=', '==', '!=', 'and', 'or']) {
    t.is(formulas.check(`rps ${comparison} 1 ? 1 : 2`), undefined, comparison);
    t.regex(formulas.check(`rps ${comparison} 1`) ?? 'accepted', /gives true or false/, comparison);
  }
});

test('a formula that has a count for some values is right', (t) => {
  for (const formula of ['sqrt(rps - 2)', '1 / rps', '1 / (rps - ready)']) t.is(formulas.check(formula), undefined, formula);
});

test('a formula may be as long, as wide and as deep as is said, and no more', (t) => {
  const wide = (parts: number): string => `max(${new Array(parts - 2).fill('1').join(',')})`;
  const deep = (depth: number): string => `${'('.repeat(depth - 1)}1${')'.repeat(depth - 1)}`;
  t.is(formulas.check(`1${' '.repeat(999)}`), undefined);
  t.is(formulas.check(`1${' '.repeat(1000)}`), 'is longer than 1000 characters');
  t.is(formulas.check(wide(300)), undefined);
  t.is(formulas.check(wide(301)), 'has more than 300 parts');
  t.is(formulas.check(deep(32)), undefined);
  t.is(formulas.check(deep(33)), 'is nested more than 32 deep');
});

test('without a value for each of its names a formula gives none', (t) => {
  const formula = formulas.lookup('rps ? ready : 2');
  t.deepEqual(formula?.names, ['rps', 'ready']);
  t.is(formula?.evaluate(new Map([['ready', 3]])), undefined);
  t.is(formula?.evaluate(new Map([['rps', 1]])), undefined);
});

test('a formula is read once; of more than 10,000 the oldest is forgotten', async (t) => {
  const { lookup } = await loadFormulas();
  const [first, second] = [lookup('rps + 1'), lookup('rps + 2')];
  for (let more = 2; more < 10_000; more += 1) lookup(String(more));
  t.is(lookup('rps + 1'), first);
  lookup('rps + 3');
  t.is(lookup('rps + 2'), second);
  t.not(lookup('rps + 1'), first);
});

test('a formula cannot reach a name that was not given to it', (t) => {
  t.deepEqual(formulas.lookup('rps + ready')?.names, ['rps', 'ready']);
  t.is(formulas.lookup('rps + ready')?.evaluate(new Map([['rps', 1]])), undefined);
  t.is(formulas.lookup('rps + ready')?.evaluate(new Map(Object.entries({ rps: 1, ready: 2 }))), 3);
});

test('of a formula as of any demand, a fall by less than a tenth waits', (t) => {
  t.is(outcome('ready - 1', observed({ ready: 20, metrics: [] })), 'hold 20 hysteresis');
  t.is(outcome('ready - 3', observed({ ready: 20, metrics: [] })), 'scale 17 formula');
});

test('the steps begin at what the metrics ask for, which the formula replaces', (t) => {
  const stepOf = (metrics: Observation['metrics']) =>
    decide(calm, observed({ ready: 3, metrics }), specWith({ formula: 'ready' }), at(0), formulas.lookup).decision.evidence.steps[0];
  t.deepEqual(stepOf([concurrencyOf(350)]), { step: 'formula', from: 5, to: 3 });
  t.deepEqual(stepOf([]), { step: 'formula', from: 0, to: 3 });
});

test('the evidence has what the formula read and asked for', (t) => {
  const seen = observed({ ready: 2, metrics: [concurrencyOf(350), rps(120)] });
  const { evidence } = decide(calm, seen, specWith({ formula: 'rps / 50 + ready' }), at(0), formulas.lookup).decision;
  t.deepEqual(evidence.formula, { stable: 5, panic: 5, readings: [rps(120)] });
  t.false('budget' in evidence);
  t.false('formula' in decide(calm, seen, specWith(), at(0)).decision.evidence);
});

test('only what the formula reads keeps a count up: a stale or missing metric beside it does not', (t) => {
  const stale = (metric: 'cpu' | 'rps') => ({ metric, kind: 'value', stable: 1, panic: 1, age: seconds(600) }) as const;
  t.is(outcome('rps', observed({ ready: 4, metrics: [concurrencyOf(0), stale('rps')] })), 'hold 4 no-data');
  t.is(outcome('rps', observed({ ready: 4, metrics: [rps(2), stale('cpu')] })), 'scale 2 formula');
  t.is(outcome('rps', observed({ ready: 4, metrics: [rps(2), noConcurrency] })), 'scale 2 formula');
});

test('a latency of no requests is 0 to a formula, so that an idle workload may go; one that is missing is not', (t) => {
  const latency = (nothing: boolean): MetricReading => ({ metric: 'latency', kind: 'no-data', age: undefined, ...(nothing ? { nothing: true } : {}) });
  const formula = 'latency > 250 ? ready + 1 : ceil(rps / 50)';
  t.is(outcome(formula, observed({ ready: 3, metrics: [rps(0), latency(true)] })), 'scale 1 rate-limited');
  t.is(outcome(formula, observed({ ready: 3, metrics: [rps(0), latency(false)] })), 'hold 3 no-data');
});

test('docs/autoscaling-rules.md names every name and function, and no other', async (t) => {
  const page = await readFile(new URL('../../docs/autoscaling-rules.md', import.meta.url), 'utf8');
  const documented = (title: string): readonly string[] => {
    const [, list = ''] = new RegExp(`\\*\\*${title}\\*\\*: ([^*]*)`).exec(page) ?? [];
    return [...list.matchAll(/`(\w+)(?:\([^`]*\))?`/g)].map(([, name = '']) => name);
  };
  const known = (problem: string | undefined): readonly string[] => /\(known: (.*)\)/.exec(problem ?? '')?.[1]?.split(', ') ?? [];
  t.deepEqual(documented('Names'), known(formulas.check('x')));
  t.deepEqual(documented('Functions'), known(formulas.check('x(1)')));
});
