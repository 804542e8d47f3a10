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

const workload = (kind: string, annotations: Readonly<Record<string, string>>, inside: Readonly<Record<string, string>> = {}): object => ({
  apiVersion: kind === 'CronJob' ? 'batch/v1' : 'apps/v1',
  kind,
  metadata: { name: 'shop', annotations },
  spec: { template: { metadata: { annotations: inside } } },
});
const on = { 'rouse.dev/enabled': 'true' };

test('annotations that would do nothing are warned about: on the template, on a Service, on a kind that Rouse does not scale, without the switch', async (t) => {
  t.deepEqual(await validated(t, workload('Deployment', on), workload('StatefulSet', on)), ['2 workloads, 0 problems']);
  t.deepEqual(await validated(t, workload('Deployment', {}, on)), [
    'warning: all.yaml:1: Deployment shop: there is no rouse.dev/enabled: "true" on it: Rouse leaves it alone',
    'warning: all.yaml:1: Deployment shop: rouse.dev/enabled on the pod template: has no effect there; put it on the workload itself.',
    '1 workload, 0 problems',
  ]);
  t.deepEqual(await validated(t, workload('DaemonSet', on)), [
    'warning: all.yaml:1: DaemonSet shop: a DaemonSet of apps/v1 is none of allow-kinds (deployments.apps, statefulsets.apps): Rouse leaves it alone',
    '1 workload, 0 problems',
  ]);
  t.deepEqual(await validated(t, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'shop', annotations: on } }), [
    'warning: all.yaml:1: Service shop: rouse.dev/enabled has no effect there; put it on the workload itself.',
    '0 workloads, 0 problems',
  ]);
});

test('a kind of allow-kinds is one whatever its plural', async (t) => {
  const allowing = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'rouse-config' }, data: { 'allow-kinds': 'policies.example.com' } };
  const policy = { ...workload('Policy', on), apiVersion: 'example.com/v1' };
  t.deepEqual(await validated(t, allowing, policy), ['1 workload, 0 problems']);
  t.is((await validated(t, allowing, workload('Deployment', on))).length, 2);
});
