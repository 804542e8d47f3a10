import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { startRouse } from '../support/rouse-process.ts';

const root = join(import.meta.dirname, '..', '..');
const pages = [join('docs', 'reference', 'cli.md'), join('docs', 'command-line.md')];

test('docs/reference/cli.md and docs/command-line.md have every flag of every command with its default, and no other', async (t) => {
  const page = (await Promise.all(pages.map((path) => readFile(join(root, path), 'utf8')))).join('\n');
  const all = startRouse(['--help']);
  t.is(await all.ended, 0, all.errors());
  const commands = all.lines
    .slice(all.lines.indexOf('Commands:'))
    .flatMap((line) => /^ {2}([a-z]+) /.exec(line)?.[1] ?? [])
    .filter((command) => command !== 'help');
  t.true(commands.length >= 15);
  const documented = [...page.matchAll(/^\| (\w+) +\| `--([\w-]+)[^|]*\| ([^|]*)\|/gm)].map(
    ([, command, flag, byDefault]) => [`${command} --${flag}`, byDefault?.trim()] as const,
  );
  const real: [string, string | undefined][] = [];
  // A process takes half a second to begin.
  const helps = await Promise.all(
    commands.map(async (command) => {
      const rouse = startRouse([command, '--help']);
      t.is(await rouse.ended, 0, rouse.errors());
      return [command, rouse.lines.join(' ')] as const;
    }),
  );
  for (const [command, help] of helps) {
    for (const [, flag, text = ''] of help.matchAll(/--([\w-]+)(.*?)(?= {2}-|$)/g)) {
      if (flag === 'help' || flag === undefined) continue;
      real.push([`${command} --${flag}`, /default: "?([\w]+)"?/.exec(text)?.[1]]);
      t.regex(text.replaceAll(/\s+/g, ' '), new RegExp(`env: ROUSE_${flag.replaceAll('-', '_').toUpperCase()}`));
    }
  }
  t.deepEqual(documented.map(([flag]) => flag).sort(), real.map(([flag]) => flag).sort());
  const defaults = new Map<string, string | undefined>(documented);
  for (const [flag, byDefault] of real) if (byDefault !== undefined) t.is(defaults.get(flag), byDefault, flag);
});
