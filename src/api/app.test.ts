import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { Express } from 'express';
import { instant, systemClock } from '../core/index.ts';
import { createApi, type WorkloadReader, type WorkloadSummary } from './index.ts';

const hello: WorkloadSummary = {
  namespace: 'default',
  name: 'hello',
  resource: 'deployments.apps',
  phase: 'scaling-up',
  mode: 'enforce',
  pause: 'none',
  desired: 2,
  replicas: 2,
  ready: 1,
  starting: 1,
  held: 0,
  inFlight: 9,
  reason: 'metric-rise',
};
const controller = { version: '1.2.3', identity: 'one', now: instant(5), placement: false, gateways: [] };
const reader: WorkloadReader = {
  workloads: () => [hello],
  explain: (namespace, name) => (namespace === 'default' && name === 'hello' ? { workload: hello, decisions: [] } : undefined),
  why: (namespace, name, at) => {
    if (namespace !== 'default' || name !== 'hello') return { kind: 'not-onboarded' };
    if (at === undefined) return { kind: 'explained', explanation: { workload: hello }, words: () => 'hello has 2 pods\n' };
    return { kind: 'problem', status: 400, code: 'bad-time', detail: `at is ${at}` };
  },
  trace: (_namespace, name) => (name === 'hello' ? '{"trace":"rouse"}\n' : undefined),
  leads: () => true,
  controller: () => controller,
};

const howTo = (name: string): string =>
  `default/${name} is not onboarded: there is no such workload, or it carries no rouse.dev/enabled: "true" (kubectl -n default annotate deployment ${name} rouse.dev/enabled=true)`;

const served = async (t: ExecutionContext, api: Express): Promise<string> => {
  const server = createServer((request, response) => {
    api(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const answer = async (t: ExecutionContext, path: string, accept = '*/*'): Promise<Response> =>
  fetch(`${await served(t, createApi(reader, systemClock))}${path}`, { headers: { accept } });

const cases = [
  ['/controller', 200, controller],
  ['/workloads', 200, { workloads: [hello] }],
  ['/workloads?namespace=default', 200, { workloads: [hello] }],
  ['/workloads?namespace=team', 200, { workloads: [] }],
  ['/workloads/default/hello', 200, { workload: hello, decisions: [] }],
  ['/workloads/default/other', 404, { code: 'not-onboarded', detail: howTo('other') }],
  ['/workloads/default/hello/explain', 200, { workload: hello }],
  ['/workloads/default/hello/explain?at=noon', 400, { code: 'bad-time', detail: 'at is noon' }],
  [
    '/workloads/default/hello/explain?at=1m&at=2m',
    400,
    { code: 'bad-time', detail: 'at is given more than once: want one time, such as 2026-01-05T12:00:00Z or 5m ago' },
  ],
  ['/workloads/default/helo/explain', 404, { code: 'not-onboarded', detail: `${howTo('helo')}; did you mean default/hello?` }],
  ['/workloads/default/other/trace', 404, { code: 'not-onboarded', detail: howTo('other') }],
  ['/nothing', 404, { code: 'not-found', detail: 'try /workloads, /controller, /healthz, /readyz or /metrics' }],
] as const;

for (const [path, status, body] of cases)
  test(`GET ${path} answers ${status}`, async (t) => {
    const got = await answer(t, path);
    t.is(got.status, status);
    t.is(got.headers.get('rouse-leads'), 'true');
    t.is(got.headers.get('rouse-api-version'), '1');
    t.deepEqual(await got.json(), body);
  });

const texts = [
  ['/workloads/default/hello/explain', 200, 'text/plain; charset=utf-8', 'hello has 2 pods\n'],
  ['/workloads/default/hello/explain?at=noon', 400, 'text/plain; charset=utf-8', 'at is noon\n'],
  ['/workloads/default/hello/trace', 200, 'application/jsonl; charset=utf-8', '{"trace":"rouse"}\n'],
] as const;

for (const [path, status, type, body] of texts)
  test(`GET ${path} answers in words where text is accepted: ${status}`, async (t) => {
    const got = await answer(t, path, 'text/plain');
    t.is(got.status, status);
    t.is(got.headers.get('content-type'), type);
    t.is(await got.text(), body);
  });

test('who asks for a name of another namespace is told of that', async (t) => {
  const { detail } = (await (await answer(t, '/workloads/team/hello/explain')).json()) as { readonly detail: string };
  t.regex(detail, /; did you mean default\/hello\?$/);
});

test('who asks without end for what takes long is told to wait', async (t) => {
  let now = 0;
  const slow: WorkloadReader = {
    ...reader,
    why: (...asked) => {
      now += 400;
      return reader.why(...asked);
    },
  };
  const url = `${await served(t, createApi(slow, { ...systemClock, monotonic: () => now }))}/workloads/default/hello/explain`;
  for (const status of [200, 200, 429]) t.is((await fetch(url)).status, status);
  const refused = await fetch(url);
  t.is(refused.headers.get('retry-after'), '3');
  t.deepEqual(await refused.json(), { code: 'busy', detail: 'this controller has answered much lately: ask again in 3 s' });
  now += 3000;
  t.is((await fetch(url)).status, 200);
});
