import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';

const root = join(import.meta.dirname, '..', '..');

interface Reference {
  readonly title: string;
  readonly file: string;
}

/** Rows of tables whose last two columns are a test's title and its file. */
const referencesOf = (markdown: string): readonly Reference[] =>
  [...markdown.matchAll(/^\|.*\| (.+?) +\| +((?:src|test)\/\S+\.test\.ts) +\|$/gm)].map(([, title = '', file = '']) => ({ title: title.trim(), file }));

/** The source of `file` without what quoting and the breaking of lines add to a title. */
const sources = new Map<string, Promise<string>>();
const sourceOf = (file: string): Promise<string> => {
  const found = sources.get(file);
  if (found !== undefined) return found;
  const read = readFile(join(root, file), 'utf8').then(
    (text) => text.replaceAll(/\\(['"`])/g, '$1'),
    () => '',
  );
  sources.set(file, read);
  return read;
};

const everyTestIsThere = test.macro({
  exec: async (t, path: string, atLeast: number) => {
    const references = referencesOf(await readFile(join(root, path), 'utf8'));
    t.true(references.length >= atLeast, `only ${references.length} tests are named: is the table's form still the one that is read here?`);
    for (const { title, file } of references) {
      const source = await sourceOf(file);
      t.true(
        ["'", '"', '`'].some((quote) => source.includes(`${quote}${title}${quote}`)),
        `${file} has no test "${title}"`,
      );
    }
  },
  title: (_given, path: string) => `every test that ${path} names exists`,
});

test(everyTestIsThere, 'docs/reference/guarantees.md', 45);
test(everyTestIsThere, 'docs/quality.md', 27);

test('docs/quality.md speaks of each of the 30 traps: in its tables or as one that does not apply', async (t) => {
  const page = await readFile(join(root, 'docs/quality.md'), 'utf8');
  const spoken = new Set(
    [...page.matchAll(/^\| (\d+) +\|/gm), ...page.matchAll(/^Not applicable: (\d+)/gm), ...page.matchAll(/; (\d+) \(/g)].map(([, number]) => Number(number)),
  );
  t.deepEqual(
    Array.from({ length: 30 }, (_, index) => index + 1).filter((number) => !spoken.has(number)),
    [],
  );
});
