import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { at, concurrencyOf, observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { mendScenes } from '../../test/support/mend-scenes.ts';
import { changesOf, podSeconds, runScene, told, type Scene } from '../../test/support/two-policies.ts';
import { pods, type Decision, type ScaleSpec } from '../core/index.ts';
import { decide, initialState } from './index.ts';

const path = join(import.meta.dirname, '../../docs/autoscaling.md');
const page = readFileSync(path, 'utf8');

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
