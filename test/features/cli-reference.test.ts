import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { startRouse } from '../support/rouse-process.ts';

const root = join(import.meta.dirname, '..', '..');
const commands = ['local', 'controller', 'gateway', 'uninstall', 'restore', 'explain', 'replay', 'simulate', 'validate'];

test('docs/reference/cli.md has every flag of every command with its default, and no other', async (t) => {
  const page = await readFile(join(root, 'docs', 'reference', 'cli.md'), 'utf8');
  const documented = [...page.matchAll(/^\| (\w+) +\| `--([\w-]+)[^|]*\| ([^|]*)\|/gm)].map(
    ([, command, flag, byDefault]) => [`${command} --${flag}`, byDefault?.trim()] as const,
  );
  const real: [string, string | undefined][] = [];
  for (const command of commands) {
    const rouse = startRouse([command, '--help']);
    t.is(await rouse.ended, 0, rouse.errors());
    const help = rouse.lines.join(' ');
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
