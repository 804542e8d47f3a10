import { createServer } from 'node:net';
import test from 'ava';
import { silentLogger, systemClock, systemRandom } from '../../core/index.ts';
import { resources } from '../../kube/index.ts';
import { startEmbeddedApi } from '../embedded/start.ts';
import { startControllers } from '../embedded/controllers/start.ts';
import { NetworkNamespaceAddressing } from './addressing/network-namespace.ts';
import { startEmbeddedKubelet } from './embedded-kubelet.ts';
import type { KubeletApi } from './kubelet-api.ts';
import { startKubelet } from './kubelet.ts';
import { accepting, createPod, isReady, node, portOf, server, stateOf, until, untilGone, untilNoProcess } from './testing.ts';

test('a kubelet that comes back runs its pods again, as restarts, and closing it leaves no process', async (t) => {
  const shared = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const embedded = await startEmbeddedApi({ ...shared, httpsPort: 0, logSource: { open: () => ({ kind: 'missing', message: '' }) } });
  const controllers = startControllers(embedded.api, systemClock, systemRandom, silentLogger);
  const options = { ...shared, api: embedded.api, baseEnvironment: { PATH: process.env['PATH'] ?? '' }, cwd: '/' };
  const mark = `restart-${process.pid}`;
  const first = await startEmbeddedKubelet(options);
  const created = await createPod(embedded.api, [node(`${server()}//${mark}`, { ports: [{ containerPort: 80 }] })]);
  const before = await until(embedded.api, created, isReady);
  await accepting(portOf(before, '80'));
  await first.close(500);
  await untilNoProcess(mark);
  const second = await startEmbeddedKubelet(options);
  const pod = await until(embedded.api, created, (one) => stateOf(one)?.restartCount === 1 && isReady(one));
  await accepting(portOf(pod, '80'));
  t.is(pod.metadata.uid, before.metadata.uid);
  await second.close(500);
  await untilNoProcess(mark);
  controllers.close();
  await embedded.close();
});

const quiet: KubeletApi = {
  watchPods: () => () => undefined,
  finishPod: () => Promise.resolve(),
  writePodStatus: () => Promise.resolve('written'),
  readConfigMap: () => Promise.resolve(undefined),
  readSecret: () => Promise.resolve(undefined),
  writeNode: () => Promise.resolve(),
  isNodeReady: () => Promise.resolve(true),
  renewLease: () => Promise.resolve(),
  recordEvent: () => undefined,
};

test('a pod that an earlier kubelet ended but did not take out of the API is taken out, however often that fails', async (t) => {
  const finished = Promise.withResolvers<string>();
  const tries: string[] = [];
  const api: KubeletApi = {
    ...quiet,
    watchPods: (_node, listener) => {
      const metadata = { namespace: 'default', name: 'over', uid: 'u1', deletionTimestamp: '2026-01-01T00:00:00Z' };
      // Told twice, as a watch that is made anew does.
      for (let told = 0; told < 2; told += 1) listener({ type: 'set', pod: { metadata, spec: { containers: [] }, status: { phase: 'Failed' } } });
      return () => undefined;
    },
    finishPod: ({ name }) => {
      tries.push(name);
      if (tries.length < 3) return Promise.reject(new Error('not now'));
      finished.resolve(name);
      return Promise.resolve();
    },
  };
  const addressing = new NetworkNamespaceAddressing();
  const kubelet = await startKubelet({ api, clock: systemClock, logger: silentLogger, addressing, nodeName: 'n', baseEnvironment: {}, cwd: '/' });
  t.teardown(() => kubelet.close());
  t.is(await finished.promise, 'over');
  t.is(tries.length, 3);
});

test('a node that others call not ready says that it is as often as it renews its Lease: pods are taken off it soon after', async (t) => {
  const calls: string[] = [];
  const renewed = Promise.withResolvers<undefined>();
  const api: KubeletApi = {
    ...quiet,
    isNodeReady: () => Promise.resolve(calls.filter((call) => call === 'node').length > 1),
    writeNode: () => Promise.resolve(void calls.push('node')),
    renewLease: () => {
      if (calls.push('lease') >= 6) renewed.resolve(undefined);
      return Promise.resolve();
    },
  };
  const addressing = new NetworkNamespaceAddressing();
  const own = { addressing, nodeName: 'n', baseEnvironment: {}, cwd: '/', leaseSeconds: 0.2 };
  const kubelet = await startKubelet({ api, clock: systemClock, logger: silentLogger, ...own });
  t.teardown(() => kubelet.close());
  await renewed.promise;
  t.is(calls.filter((call) => call === 'node').length, 2, calls.join());
});

test('a pod that waits for what it needs says so, keeps its restarts, and has failed when it is deleted before it ran', async (t) => {
  const shared = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const embedded = await startEmbeddedApi({ ...shared, httpsPort: 0, logSource: { open: () => ({ kind: 'missing', message: '' }) } });
  const controllers = startControllers(embedded.api, systemClock, systemRandom, silentLogger);
  const options = { ...shared, api: embedded.api, baseEnvironment: { PATH: process.env['PATH'] ?? '' }, cwd: '/' };
  const first = await startEmbeddedKubelet(options);
  const created = await createPod(embedded.api, [node(server())]);
  const before = await until(embedded.api, created, isReady);
  await first.close(500);
  // Outside the range in which the kubelets of other test files begin somewhere.
  const port = 7_122;
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve));
  const second = await startEmbeddedKubelet({ ...options, ports: { first: port, last: port } });
  const waiting = await until(embedded.api, created, (one) => stateOf(one)?.state?.waiting?.reason === 'ContainerCreating');
  t.like(waiting.status, { phase: 'Pending', hostIP: '127.0.0.1' });
  t.false(isReady(waiting));
  t.is(stateOf(waiting)?.containerID, stateOf(before)?.containerID, 'or the next kubelet would not know that it ran before');
  const over = until(embedded.api, created, (one) => one.status?.phase === 'Succeeded' || one.status?.phase === 'Failed');
  await embedded.api.delete(resources.pods, 'default', created.metadata.name, {}, 'test');
  t.is((await over).status?.phase, 'Failed');
  await untilGone(embedded.api, created);
  await second.close(500);
  taken.close();
  controllers.close();
  await embedded.close();
});
