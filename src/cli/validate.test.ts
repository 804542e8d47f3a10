import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { validateFiles } from './validate.ts';

const validated = async (t: ExecutionContext, ...objects: readonly object[]): Promise<readonly string[]> => {
  const directory = await mkdtemp(join(tmpdir(), 'rouse-validate-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const path = join(directory, 'all.yaml');
  await writeFile(path, objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  const lines: string[] = [];
  await validateFiles([path], (line) => lines.push(line.replaceAll(path, 'all.yaml')));
  return lines;
};

const config = (annotations: Readonly<Record<string, string>>): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'rouse-config', annotations },
});

test('a rouse-config that hands everything back is warned about', async (t) => {
  t.deepEqual(await validated(t, config({ 'rouse.dev/hand-back': 'all' })), [
    'warning: all.yaml:1: rouse.dev/hand-back: all has every workload handed back, and none onboarded',
    '0 workloads, 0 problems',
  ]);
});
