import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { at, concurrencyOf, observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { mendScenes } from '../../test/support/mend-scenes.ts';
import { changesOf, podSeconds, runScene, told, type Scene } from '../../test/support/two-policies.ts';
import { millis, pods, type Decision, type MetricReading, type ScaleSpec } from '../core/index.ts';
import { parseSpec } from '../core/spec/index.ts';
import { decide, initialState } from './index.ts';

const pageOf = (name: string): string => readFileSync(join(import.meta.dirname, '../../docs', name), 'utf8');
const page = pageOf('autoscaling.md');

/** The rows of the table that begins with these columns. */
const rowsOf = (...columns: readonly string[]): readonly (readonly string[])[] => {
  const lines = page.split('\n');
  const cells = (line: string): readonly string[] =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
  const head = lines.findIndex((line) => columns.every((column, index) => cells(line)[index] === column));
  const rest = lines.slice(head + 2);
  return rest
    .slice(
      0,
      rest.findIndex((line) => !line.startsWith('|')),
    )
    .map(cells);
};

const once = (policy: ScaleSpec['policy'], spec: ScaleSpec, seen: Parameters<typeof observed>[0]): Decision =>
  decide(initialState({ policy: 'rouse' }, pods(1), start), observed(seen), { ...spec, policy }, at(0)).decision;

test('the pods for a load are those of the code', (t) => {
  const rows = rowsOf('target', 'container-concurrency');
  t.is(rows.length, 6);
  for (const [target = '', limit = '', utilization = '', load = '', ...told] of rows) {
    const spec = specWith({
      metrics: [{ metric: 'concurrency', target: Number(target) }],
      containerConcurrency: limit === '0' ? 'unlimited' : Number(limit),
      targetUtilization: Number.parseFloat(utilization) / 100,
    });
    const wanted = (policy: ScaleSpec['policy']): string => String(once(policy, spec, { ready: 1, metrics: [concurrencyOf(Number(load))] }).to);
    t.deepEqual(told, [wanted('kpa'), wanted('rouse')], `${target} ${load}`);
  }
});

test('the ticks are decided as the page says', (t) => {
  const rows = rowsOf('stable', 'panic', 'ready');
  t.is(rows.length, 8);
  for (const [stable, panic, ready, starting, ...told] of rows) {
    const seen = { metrics: [concurrencyOf(Number(stable), Number(panic))], ready: Number(ready), starting: Number(starting) };
    const [kpa, rouse] = [once('kpa', specWith(), seen), once('rouse', specWith(), seen)];
    const steps = rouse.evidence.steps.map(({ step, from, to }) => `\`${step}\` ${String(from)} → ${String(to)}`).join(', ');
    t.deepEqual(told, [String(kpa.to), String(rouse.to), steps === '' ? 'none' : steps], `${String(stable)} ${String(panic)}`);
  }
});

test('pods without load go as fast as the page says', (t) => {
  let ready = 100;
  const counts = [ready];
  while (ready > 1) {
    ready = once('rouse', specWith(), { ready }).to;
    counts.push(ready);
  }
  t.true(page.includes(`until the last one: ${counts.join(', ')}.`), counts.join(', '));
});

test('the loads come to what the page says under both policies', (t) => {
  const rows = rowsOf('load', 'policy');
  t.deepEqual([...new Set(rows.map(([load]) => load))], Object.keys(mendScenes));
  const scenes: Readonly<Record<string, Scene>> = mendScenes;
  for (const [load = '', policy = '', ...figures] of rows) {
    const scene = scenes[load];
    if (scene === undefined) continue;
    const ticks = runScene(scene, policy === 'kpa' ? 'kpa' : 'rouse');
    t.deepEqual(figures, [Math.max(...ticks.map(({ desired }) => desired)), changesOf(ticks), podSeconds(ticks), told(ticks)].map(String), `${load} ${policy}`);
  }
});

test('the defaults that the page names, and decides its tables with, are those of a workload that says nothing', (t) => {
  const parsed = parseSpec({ workload: {} });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed));
  const { scaling } = parsed.value.spec;
  t.deepEqual(specWith().scaling, scaling);
  for (const said of [
    `(\`window\`, ${String(scaling.stableWindow / 1000)} s)`,
    scaling.panicWindowShare === 0.1 ? '(a tenth of it)' : 'another share',
    `The target (${String(scaling.metrics[0]?.target)} requests at once`,
    `times the utilization (${String(scaling.targetUtilization * 100)} %)`,
    `\`max-scale-up-rate\` (${String(scaling.maxScaleUpRate)})`,
    scaling.maxScaleDownRate === 2 ? 'a `max-scale-down-rate`-th (a half)' : 'another share',
    `\`panic-threshold\` (${String(scaling.panicThreshold)})`,
    `\`scale-down-delay\` (${String(scaling.scaleDownDelay / 1000)} s)`,
  ])
    t.true(page.includes(said), said);
});

test('the example of latency in docs/autoscaling-metrics.md comes out as it says', (t) => {
  const spec = specWith({ metrics: [{ metric: 'latency', target: 250 }] });
  const p95 = (ms: number): MetricReading => ({ metric: 'latency', kind: 'value', stable: ms, panic: ms, age: millis(500) });
  const calm = initialState(spec, pods(4), start);
  const first = decide(calm, observed({ ready: 4, metrics: [p95(300), concurrencyOf(200)] }), spec, at(0));
  const half = decide(first.state, observed({ ready: 5, metrics: [p95(200), concurrencyOf(100)] }), spec, at(2)).decision.to;
  const slow = decide(calm, observed({ ready: 4, metrics: [p95(5000), concurrencyOf(200)] }), spec, at(0)).decision.to;
  const each = first.state.latency?.perPod ?? Number.NaN;
  const said = `4 × 300 / 250 = ${(200 / each).toFixed(1)}, so ${String(first.decision.to)} pods, and ${each.toFixed(1)} requests each from now on. With half the load: ${String(half)}.\nAt a p95 of 5 s: ${String(slow)} pods, not 80.`;
  t.true(pageOf('autoscaling-metrics.md').includes(said), said);
});
