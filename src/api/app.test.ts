import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { createApi, type WorkloadReader } from './index.ts';

const hello = { namespace: 'default', name: 'hello', resource: 'deployments.apps', desired: 2, ready: 1, reason: 'metric-rise' };
const reader: WorkloadReader = {
  workloads: () => [hello],
  explain: (namespace, name) => (namespace === 'default' && name === 'hello' ? { workload: hello, decisions: [] } : undefined),
};

const cases = [
  ['/workloads', 200, { workloads: [hello] }],
  ['/workloads/default/hello', 200, { workload: hello, decisions: [] }],
  ['/workloads/default/other', 404, { code: 'not-onboarded', detail: 'default/other carries no rouse.dev/enabled: "true"' }],
  ['/nothing', 404, { code: 'not-found', detail: 'try /workloads, /healthz, /readyz or /metrics' }],
] as const;

for (const [path, status, body] of cases)
  test(`GET ${path} answers ${status}`, async (t) => {
    const server = createServer((request, response) => {
      createApi(reader)(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
    t.is(answer.status, status);
    t.deepEqual(await answer.json(), body);
  });
