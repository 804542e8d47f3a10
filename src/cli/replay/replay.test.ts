import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import test from 'ava';
import { CommandError } from '../exit-code.ts';
import { replayFiles } from './replay.ts';

const data = join(import.meta.dirname, '../../../test/data');
const golden = join(data, 'kpa-golden.jsonl.gz');

const replayed = async (...paths: readonly string[]): Promise<{ readonly code: number; readonly lines: readonly string[] }> => {
  const lines: string[] = [];
  const code = await replayFiles(paths, (line) => lines.push(line));
  return { code, lines };
};

const withFile = async (name: string, content: string | Uint8Array, use: (path: string) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'rouse-replay-'));
  try {
    const path = join(folder, name);
    await writeFile(path, content);
    await use(path);
  } finally {
    await rm(folder, { recursive: true });
  }
};

const firstCase = async (): Promise<string> =>
  gunzipSync(await readFile(golden))
    .toString('utf8')
    .split('\n')[0] ?? '';

test("policy kpa gives Knative's own numbers on every tick of the golden traces, as many as docs/autoscaling.md says", async (t) => {
  t.deepEqual(await replayed(golden, join(data, 'kpa-golden-limits.jsonl.gz')), { code: 0, lines: ['92 cases, 8770 ticks, 0 mismatches'] });
  t.regex(await readFile(join(import.meta.dirname, '../../../docs/autoscaling.md'), 'utf8'), /; 8770 recorded ticks of Knative's own code are/);
});

test('a figure that differs is shown with case, tick, field, want and got, and the exit code is 1', async (t) => {
  const line = (await firstCase()).replace('"desiredPodCount":75', '"desiredPodCount":74');
  await withFile('changed.jsonl', `${line}\n\n`, async (path) => {
    t.deepEqual(await replayed(path), {
      code: 1,
      lines: ['case 000-constant-rps-linear, tick 2, desiredPodCount: want 74, got 75', '1 case, 136 ticks, 1 mismatch'],
    });
  });
});

test('several files are counted together, plain or packed', async (t) => {
  const line = await firstCase();
  await withFile('one.jsonl', line, async (plain) => {
    await withFile('one.jsonl.gz', gzipSync(line), async (packed) => {
      t.deepEqual((await replayed(plain, packed)).lines, ['2 cases, 272 ticks, 0 mismatches']);
    });
  });
});

const refuses = test.macro(async (t, name: string, content: string | Uint8Array, message: RegExp) => {
  await withFile(name, content, async (path) => {
    const error = await t.throwsAsync(replayed(path), { instanceOf: CommandError });
    t.regex(error.message, message);
    t.is(error.exitCode, 2);
  });
});

test('a line that is not JSON is refused with its number', refuses, 'bad.jsonl', '\nnonsense', /line 2: is not JSON$/);
test(
  'a case without a field is refused by the name of the field',
  refuses,
  'bad.jsonl',
  '{"name":"x","spec":{}}',
  /line 1: spec\.metric is not one of concurrency, rps$/,
);
test(
  'a trace of another version is refused as such',
  refuses,
  'new.jsonl',
  '{"trace":"rouse","v":2,"workload":"default/web"}\n{"at":1}\n',
  /line 1 begins a trace of version 2; this Rouse reads version 1$/,
);
test('a directory is refused', async (t) => {
  const error = await t.throwsAsync(replayed(import.meta.dirname), { instanceOf: CommandError });
  t.regex(error.message, /: it is a directory; name the files in it$/);
});
test('an empty file is refused', refuses, 'empty.jsonl', '', /holds no case$/);
test('a broken archive is refused', refuses, 'broken.jsonl.gz', 'no gzip', /cannot replay .*header/);

test('a file that is not there is refused', async (t) => {
  const error = await t.throwsAsync(replayed('/nowhere/at.all.jsonl'), { instanceOf: CommandError });
  t.regex(error.message, /cannot replay \/nowhere\/at\.all\.jsonl: there is no such file$/);
});
