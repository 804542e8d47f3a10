import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { createGatewayInstruments } from '../index.ts';
import { Exposition } from './exposition.ts';
import { formatFor } from './open-metrics.ts';
import { controllerScene, gatewayFigures, processFigures, sayEverything, web, workload } from '../../../test/support/metric-figures.ts';
import { createWorkerFigures } from './workers.ts';

const page = join(import.meta.dirname, '..', '..', '..', 'docs', 'reference', 'metrics.md');

/** Every metric of every process, each with at least one series. */
const everything = async (): Promise<readonly string[]> => {
  const { instruments } = controllerScene([workload(web)]);
  sayEverything(instruments);
  const workers = createWorkerFigures().expose(new Map(), { wanted: 2, serving: 2 });
  return [(await createGatewayInstruments(gatewayFigures).expose()).body, workers, (await instruments.expose()).body];
};

/** A row for each metric: name, type, labels, what its help says. */
const rowsOf = (body: string): readonly (readonly [name: string, type: string, labels: readonly string[], help: string])[] =>
  [...body.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm)].map(([, name = '', help = '', type = '']) => {
    const [, labels = ''] = new RegExp(`^${name}(?:_count)?(?:\\{(.*)\\})? `, 'm').exec(body) ?? [];
    return [name, type, [...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label), help] as const;
  });

test('docs/reference/metrics.md has every metric with its type, its labels and its help, and no other', async (t) => {
  const rows = (await everything()).flatMap(rowsOf);
  const exposed = rows.map(([name, type, labels, help]) =>
    [`\`${name}\``, type, labels.map((label) => `\`${label}\``).join(', '), help].join(' | ').replaceAll(/ {2,}/g, ' '),
  );
  const documented = [...(await readFile(page, 'utf8')).matchAll(/^\| (`(?:rouse|process|nodejs)_.*?) \|$/gm)].map(([, row = '']) =>
    row.replaceAll(/ +\| +/g, ' | ').trim(),
  );
  t.deepEqual([...documented].sort(), [...exposed].sort());
});

test('every metric keeps to the rules: a name with its unit, a help of whole sentences, labels from a short list', async (t) => {
  const known = new Set(
    'namespace workload revision code code_class reason by answer state metric phase outcome verb webhook resource certificate version file how'.split(' '),
  );
  for (const [name, type, labels, help] of (await everything()).flatMap(rowsOf)) {
    t.regex(help, /^[A-Z01].*\.$/, `${name}: ${help}`);
    t.is(name.endsWith('_total'), type === 'counter', `${name} is a ${type}`);
    if (type === 'histogram') t.true(name.endsWith('_seconds'), name);
    t.notRegex(name, /_(ms|milliseconds|minutes|percent|kib|mb)(_|$)/, name);
    for (const label of labels) t.true(known.has(label), `${name}: ${label}`);
  }
});

test('every metric has its comments once and at least one series, and no series twice', async (t) => {
  for (const body of await everything()) {
    const names = rowsOf(body).map(([name]) => name);
    t.is(new Set(names).size, names.length);
    const series = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    t.is(new Set(series.map((line) => line.slice(0, line.lastIndexOf(' ')))).size, series.length);
    for (const name of names)
      t.true(
        series.some((line) => new RegExp(`^${name}(_bucket)?[{ ]`).test(line)),
        `${name} has no series`,
      );
  }
});

test('as OpenMetrics a counter is a family without _total, whole bounds have a .0, and the end is marked', (t) => {
  const text = [
    '# HELP a_total A.',
    '# TYPE a_total counter',
    'a_total{b="c"} 1',
    '',
    '# HELP d_seconds D.',
    '# TYPE d_seconds histogram',
    'd_seconds_bucket{le="0.5"} 1',
    'd_seconds_bucket{le="10"} 2',
    'd_seconds_bucket{le="+Inf"} 2',
    '',
  ].join('\n');
  const { body, contentType } = Exposition.ofText('openmetrics', text);
  t.is(contentType, 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  t.is(
    body,
    [
      '# HELP a A.',
      '# TYPE a counter',
      'a_total{b="c"} 1',
      '# HELP d_seconds D.',
      '# TYPE d_seconds histogram',
      'd_seconds_bucket{le="0.5"} 1',
      'd_seconds_bucket{le="10.0"} 2',
      'd_seconds_bucket{le="+Inf"} 2',
      '# EOF',
      '',
    ].join('\n'),
  );
});

const prometheus242 = 'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
const prometheus3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
for (const [accept, wants] of [
  [undefined, false],
  ['', false],
  ['*/*', false],
  ['text/plain', false],
  ['text/plain;q=0.9, application/openmetrics-text;q=0.5', false],
  ['application/openmetrics-text; version=2.0.0', false],
  ['application/openmetrics-text;q=0', false],
  ['application/openmetrics-text;q=nonsense', false],
  ['Application/OpenMetrics-Text', true],
  [prometheus242, true],
  [prometheus3, true],
] as const)
  test(`${wants ? 'OpenMetrics' : 'the text format'} for Accept: ${accept ?? '(none)'}`, (t) => {
    t.is(formatFor(accept), wants ? 'openmetrics' : 'text');
  });

test('a gateway tells of its process where the process is its own', async (t) => {
  const { body } = await createGatewayInstruments(() => ({ ...gatewayFigures(), process: processFigures })).expose();
  t.true(body.includes('\nprocess_resident_memory_bytes 90000000\n'));
});
