import test from 'ava';
import type { Decision } from '../../src/core/index.ts';
import { startLoad } from '../support/load.ts';
import { startTestLocal, type TestApp, type TestLocal } from '../support/local.ts';
import { until } from '../support/until.ts';

let rouse: TestLocal;
test.before(async () => {
  rouse = await startTestLocal();
});
test.after.always(() => rouse.close());

const decisionsOf = ({ name }: TestApp): readonly Decision[] => rouse.local.controller.scaler.decided.explain('default', name)?.decisions ?? [];

const lastOf = ({ name }: TestApp): Decision | undefined => rouse.local.controller.scaler.decided.workloads().find((each) => each.name === name)?.decision;

interface PodMetricsList {
  readonly kind?: string;
  readonly items?: readonly {
    readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
    readonly timestamp: string;
    readonly window: string;
    readonly containers: readonly { readonly name: string; readonly usage: { readonly cpu: string; readonly memory: string } }[];
  }[];
}

test('a program that uses CPU gets more pods for it and loses them after; its traffic lets the last one go', async (t) => {
  const app = await rouse.run('burner', {
    annotations: {
      'rouse.dev/enabled': 'true',
      'rouse.dev/window': '6s',
      'rouse.dev/metric': 'cpu,concurrency',
      'rouse.dev/target': 'cpu=20%',
      'rouse.dev/max-scale': '3',
    },
    requests: { cpu: '100m' },
  });
  const working = startLoad(t, 1, async () => {
    const { status, text } = await app.get('/burn?ms=40');
    if (status !== 200) throw new Error(`${status}: ${text}`);
    await new Promise((resolve) => setTimeout(resolve, 60));
    return text;
  });
  await app.reach(3, 60_000);
  const rise = decisionsOf(app).findLast(({ kind, to }) => kind === 'scale' && to === 3);
  const [cpu, concurrency] = rise?.evidence.demands ?? [];
  t.like(cpu?.reading, { metric: 'cpu', kind: 'value' });
  t.true((cpu?.stablePods ?? 0) > 1 || (cpu?.panicPods ?? 0) > 1, JSON.stringify(rise));
  t.true((concurrency?.stablePods ?? 1) < 0.1, 'one request at a time is no cause');

  const measured = rouse.api('GET', '/apis/metrics.k8s.io/v1beta1/namespaces/default/pods?labelSelector=app%3Dburner');
  await working.stop();
  const { body } = await measured;
  const { kind, items = [] } = body as PodMetricsList;
  t.is(kind, 'PodMetricsList');
  t.true(items.length > 0 && items.every(({ metadata, timestamp }) => metadata.labels?.['app'] === 'burner' && Number.isFinite(Date.parse(timestamp))));
  for (const { window, containers } of items) {
    t.regex(window, /^\d+(\.\d+)?s$/);
    t.is(containers[0]?.name, 'app');
    t.regex(containers[0]?.usage.cpu ?? '', /^\d+n$/);
    t.true(Number.parseInt(containers[0]?.usage.memory ?? '', 10) > 10_000, 'a Node process has more than 10 MB');
  }
  await until('cpu alone asks for one pod', () => {
    const demands = lastOf(app)?.evidence.demands;
    return demands?.[0]?.reading.kind === 'value' && demands[0].stablePods < 1;
  });
  await app.reach(0);
});

/** 2.1 s are 1.4 times as much: 1.4 pods, well away from the edge of a third, also where a busy machine adds a good half-second. */
const byLatency = {
  'rouse.dev/enabled': 'true',
  'rouse.dev/window': '6s',
  'rouse.dev/metric': 'latency',
  'rouse.dev/target': '1500ms',
  'rouse.dev/container-concurrency': '10',
};

const answered = async (app: TestApp): Promise<string> => {
  const { status, text } = await app.get('/sleep?ms=2100');
  if (status !== 200) throw new Error(`${status}: ${text}`);
  return text;
};

test('a p95 over its target gets busy pods company, once', async (t) => {
  const app = await rouse.run('slow', { annotations: byLatency });
  const asking = startLoad(t, 6, () => answered(app));
  await app.reach(2);
  const rise = decisionsOf(app).findLast(({ kind }) => kind === 'scale');
  const reading = rise?.evidence.demands[0]?.reading;
  t.like(reading, { metric: 'latency', kind: 'value' });
  t.true(reading?.kind === 'value' && reading.stable >= 2000 && reading.stable < 6000, JSON.stringify(reading));
  await until('the window holds nothing of the time with one pod, and more', () => (lastOf(app)?.at ?? 0) > (rise?.at ?? 0) + 10_000);
  t.is(await app.replicas(), 2, 'six requests are not much for two pods: they are slow for another reason');
  await asking.stop();
});

test('where latency scales, no request in the window is no reason to stay', async (t) => {
  const app = await rouse.run('quiet', { annotations: byLatency });
  const asking = startLoad(t, 2, () => answered(app));
  await until('it has a p95', () => {
    const reading = lastOf(app)?.evidence.demands[0]?.reading;
    return reading?.kind === 'value' && reading.stable > 0;
  });
  await asking.stop();
  await app.reach(0);
  t.is(await app.replicas(), 0);
});
