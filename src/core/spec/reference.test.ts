import { readFileSync } from 'node:fs';
import test from 'ava';
import { operatorNames, operatorSettings } from './operator-settings.ts';
import { sections } from './setting.ts';
import { laterSettings, settingNames, settings } from './settings.ts';

const page = readFileSync(new URL('../../../docs/reference/annotations.md', import.meta.url), 'utf8');

/** The cells of the table under the heading `## title`, without its header. */
const tableUnder = (title: string): readonly (readonly string[])[] => {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${title}\n`)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('\\|', '|')),
  );
};

for (const section of sections) {
  test(`the reference lists every ${section} setting with the parser's own default, legal values, example and meaning`, (t) => {
    const rows = tableUnder(section).filter(([name]) => name !== '`enabled`');
    const expected = settingNames
      .filter((name) => settings[name].section === section)
      .map((name) => {
        const { initial, defaultMeans, legal, example, meaning, knative } = { defaultMeans: undefined, ...settings[name] };
        return [`\`${name}\``, defaultMeans ?? (initial === undefined ? '–' : `\`${initial}\``), legal, `\`${example}\``, meaning, knative ? 'yes' : ''];
      });
    t.deepEqual(rows, expected);
  });
}

test('the reference lists every key of rouse-config that only the operator can set', (t) => {
  const expected = operatorNames.map((name) => {
    const { initial, legal, example, meaning } = operatorSettings[name];
    return [`\`${name}\``, initial === '' ? '–' : `\`${initial}\``, legal, `\`${example}\``, meaning];
  });
  t.deepEqual(tableUnder('ConfigMap `rouse-config`'), expected);
});

test('the reference names what is not available yet', (t) => {
  t.deepEqual(
    tableUnder('Not available in this version'),
    [...laterSettings].map(([name, meaning]) => [`\`${name}\``, meaning]),
  );
});
