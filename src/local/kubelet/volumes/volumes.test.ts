import { mkdtemp, readFile, readdir, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Volume } from 'kubernetes-types/core/v1.d.ts';
import { after, instant, ManualClock, millis } from '../../../core/index.ts';
import { PodVolumes } from './pod-volumes.ts';
import type { Files } from './volume-sources.ts';

const ref = { namespace: 'default', name: 'web', uid: 'u1' };

const texts = (data: Readonly<Record<string, string>>): Files => Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value)]));

const scene = async (t: ExecutionContext, volumes: readonly Volume[], where?: string) => {
  const directory = where ?? (await mkdtemp(join(tmpdir(), 'rouse-volumes-')));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const clock = new ManualClock(instant(0));
  const configMaps = new Map<string, Files>();
  const tokens: string[] = [];
  const pod = { metadata: { name: 'web', labels: { b: '2', a: 'one "1"' } }, spec: { containers: [], volumes: [...volumes] } };
  const made = new PodVolumes(
    pod,
    ref,
    directory,
    {
      configMapFiles: (_namespace, name) => Promise.resolve(configMaps.get(name)),
      secretFiles: (_namespace, name) => Promise.resolve(name === 'key' ? texts({ tls: 'hidden' }) : undefined),
      requestToken: (to, account, audience, seconds) => {
        tokens.push(`${to.uid} ${account} ${audience ?? '-'} ${tokens.length}`);
        return Promise.resolve({ token: tokens.at(-1) ?? '', expiresAt: after(clock.now(), millis(seconds * 1000)) });
      },
    },
    clock,
  );
  const read = (volume: string, file: string): Promise<string> => readFile(join(made.pathOf(volume) ?? '', file), 'utf8');
  return { volumes: made, directory, configMaps, clock, tokens, read };
};

test('what is missing is named with its volume, and the volume is there once it is', async (t) => {
  const { volumes, configMaps, read } = await scene(t, [{ name: 'ca', configMap: { name: 'rouse-ca', items: [{ key: 'ca.crt', path: 'tls/ca.pem' }] } }]);
  await t.throwsAsync(volumes.fill(), { message: 'MountVolume.SetUp failed for volume "ca" : configmap "rouse-ca" not found' });
  configMaps.set('rouse-ca', texts({ other: 'x' }));
  await t.throwsAsync(volumes.fill(), { message: /configmap references non-existent config key: ca\.crt/ });
  configMaps.set('rouse-ca', texts({ 'ca.crt': 'PEM' }));
  await volumes.fill();
  t.is(await read('ca', 'tls/ca.pem'), 'PEM');
});

test('an optional source that is missing is an empty volume, and an unknown kind of volume is refused', async (t) => {
  const { volumes } = await scene(t, [{ name: 'maybe', secret: { secretName: 'none', optional: true } }]);
  await volumes.fill();
  t.deepEqual(
    (await readdir(volumes.pathOf('maybe') ?? '')).filter((name) => !name.startsWith('..')),
    [],
  );
  const other = await scene(t, [{ name: 'disk', awsElasticBlockStore: { volumeID: 'v' } }]);
  await t.throwsAsync(other.volumes.fill(), { message: /volume "disk".*does not know/ });
});

test('files change all at once, by moving one link; a file that is gone is gone', async (t) => {
  const { volumes, configMaps, read } = await scene(t, [{ name: 'conf', configMap: { name: 'conf' } }]);
  configMaps.set('conf', texts({ a: '1', b: '1' }));
  await volumes.fill();
  const path = volumes.pathOf('conf') ?? '';
  const before = await readlink(join(path, '..data'));
  await volumes.fill();
  t.is(await readlink(join(path, '..data')), before, 'nothing changed');
  configMaps.set('conf', texts({ a: '2', c: '2' }));
  await volumes.fill();
  t.not(await readlink(join(path, '..data')), before);
  t.is(await read('conf', 'a'), '2');
  t.deepEqual((await readdir(path)).filter((name) => !name.startsWith('..')).sort(), ['a', 'c']);
  t.is((await readdir(path)).filter((name) => /^\.\.\d/.test(name)).length, 1, 'the old files are removed');
});

test('files are bytes: what is no text arrives as it is', async (t) => {
  const { volumes, configMaps } = await scene(t, [{ name: 'conf', configMap: { name: 'conf' } }]);
  const bytes = Buffer.from([0, 255, 128, 10]);
  configMaps.set('conf', { blob: bytes });
  await volumes.fill();
  t.deepEqual(await readFile(join(volumes.pathOf('conf') ?? '', 'blob')), bytes);
});

test('volumes that an earlier try has filled are filled again, with other content', async (t) => {
  const volume = { name: 'conf', configMap: { name: 'conf' } };
  const earlier = await scene(t, [volume]);
  earlier.configMaps.set('conf', texts({ a: '1' }));
  await earlier.volumes.fill();
  const { volumes, configMaps, read } = await scene(t, [volume], earlier.directory);
  configMaps.set('conf', texts({ a: '2' }));
  await volumes.fill();
  t.is(await read('conf', 'a'), '2');
});

test('a projected volume holds a token of the pod, labels and Secrets; the token is asked for anew after four fifths of its time', async (t) => {
  const sources = [
    { serviceAccountToken: { path: 'token', audience: 'rouse', expirationSeconds: 1000 } },
    { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
    { secret: { name: 'key', items: [{ key: 'tls', path: 'tls', mode: 0o400 }] } },
  ];
  const { volumes, clock, tokens, read } = await scene(t, [{ name: 'all', projected: { sources, defaultMode: 0o640 } }]);
  await volumes.fill();
  t.is(await read('all', 'token'), 'u1 default rouse 0');
  t.is(await read('all', 'labels'), 'a="one \\"1\\""\nb="2"\n');
  t.is(await read('all', 'tls'), 'hidden');
  const modeOf = async (file: string): Promise<number> => (await stat(join(volumes.pathOf('all') ?? '', file))).mode & 0o777;
  t.deepEqual([await modeOf('token'), await modeOf('tls')], [0o640, 0o400]);
  await clock.advance(millis(799_000));
  await volumes.fill();
  t.is(tokens.length, 1);
  await clock.advance(millis(1000));
  await volumes.fill();
  t.is(await read('all', 'token'), 'u1 default rouse 1');
});
