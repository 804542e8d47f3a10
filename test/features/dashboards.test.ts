import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import ts from 'typescript';
import { parse } from 'yaml';
import { dashboards, printDashboard } from '../../grafana/src/dashboards.ts';
import { withRunbookLinks } from '../../grafana/src/runbook-links.ts';
import { dashboardQueries, ruleQueries, type AlertRule, type RuleFile } from '../support/monitoring-queries.ts';

const root = join(import.meta.dirname, '..', '..');
const read = (...path: readonly string[]): Promise<string> => readFile(join(root, ...path), 'utf8');
const rules = async (name: string): Promise<RuleFile> => parse(await read('grafana', 'rules', name)) as RuleFile;

test('grafana/dashboards is what the code makes ("npm run dashboards"), file by file', async (t) => {
  t.deepEqual((await readdir(join(root, 'grafana', 'dashboards'))).sort(), [...dashboards.keys()].sort());
  for (const [file, dashboard] of dashboards) t.is(await read('grafana', 'dashboards', file), printDashboard(dashboard), file);
});

test('every panel has a title, a sentence about it, a data source that can be chosen, and a place of its own', (t) => {
  for (const [file, { panels, uid }] of dashboards) {
    t.regex(uid ?? '', /^rouse-/);
    const ids = new Set<number>();
    for (const panel of panels) {
      ids.add(panel.id);
      if (panel.type === 'row' || !('targets' in panel)) continue;
      t.regex(panel.description ?? '', /^.+\.$/, `${file}: ${panel.title ?? ''}`);
      t.is(panel.datasource?.uid, '${datasource}');
      const { x = 0, w = 0 } = panel.gridPos ?? {};
      t.true(x + w <= 24, `${file}: ${panel.title ?? ''} is not on the page`);
    }
    t.is(ids.size, panels.length, `${file}: ids`);
  }
});

/** What Grafana's own types say to a dashboard, as JSON: enums stand there as their values. */
const problemsOf = (dashboardFiles: ReadonlyMap<string, string>, folder: string): readonly string[] => {
  const file = join(folder, 'checked.ts');
  const source = [
    "import type { AnnotationQuery, Dashboard, Panel, RowPanel, VariableModel } from '@grafana/schema';",
    'type Json<T> = T extends string ? `${T}` : T extends number ? (number extends T ? number : `${T}` extends `${infer N extends number}` ? N : number) :',
    '  T extends (...parts: never[]) => unknown ? never : T extends readonly (infer Item)[] ? readonly Json<Item>[] : T extends object ? { readonly [Key in keyof T]: Json<T[Key]> } : T;',
    // Beyond the schema: what Prometheus' plugin has in an annotation, and what the SDK writes into every variable.
    'type Annotation = Json<AnnotationQuery> & { readonly expr?: string; readonly titleFormat?: string };',
    'type Variable = Json<VariableModel> & { readonly auto?: boolean; readonly auto_min?: string; readonly auto_count?: number };',
    "type Checked = Json<Omit<Dashboard, 'panels' | 'annotations' | 'templating'>> & { readonly panels?: readonly (Json<Panel> | Json<RowPanel>)[]; readonly annotations?: { readonly list?: readonly Annotation[] }; readonly templating?: { readonly list?: readonly Variable[] } };",
    ...[...dashboardFiles].map(([name, json]) => `export const ${name.replace(/\W/g, '_')}: Checked = ${json};`),
  ].join('\n');
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const real = { ...host };
  host.getSourceFile = (path, ...rest) =>
    path === file ? ts.createSourceFile(path, source, options.target ?? ts.ScriptTarget.ES2023) : real.getSourceFile(path, ...rest);
  host.fileExists = (path) => path === file || real.fileExists(path);
  const program = ts.createProgram([file], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
};

test('every dashboard is one by the types of @grafana/schema, and one that is not is found out', (t) => {
  const files = new Map([...dashboards].map(([file, dashboard]) => [file, printDashboard(dashboard)]));
  t.deepEqual(problemsOf(files, root), []);
  const wrong = JSON.stringify({ ...dashboards.get('cost.json'), graphTooltip: 'crosshair', panels: [{ type: 'timeseries', targets: 'rouse_leader' }] });
  t.is(problemsOf(new Map([['wrong', wrong]]), root).length, 2);
});

test('every query asks for metrics that docs/reference/metrics.md has, and every metric is in a dashboard', async (t) => {
  const known = new Map(
    [...(await read('docs', 'reference', 'metrics.md')).matchAll(/^\| `(\w+)` +\| (\w+)/gm)].map(([, name = '', type = '']) => [name, type]),
  );
  const alerts = await rules('alerts.yaml');
  const recording = await rules('recording.yaml');
  const asked = new Set<string>();
  for (const { where, expr } of [
    ...[...dashboards].flatMap(([file, dashboard]) => dashboardQueries(file, dashboard)),
    ...ruleQueries(alerts),
    ...ruleQueries(recording),
  ])
    for (const [, name = ''] of expr.matchAll(/(?<![\w:])((?:rouse|process|nodejs)_\w+)/g)) {
      const family = known.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
      t.true(known.has(family), `${where} asks for ${name}`);
      t.is(known.get(family) === 'histogram', family !== name, `${where}: ${name}`);
      asked.add(family);
    }
  t.deepEqual([...known.keys()].filter((name) => !asked.has(name)), []); // prettier-ignore
});

test('every alert has a severity, a summary, and a runbook that is there and has its name', async (t) => {
  const alerts = (await rules('alerts.yaml')).groups.flatMap(({ rules: of }) => of as readonly AlertRule[]);
  const runbooks = (await readdir(join(root, 'docs', 'runbooks'))).filter((file) => file !== 'README.md');
  t.deepEqual(runbooks.sort(), alerts.map(({ alert }) => `${alert}.md`).sort());
  for (const { alert, labels, annotations } of alerts) {
    t.true(['critical', 'warning', 'info'].includes(labels.severity), alert);
    t.true(annotations.summary.length > 10 && annotations.description.endsWith('.'), alert);
    t.is(annotations.runbook, `docs/runbooks/${alert}.md`);
    t.is(annotations.runbook_url, undefined, 'nobody knows the address before it is given');
    const page = await read('docs', 'runbooks', `${alert}.md`);
    t.true(page.startsWith(`# ${alert}\n`));
    for (const part of ['What it means', 'Why', 'What mends it']) t.regex(page, new RegExp(`^## ${part}$`, 'm'), `${alert}: ${part}`);
  }
});

test('with the address of runbooks each alert has its link and is the same otherwise; an address that cannot be one is told', async (t) => {
  const [plain, linked] = [
    await rules('alerts.yaml'),
    parse(withRunbookLinks(await read('grafana', 'rules', 'alerts.yaml'), 'https://wiki.example.com/{alert}?x=1#{alert}')) as RuleFile,
  ];
  const alertsOf = ({ groups }: RuleFile): readonly AlertRule[] => groups.flatMap(({ rules: of }) => of as readonly AlertRule[]);
  t.is(alertsOf(linked).length, 22);
  for (const { alert, annotations } of alertsOf(linked)) t.is(annotations.runbook_url, `https://wiki.example.com/${alert}?x=1#${alert}`);
  t.deepEqual(
    alertsOf(linked).map(({ annotations: { runbook_url: _, ...annotations }, ...rule }) => ({ ...rule, annotations })),
    alertsOf(plain),
  );
  for (const wrong of ['', 'https://wiki.example.com/', 'wiki/{alert}', 'ftp://x/{alert}'])
    t.throws(() => withRunbookLinks('', wrong), {
      message: `--runbooks ${JSON.stringify(wrong)}: want an http or https URL with {alert} in it, e.g. https://wiki.example.com/rouse/{alert}`,
    });
});
