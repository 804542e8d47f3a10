import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { CommandError } from './exit-code.ts';
import { isWorkload, parseManifests, readManifests } from './manifests.ts';

test('documents and lists are opened, and each object knows its line', (t) => {
  const text =
    'apiVersion: v1\nkind: Service\nmetadata: {name: a}\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: b}}\n---\n# nothing\n';
  t.deepEqual(
    parseManifests(text, 'app.yaml').map(({ object, at }) => [object.metadata.name, at]),
    [
      ['a', 'app.yaml:1'],
      ['b', 'app.yaml:5'],
    ],
  );
});

test('a workload has a pod template and says something to Rouse; `annotations:` with nothing after it says nothing', (t) => {
  const text = ['{rouse.dev/enabled: "true"}', '{example.com/a: b}', '', '{rouse.dev/enabled: "true"}']
    .map(
      (annotations, index) =>
        `apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\n  annotations: ${annotations}\nspec: {${index < 3 ? 'template: {}' : ''}}\n`,
    )
    .join('---\n');
  t.deepEqual(
    parseManifests(text, 'app.yaml').map(({ object }) => isWorkload(object)),
    [true, false, false, false],
  );
});

const wrong: readonly (readonly [what: string, text: string, message: RegExp])[] = [
  ['broken YAML', 'a: b\n c: [', /^app\.yaml:\d+: not valid YAML: /],
  ['an empty file', '', /^app\.yaml: there is no Kubernetes object in it$/],
  ['a bare list', '- 1', /^app\.yaml:1: want a Kubernetes object .* got a list$/],
  ['no kind', 'apiVersion: v1\nmetadata: {name: a}', /^app\.yaml:1: kind is missing, e\.g\. kind: Deployment$/],
  ['no name', 'apiVersion: v1\nkind: Service\nmetadata: {}', /^app\.yaml:1: metadata\.name is missing$/],
  [
    'an annotation that is no string',
    'apiVersion: v1\nkind: Service\nmetadata: {name: a, annotations: {rouse.dev/enabled: true}}',
    /put quotes around it, e\.g\. rouse\.dev\/enabled: "true"$/,
  ],
  ['an alias bomb', `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [${'*a,'.repeat(9)}]\nc: [${'*b,'.repeat(60)}]`, /alias/i],
];
for (const [what, text, message] of wrong)
  test(`${what} is refused with one sentence`, (t) => {
    t.regex(t.throws(() => parseManifests(text, 'app.yaml')).message, message);
  });

if (process.platform !== 'win32')
  test('a pipe is read as a file is; what never ends is too large', async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'rouse-manifests-'));
    t.teardown(() => rm(directory, { recursive: true }));
    const pipe = join(directory, 'pipe');
    await promisify(execFile)('mkfifo', [pipe]);
    const [manifests] = await Promise.all([readManifests([pipe]), writeFile(pipe, 'apiVersion: v1\nkind: Service\nmetadata: {name: a}')]);
    t.is(manifests[0]?.object.metadata.name, 'a');
    const endless = await t.throwsAsync(readManifests(['/dev/zero']), { instanceOf: CommandError });
    t.is(endless.message, 'the manifest /dev/zero is too large: at most 4 MiB are read');
  });

test('a file that is not there is named', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'rouse-manifests-'));
  t.teardown(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'a.yaml'), 'apiVersion: v1\nkind: Service\nmetadata: {name: a}');
  t.is((await readManifests([join(directory, 'a.yaml')])).length, 1);
  const missing = await t.throwsAsync(readManifests([join(directory, 'b.yaml')]), { instanceOf: CommandError });
  t.regex(missing.message, /^cannot read the manifest .*b\.yaml: there is no such file$/);
});
