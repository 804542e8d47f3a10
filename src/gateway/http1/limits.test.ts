import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import * as limits from './limits.ts';

test('docs/gateway.md lists every limit with its value', async (t) => {
  const page = await readFile(join(import.meta.dirname, '..', '..', '..', 'docs', 'gateway.md'), 'utf8');
  const told = [...page.matchAll(/^\|[^|]+\| ([\d,]+) (s|ms|KiB) +\|[^|]*\| `(\w+)` +\|$/gm)].map(([, value = '', unit = '', name = '']) => {
    const number = Number(value.replaceAll(',', ''));
    return [name, unit === 'KiB' ? number * 1024 : number];
  });
  t.deepEqual(Object.fromEntries(told), { ...limits });
});
