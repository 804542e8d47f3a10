import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import * as http2Limits from '../http2/limits.ts';
import * as limits from './limits.ts';

const units: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 * 1024 };

test('docs/gateway.md lists every limit with its value', async (t) => {
  const page = await readFile(join(import.meta.dirname, '..', '..', '..', 'docs', 'gateway.md'), 'utf8');
  const told = [...page.matchAll(/^\|[^|]+\| ([\d,]+)(?: (s|ms|KiB|MiB))? +\|[^|]*\| `(\w+)` +\|$/gm)].map(([, value = '', unit = '', name = '']) => {
    // The name says what it is measured in.
    const suffix = unit === 's' ? /Seconds$/ : unit === 'ms' ? /Ms$/ : unit === '' ? /^most/ : /Bytes$/;
    t.regex(name, suffix);
    return [name, Number(value.replaceAll(',', '')) * (units[unit] ?? 1)];
  });
  t.deepEqual(Object.fromEntries(told), { ...limits, ...http2Limits });
  t.is(told.length, Object.keys({ ...limits, ...http2Limits }).length);
});
