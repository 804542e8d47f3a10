import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { dashboards } from '../../grafana/src/dashboards.ts';
import { isCommand, isQuery, runbooks } from '../support/runbooks.ts';

/** Everything that a runbook names is there: whoever reads one at night has no time for what was renamed. That its commands and queries run is in test/tools. */

const root = join(import.meta.dirname, '..', '..');
const read = (...path: readonly string[]): Promise<string> => readFile(join(root, ...path), 'utf8');
const pages = await runbooks();

/** Code, manifests and references: what a word can be taken from. */
const sourcesOf = async (folder: string, kinds: RegExp): Promise<string> => {
  const files = (await readdir(join(root, folder), { recursive: true })).filter((file) => kinds.test(file) && !file.endsWith('.test.ts'));
  return (await Promise.all(files.map((file) => read(folder, file)))).join('\n');
};
const code = await sourcesOf('src', /\.ts$/);
const manifests = await sourcesOf('deploy/base', /\.yaml$/);
const references = await sourcesOf('docs/reference', /\.md$/);

const commandLine = await read('docs', 'command-line.md');

const metrics = new Set([...references.matchAll(/^\| `(\w+)` +\| \w+/gm)].map(([, name = '']) => name));

test('every metric that a runbook asks for is one of ours', (t) => {
  for (const { alert, spans } of pages)
    for (const query of spans.filter(isQuery))
      for (const [name] of query.matchAll(/\b(?:rouse|process|nodejs)_\w+/g))
        t.true(metrics.has(name.replace(/_(bucket|sum|count)$/, '')), `${alert}: ${name}`);
});

test('every command of a runbook is whole: the words in capitals are what has to be filled in, and rouse has it', (t) => {
  const ours = new Set([...`${references}\n${commandLine}`.matchAll(/^\| (\w+) +\| `--/gm)].map(([, name = '']) => name));
  const commands = pages.flatMap(({ alert, spans }) => spans.filter(isCommand).map((command) => ({ alert, command })));
  t.true(commands.length >= 20);
  for (const { alert, command } of commands) {
    t.notRegex(command, /…|<|\.\.\./, alert);
    const [program = '', name = ''] = command.split(' ');
    if (program === 'rouse') t.true(ours.has(name), `${alert}: ${command}`);
    for (const [word] of command.matchAll(/\b[A-Z]{3,}\b/g)) t.true(['NAME', 'NAMESPACE', 'POD', 'FILE'].includes(word), `${alert}: ${word}`);
  }
});

/** Words of Kubernetes and of other programs. */
const others = ['Certificate', 'holderIdentity', 'renewTime', 'forbidden', 'failurePolicy: Ignore', '/scale', 'replicas', 'metrics.k8s.io'];

test('every word in backticks is an annotation, a flag, a file, an object, a reason or a line of the log that there is', async (t) => {
  const isFile = async (span: string): Promise<boolean> =>
    stat(join(root, span)).then(
      () => true,
      () => false,
    );
  for (const { alert, spans } of pages)
    for (const span of spans) {
      if (isCommand(span) || isQuery(span) || others.includes(span)) continue;
      const [, setting] = /^rouse\.dev\/(.+)$/.exec(span) ?? [];
      const [, object] = /^rouse-system\/(.+)$/.exec(span) ?? [];
      const found =
        setting !== undefined
          ? references.includes(`\`${setting}\``)
          : span.startsWith('--')
            ? references.includes(`\`${span}`)
            : object !== undefined
              ? code.includes(`'${object}'`) || code.includes(`/${object}\``)
              : code.includes(`'${span}'`) ||
                code.includes(`'${span};`) ||
                code.includes(`${span}:`) ||
                code.includes(span + '`') ||
                manifests.includes(span) ||
                (await isFile(span));
      t.true(found, `${alert}: ${span}`);
    }
});

test('every dashboard, panel and alert that a runbook names is there', (t) => {
  const titles = new Set(
    [...dashboards.values()].flatMap(({ title = '', panels }) => [title.replace('Rouse / ', ''), ...panels.flatMap((panel) => panel.title ?? [])]),
  );
  const alerts = new Set(pages.map(({ alert }) => alert));
  for (const { alert, text } of pages) {
    for (const [, title = ''] of text.matchAll(/(?<!\w)_([A-Z][^_`\n]*)_(?!\w)/g)) t.true(titles.has(title), `${alert}: ${title}`);
    for (const [name] of text.replaceAll(/`[^`]*`/g, '').matchAll(/\bRouse[A-Z]\w+/g)) t.true(alerts.has(name), `${alert}: ${name}`);
  }
});
