import test from 'ava';
import type { Container } from 'kubernetes-types/core/v1.d.ts';
import { containerEnvironment } from './environment.ts';
import { expand } from './expansion.ts';
import { parseQuantity } from '../../core/index.ts';

const lookup = {
  readConfigMap: (_namespace: string, name: string) => Promise.resolve(name === 'settings' ? { COLOR: 'blue', SIZE: 'xl' } : undefined),
  readSecret: (_namespace: string, name: string) => Promise.resolve(name === 'login' ? { password: 'geheim' } : undefined),
};

const environment = (container: Partial<Container>, ports?: ReadonlyMap<string, number>) =>
  containerEnvironment(
    {
      pod: {
        metadata: { name: 'web-1', namespace: 'shop', uid: 'u1', labels: { app: 'web' }, annotations: { 'a.b/c': 'd' } },
        spec: { containers: [], nodeName: 'local' },
      },
      container: { name: 'c', ...container },
      base: { PATH: '/bin', COLOR: 'host' },
      network: { PORT: '10001', POD_IP: '127.0.0.1' },
      ports,
      podIP: '127.0.0.1',
      hostIP: '127.0.0.1',
      nodeCpus: 4,
      nodeMemoryBytes: 2 ** 30,
    },
    lookup,
  );

const valueOf = async (container: Partial<Container>): Promise<Readonly<Record<string, string>>> => {
  const found = await environment(container);
  if (!found.ok) throw new Error(found.problem);
  return found.value;
};

test('host, network, envFrom and env lie over each other in this order', async (t) => {
  const env = await valueOf({
    envFrom: [{ prefix: 'CFG_', configMapRef: { name: 'settings' } }, { configMapRef: { name: 'settings' } }],
    env: [{ name: 'SIZE', value: 's' }],
  });
  t.like(env, { PATH: '/bin', HOSTNAME: 'web-1', PORT: '10001', CFG_COLOR: 'blue', COLOR: 'blue', SIZE: 's' });
});

test('$(NAME) takes what came before, and what does not exist stays as it is', async (t) => {
  const env = await valueOf({
    env: [
      { name: 'URL', value: 'http://$(POD_IP):$(PORT)/$(NONE)/$$(PORT)' },
      { name: 'NEXT', value: '<$(URL)>' },
    ],
  });
  t.is(env['URL'], 'http://127.0.0.1:10001/$(NONE)/$(PORT)');
  t.is(env['NEXT'], '<http://127.0.0.1:10001/$(NONE)/$(PORT)>');
});

test('expansion leaves broken references alone and replaces nothing twice', (t) => {
  t.is(expand('$(A)$(B', { A: '$(B)', B: 'x' }), '$(B)$(B');
  t.is(expand('$$$(A) $ $() $A', { A: '1' }), '$1 $ $() $A');
  t.is(expand('$(constructor)', {}), '$(constructor)');
});

test('the downward API, keys and resources have their values', async (t) => {
  const ref = (fieldPath: string) => ({ valueFrom: { fieldRef: { fieldPath } } });
  const env = await valueOf({
    resources: { limits: { memory: '64Mi' }, requests: { cpu: '250m' } },
    env: [
      { name: 'NAME', ...ref('metadata.name') },
      { name: 'NODE', ...ref('spec.nodeName') },
      { name: 'IP', ...ref('status.podIP') },
      { name: 'APP', ...ref("metadata.labels['app']") },
      { name: 'NOTE', ...ref("metadata.annotations['a.b/c']") },
      { name: 'SECRET', valueFrom: { secretKeyRef: { name: 'login', key: 'password' } } },
      { name: 'SIZE', valueFrom: { configMapKeyRef: { name: 'settings', key: 'SIZE' } } },
      { name: 'MAYBE', valueFrom: { configMapKeyRef: { name: 'settings', key: 'NONE', optional: true } } },
      { name: 'MEMORY', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
      { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'requests.cpu', divisor: '1m' } } },
      { name: 'ALL_CPUS', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
    ],
  });
  t.like(env, { NAME: 'web-1', NODE: 'local', IP: '127.0.0.1', APP: 'web', NOTE: 'd', SECRET: 'geheim', SIZE: 'xl', MEMORY: '64', CPU: '250', ALL_CPUS: '4' });
  t.false('MAYBE' in env);
});

test('what is missing is named as a kubelet names it', async (t) => {
  const problem = async (container: Partial<Container>): Promise<string> => {
    const found = await environment(container);
    return found.ok ? '' : found.problem;
  };
  t.is(await problem({ envFrom: [{ configMapRef: { name: 'nope' } }] }), 'configmap "nope" not found');
  t.is(await problem({ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'nope', key: 'k' } } }] }), 'secret "nope" not found');
  t.is(
    await problem({ env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'settings', key: 'k' } } }] }),
    "couldn't find key k in ConfigMap shop/settings",
  );
});

test('a PORT that repeats the container port becomes the allotted one; another PORT is left alone', async (t) => {
  const ports = new Map([['8080', 10_001]]);
  const port = async (value: string): Promise<string | undefined> => {
    const found = await environment({ env: [{ name: 'PORT', value }] }, ports);
    return found.ok ? found.value['PORT'] : undefined;
  };
  t.is(await port('8080'), '10001');
  t.is(await port('9999'), '9999');
});

test('quantities are read as Kubernetes writes them', (t) => {
  for (const [text, value] of [
    ['1', 1],
    ['500m', 0.5],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['1e3', 1000],
    ['2k', 2000],
    ['.5', 0.5],
  ] as const)
    t.is(parseQuantity(text), value);
  for (const text of ['', 'x', '1x', '1 Mi', '--1']) t.is(parseQuantity(text), undefined);
});
