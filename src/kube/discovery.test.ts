import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../core/index.ts';
import { ScriptedKubeApi, type Canned } from '../../test/support/scripted-kube-api.ts';
import { createKindDiscovery, loadKubeConfig, type KindDiscovery } from './index.ts';

const notFound: Canned = { status: 404, body: { kind: 'Status', reason: 'NotFound', message: 'the server could not find the requested resource' } };
const resourceList = (...resources: readonly object[]): Canned => ({ status: 200, body: { kind: 'APIResourceList', resources } });

const discovery = async (t: ExecutionContext, answers: Readonly<Record<string, Canned>>): Promise<KindDiscovery> => {
  const api = await ScriptedKubeApi.start();
  api.answer = ({ path }) => answers[path] ?? notFound;
  const connection = await loadKubeConfig({ kind: 'text', text: api.kubeConfig });
  t.teardown(async () => {
    connection.close();
    await api.stop();
  });
  return createKindDiscovery({ connection, clock: systemClock });
};

const group: Canned = {
  status: 200,
  body: { kind: 'APIGroup', preferredVersion: { version: 'v1' }, versions: [{ version: 'v2alpha1' }, { version: 'v1' }, { version: 'v1beta1' }] },
};
const widgets = { name: 'widgets', kind: 'Widget', namespaced: true };
const resource = { group: 'example.com', version: 'v1', plural: 'widgets', kind: 'Widget', namespaced: true };

test('a kind is found in the version that the server prefers, with its /scale', async (t) => {
  const discover = await discovery(t, {
    '/apis/example.com': group,
    '/apis/example.com/v1': resourceList(widgets, { name: 'widgets/scale', kind: 'Scale', namespaced: true }),
  });
  t.deepEqual(await discover('widgets.example.com'), { ok: true, value: { resource, hasScale: true } });
});

test('a kind that the preferred version does not have is found in another; without /scale, that is said', async (t) => {
  const discover = await discovery(t, {
    '/apis/example.com': group,
    '/apis/example.com/v1': resourceList(),
    '/apis/example.com/v1beta1': resourceList(widgets),
  });
  t.deepEqual(await discover('widgets.example.com'), { ok: true, value: { resource: { ...resource, version: 'v1beta1' }, hasScale: false } });
});

test('a kind or a group that is not there is found nowhere', async (t) => {
  const discover = await discovery(t, { '/apis/example.com': group });
  t.deepEqual(await discover('widgets.example.com'), { ok: true, value: undefined });
  t.deepEqual(await discover('widgets.other.com'), { ok: true, value: undefined });
});

test('a server that does not answer as it should is a refusal, not an absent kind', async (t) => {
  const discover = await discovery(t, { '/apis/example.com': { status: 503, body: { kind: 'Status', message: 'later' } } });
  const found = await discover('widgets.example.com');
  t.is(found.ok ? undefined : found.problem.kind, 'unavailable');
});
