import test from 'ava';
import { Agent } from 'undici';
import type { KubeConnection } from './connection.ts';
import { getThroughProxy } from './service-proxy.ts';

/** Ends as soon as all that can be done at once has been. */
const patience = (): AbortSignal => {
  const controller = new AbortController();
  setImmediate(() => controller.abort(new Error('patience has ended')));
  return controller.signal;
};

const service = { namespace: 'rouse-system', name: 'rouse-controller', port: 'metrics' };

test('whoever waits for credentials that never come is heard when the patience ends', async (t) => {
  const connection = { server: new URL('https://127.0.0.1:1'), authorize: () => new Promise<never>(() => undefined) } as unknown as KubeConnection;
  const asked = getThroughProxy(connection, service, '/workloads', '*/*', patience());
  await t.throwsAsync(asked, { message: 'patience has ended' });
});

test('so is whoever waits for a connection that never comes about', async (t) => {
  const dispatcher = new Agent({ connect: () => undefined });
  t.teardown(() => dispatcher.destroy());
  const connection = { server: new URL('https://127.0.0.1:1'), authorize: () => Promise.resolve({ headers: {}, dispatcher }) } as unknown as KubeConnection;
  const asked = getThroughProxy(connection, service, '/workloads', '*/*', patience());
  await t.throwsAsync(asked, { message: 'patience has ended' });
});
