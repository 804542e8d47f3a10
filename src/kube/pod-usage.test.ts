import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { systemClock } from '../core/index.ts';
import { ScriptedKubeApi, type Canned } from '../../test/support/scripted-kube-api.ts';
import { createPodUsageReader, loadKubeConfig, type PodUsageReader } from './index.ts';
import { podUsageView } from './pod-usage.ts';

const path = '/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods';

const reader = async (t: ExecutionContext, answer: Canned): Promise<PodUsageReader> => {
  const api = await ScriptedKubeApi.start();
  api.answer = (call) => (call.path === path ? answer : { status: 500, body: {} });
  const connection = await loadKubeConfig({ kind: 'text', text: api.kubeConfig });
  t.teardown(async () => {
    connection.close();
    await api.stop();
  });
  return createPodUsageReader({ connection, clock: systemClock });
};

const metrics = (name: string, containers: unknown, changed: object = {}): object => ({
  kind: 'PodMetrics',
  metadata: { name, namespace: 'shop', creationTimestamp: '2030-01-01T00:00:30Z', labels: { app: 'web' } },
  timestamp: '2030-01-01T00:00:15Z',
  window: '15.25s',
  containers,
  ...changed,
});

test('a list as metrics-server writes it, without a resourceVersion, is trimmed to what is used', async (t) => {
  const containers = [
    { name: 'app', usage: { cpu: '156340117n', memory: '14428Ki' } },
    { name: 'side', usage: { cpu: '0', memory: '1e3' } },
  ];
  const read = await reader(t, {
    status: 200,
    body: { kind: 'PodMetricsList', apiVersion: 'metrics.k8s.io/v1beta1', metadata: {}, items: [metrics('web-1', containers)] },
  });
  t.deepEqual(await read('shop'), {
    ok: true,
    value: [
      {
        name: 'web-1',
        timestamp: Date.UTC(2030, 0, 1, 0, 0, 15),
        windowMs: 15_250,
        containers: [
          { name: 'app', cpu: 0.156340117, memory: 14_428 * 1024 },
          { name: 'side', cpu: 0, memory: 1000 },
        ],
      },
    ],
  });
});

test('what is no PodMetrics is left out, and what is no quantity is not told', (t) => {
  t.is(podUsageView(metrics('web-1', [], { timestamp: 'yesterday' })), undefined);
  t.is(podUsageView({ ...metrics('web-1', []), metadata: {} }), undefined);
  for (const wrong of ['much', '-1', '', null, {}, Number.NaN, -1])
    t.deepEqual(podUsageView(metrics('web-1', [{ name: 'app', usage: { cpu: wrong, memory: wrong } }, { usage: {} }]))?.containers, [
      { name: 'app', cpu: undefined, memory: undefined },
    ]);
  for (const [text, ms] of [
    ['1m0.5s', 60_500],
    ['30s', 30_000],
    ['1h', 3_600_000],
    ['soon', 0],
    [15, 0],
  ] as const)
    t.is(podUsageView(metrics('web-1', [], { window: text }))?.windowMs, ms);
});

test('any JSON is taken', (t) => {
  t.is(podUsageView(undefined), undefined);
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (some, other) => {
      podUsageView(some);
      for (const { cpu, memory } of podUsageView(metrics('web-1', some, { window: other }))?.containers ?? [])
        for (const value of [cpu, memory]) t.true(value === undefined || value >= 0);
    }),
  );
});

test('an API that is not there, refuses or says something else is a refusal', async (t) => {
  const kindOf = async (answer: Canned): Promise<string | undefined> => {
    const read = await (await reader(t, answer))('shop');
    return read.ok ? undefined : read.problem.kind;
  };
  t.is(await kindOf({ status: 404, body: { kind: 'Status', reason: 'NotFound', message: 'the server could not find the requested resource' } }), 'not-found');
  t.is(await kindOf({ status: 403, body: { kind: 'Status', reason: 'Forbidden', message: 'no' } }), 'forbidden');
  t.is(await kindOf({ status: 503, body: { kind: 'Status', message: 'the server is currently unable to handle the request' } }), 'unavailable');
  t.is(await kindOf({ status: 200, body: { items: 'none' } }), 'unavailable');
});
