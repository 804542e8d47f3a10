import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { decisionReasons, decisionSteps } from '../core/index.ts';

const page = await readFile(join(import.meta.dirname, '../../docs/reference/decisions.md'), 'utf8');

/** The rows of the table below a heading, as pairs of name and meaning. */
const table = (heading: string): readonly (readonly [string, string])[] => {
  const section = page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\| `([^`]+)`\s*\| (.*?)\s*\|$/gm)].map(([, name = '', meaning = '']) => [name, meaning]);
};

test('the reference lists every reason and every step of decisions, in order, with its meaning', (t) => {
  t.deepEqual(table('Reasons'), Object.entries(decisionReasons));
  t.deepEqual(table('Steps'), Object.entries(decisionSteps));
});

test('every step is taken by the code that decides', async (t) => {
  const files = ['bounds', 'decide', 'guards', 'hysteresis', 'policy', 'recent-load', 'wake', 'zero'].map((name) =>
    readFile(join(import.meta.dirname, `${name}.ts`), 'utf8'),
  );
  const source = (await Promise.all(files)).join('\n');
  for (const step of Object.keys(decisionSteps)) t.true(source.includes(`'${step}'`), step);
});
