import test, { type ExecutionContext } from 'ava';
import { annotation, isTakenOver, millis, printSavedSelector, seededRandom, selectorOwners, workloadKey, type WorkloadKey } from '../../src/core/index.ts';
import { resources, type EndpointSliceView } from '../../src/kube/index.ts';
import { apiClient } from '../support/api-client.ts';
import { connectThrough, LineGateway, LineGateways, routingScene, runRouting, type RoutingScene } from '../support/routing-scene.ts';
import { until } from '../support/until.ts';

/** Takeover and hand-back against the embedded cluster's own controllers, by the real client library, over real connections. */

const labels = (app: string): Record<string, string> => ({ app });
const keyOf = (name: string): WorkloadKey => workloadKey({ resource: 'deployments.apps', namespace: 'default', name });
const admin = 'kubectl';

const serviceManifest = (name: string, app: string) => ({
  apiVersion: 'v1' as const,
  kind: 'Service' as const,
  metadata: { name, namespace: 'default' },
  spec: { selector: labels(app), ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
});

const deploymentManifest = (name: string, annotations: Record<string, string>) => ({
  apiVersion: 'apps/v1' as const,
  kind: 'Deployment' as const,
  // Paused: its pods are made by the test, as small servers of this process.
  metadata: { name, namespace: 'default', annotations },
  spec: {
    paused: true,
    replicas: 0,
    selector: { matchLabels: labels(name) },
    template: { metadata: { labels: labels(name) }, spec: { containers: [{ name: 'app', image: 'app' }] } },
  },
});

const slicesOf = (scene: RoutingScene, service: string): EndpointSliceView[] =>
  [...scene.snapshots.endpointSlices.values()].filter(({ serviceName }) => serviceName === service);
const foreign = (scene: RoutingScene, service: string): EndpointSliceView[] => slicesOf(scene, service).filter(({ managedBy }) => managedBy !== 'rouse.dev');
const ours = (scene: RoutingScene, service: string): EndpointSliceView[] => slicesOf(scene, service).filter(({ managedBy }) => managedBy === 'rouse.dev');
const serviceOf = (scene: RoutingScene, name: string) => scene.cluster.api.get(resources.services, 'default', name);
const taken = (scene: RoutingScene, name: string): boolean => {
  const service = serviceOf(scene, name);
  return service !== undefined && isTakenOver(service) && foreign(scene, name).length === 0 && ours(scene, name).length === 1;
};

const patchDeployment = async (scene: RoutingScene, name: string, patch: unknown): Promise<void> => {
  const result = await scene.client.mergePatch(resources.deployments, { namespace: 'default', name }, patch);
  if (!result.ok) throw new Error(result.problem.message);
};

/** Connects through the Service again and again until told to stop; every answer that is not a pod's name is kept. */
const load = (scene: RoutingScene, service: string): { stop(): Promise<{ answered: number; failures: string[] }> } => {
  let running = true;
  let answered = 0;
  const failures: string[] = [];
  const client = async (): Promise<void> => {
    while (running) {
      const answer = await connectThrough(scene, service);
      if (answer.startsWith('pod-')) answered += 1;
      else failures.push(answer);
    }
  };
  const clients = [client(), client(), client(), client()];
  return {
    stop: async () => {
      running = false;
      await Promise.all(clients);
      return { answered, failures };
    },
  };
};

const scened = async (t: ExecutionContext): Promise<RoutingScene> => {
  const scene = await routingScene();
  t.teardown(() => scene.close());
  return scene;
};

const fast = { linger: millis(300), absence: millis(100), firstAbsence: millis(300) };

test('a Service is taken over and handed back under load without a failed connection, and is then exactly as before', async (t) => {
  const scene = await scened(t);
  const { api } = scene.cluster;
  const gateway = new LineGateway(scene.network);
  await scene.startPod('pod-1', labels('web'));
  await scene.startPod('pod-2', labels('web'));
  const call = apiClient({ url: scene.cluster.url, caPem: scene.cluster.caPem, token: scene.cluster.adminToken });
  t.teardown(() => call.close());
  const path = '/api/v1/namespaces/default/services/web?fieldManager=flux';
  t.is((await call.patch(path, serviceManifest('web', 'web'), 'apply')).status, 201);
  await api.create(resources.deployments, deploymentManifest('web', {}), admin);
  await until(
    'the controllers’ slice has both pods',
    () => foreign(scene, 'web').flatMap(({ endpoints }) => endpoints.filter(({ ready }) => ready)).length === 2,
  );
  const before = serviceOf(scene, 'web');
  const running = runRouting(scene, gateway, fast);
  t.teardown(async () => {
    await running.stop();
    await gateway.close();
  });
  const clients = load(scene, 'web');

  await patchDeployment(scene, 'web', { metadata: { annotations: { [annotation.enabled]: 'true' } } });
  await until('the Service is taken over', () => taken(scene, 'web') && running.routing.holdReady(keyOf('web')));
  t.deepEqual(
    ours(scene, 'web')[0]?.endpoints.map(({ addresses, podUid }) => [addresses, podUid]),
    [[['10.77.0.1'], 'gateway-uid-1']],
  );
  t.is(api.get(resources.endpoints, 'default', 'web'), undefined);

  await patchDeployment(scene, 'web', { metadata: { annotations: { [annotation.enabled]: 'false' } } });
  await running.routing.handBack(keyOf('web'), AbortSignal.timeout(10_000));
  t.deepEqual(ours(scene, 'web'), []);
  await until(
    'the controllers’ slice has both pods again',
    () => foreign(scene, 'web').flatMap(({ endpoints }) => endpoints.filter(({ ready }) => ready)).length === 2,
  );
  const { answered, failures } = await clients.stop();
  t.deepEqual(failures, []);
  t.true(answered > 20, `only ${answered} connections`);
  const after = serviceOf(scene, 'web');
  t.deepEqual(after?.spec, before?.spec);
  t.deepEqual(after?.metadata.annotations, before?.metadata.annotations);
  t.deepEqual(
    selectorOwners(after?.metadata.managedFields).map(({ manager, operation }) => [manager, operation]),
    [['flux', 'Apply']],
  );
  const changed = { ...serviceManifest('web', 'web'), spec: { ...serviceManifest('web', 'web').spec, selector: { app: 'web2' } } };
  t.is((await call.patch(path, changed, 'apply')).status, 200, 'the next server-side apply conflicts with nobody');
  t.deepEqual(
    running.notices.map(({ reason }) => reason),
    ['ServiceTakenOver', 'ServiceHandedBack'],
  );
});

test('what brings endpoints or the selector back is undone, whatever the order', async (t) => {
  const scene = await scened(t);
  const { api } = scene.cluster;
  const gateway = new LineGateway(scene.network);
  await scene.startPod('pod-1', labels('web'));
  await api.create(resources.services, serviceManifest('web', 'web'), admin);
  await api.create(resources.deployments, deploymentManifest('web', { [annotation.enabled]: 'true' }), admin);
  const running = runRouting(scene, gateway, fast);
  t.teardown(async () => {
    await running.stop();
    await gateway.close();
  });
  await until('taken over', () => taken(scene, 'web'));
  const port = serviceOf(scene, 'web')?.metadata.annotations?.[annotation.gatewayPorts];

  const reapplied = await scene.client.mergePatch(resources.services, { namespace: 'default', name: 'web' }, { spec: { selector: { app: 'web' } } });
  t.true(reapplied.ok);
  await until('taken over after the selector came back', () => taken(scene, 'web'));

  await api.create(
    resources.endpoints,
    { metadata: { name: 'web', namespace: 'default' }, subsets: [{ addresses: [{ ip: '10.1.2.3' }], ports: [{ name: 'http', port: 8080 }] }] },
    admin,
  );
  await api.create(
    resources.endpointSlices,
    {
      metadata: {
        name: 'web-stray',
        namespace: 'default',
        labels: { 'kubernetes.io/service-name': 'web', 'endpointslice.kubernetes.io/managed-by': 'somebody' },
      },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.1.2.3'] }],
      ports: [{ name: 'http', port: 8080 }],
    },
    admin,
  );
  await until('only our slice is left', () => taken(scene, 'web') && api.get(resources.endpoints, 'default', 'web') === undefined);

  const [mine] = ours(scene, 'web');
  await api.delete(resources.endpointSlices, 'default', mine?.name ?? '', {}, admin);
  await until('our slice is back', () => taken(scene, 'web'));
  t.is(serviceOf(scene, 'web')?.metadata.annotations?.[annotation.gatewayPorts], port);
});

test('a selector that is changed while taken over is the one that is handed back', async (t) => {
  const scene = await scened(t);
  const { api } = scene.cluster;
  const gateway = new LineGateway(scene.network);
  await api.create(resources.services, serviceManifest('web', 'web'), admin);
  await api.create(resources.deployments, deploymentManifest('web', { [annotation.enabled]: 'true' }), admin);
  const running = runRouting(scene, gateway, fast);
  t.teardown(async () => {
    await running.stop();
    await gateway.close();
  });
  await until('taken over', () => taken(scene, 'web'));
  await scene.client.mergePatch(resources.services, { namespace: 'default', name: 'web' }, { spec: { selector: { app: 'other' } } });
  await until('handed back, as it is no longer of this workload', () => serviceOf(scene, 'web')?.metadata.annotations?.[annotation.selector] === undefined);
  t.deepEqual(serviceOf(scene, 'web')?.spec?.selector, labels('other'));
  await until('our slice is gone', () => ours(scene, 'web').length === 0);
});

test('a restarted controller goes on where the last one stopped, at any step', async (t) => {
  const scene = await scened(t);
  const { api } = scene.cluster;
  const gateway = new LineGateway(scene.network);
  t.teardown(() => gateway.close());
  await scene.startPod('pod-1', labels('web'));
  await api.create(resources.services, serviceManifest('web', 'web'), admin);
  await api.create(resources.deployments, deploymentManifest('web', { [annotation.enabled]: 'true' }), admin);
  for (let stopAfterMs = 0; stopAfterMs < 40; stopAfterMs += 4) {
    const running = runRouting(scene, gateway, fast);
    await new Promise((resolve) => setTimeout(resolve, stopAfterMs));
    await running.stop();
  }
  const last = runRouting(scene, gateway, fast);
  t.teardown(() => last.stop());
  await until(
    'taken over',
    () => taken(scene, 'web'),
    45_000,
    () => [serviceOf(scene, 'web'), slicesOf(scene, 'web'), last.notices, gateway.info, gateway.route(keyOf('web'))],
  );
  t.is(await connectThrough(scene, 'web'), 'pod-1');
});

test('a Service of a workload that is gone for good is handed back by the next leader', async (t) => {
  const scene = await scened(t);
  const { api } = scene.cluster;
  const gateway = new LineGateway(scene.network);
  t.teardown(() => gateway.close());
  await api.create(resources.services, serviceManifest('web', 'web'), admin);
  await api.create(resources.deployments, deploymentManifest('web', { [annotation.enabled]: 'true' }), admin);
  const first = runRouting(scene, gateway, fast);
  await until('taken over', () => taken(scene, 'web'));
  await first.stop();
  await api.delete(resources.deployments, 'default', 'web', {}, admin);
  await until('the Deployment is gone', () => scene.deployments.get('default/web') === undefined);
  const second = runRouting(scene, gateway, fast);
  t.teardown(() => second.stop());
  await until('handed back', () => serviceOf(scene, 'web')?.metadata.annotations?.[annotation.selector] === undefined);
  t.deepEqual(serviceOf(scene, 'web')?.spec?.selector, labels('web'));
  await until('our slice is gone', () => ours(scene, 'web').length === 0);
});

test('a Service that also selects pods of others, has a UDP port or is headless stays as it is, and its owner is told why', async (t) => {
  const scene = await scened(t);
  const { api } = scene.cluster;
  const gateway = new LineGateway(scene.network);
  await scene.startPod('pod-of-another', { app: 'web', of: 'another' });
  const { spec, ...rest } = serviceManifest('web', 'web');
  await api.create(resources.services, { ...rest, spec }, admin);
  await api.create(
    resources.services,
    { ...serviceManifest('dns', 'web'), spec: { ...spec, ports: [{ name: 'dns', port: 53, protocol: 'UDP', targetPort: 8080 }] } },
    admin,
  );
  await api.create(resources.services, { ...serviceManifest('bare', 'web'), spec: { ...spec, clusterIP: 'None' } }, admin);
  const manifest = deploymentManifest('web', { [annotation.enabled]: 'true' });
  const own = { app: 'web', of: 'web' };
  await api.create(
    resources.deployments,
    { ...manifest, spec: { ...manifest.spec, selector: { matchLabels: own }, template: { ...manifest.spec.template, metadata: { labels: own } } } },
    admin,
  );
  const running = runRouting(scene, gateway, fast);
  t.teardown(async () => {
    await running.stop();
    await gateway.close();
  });
  const messages = (): string[] => running.notices.map(({ message }) => message).sort();
  await until('both reasons are told', () => messages().length === 2);
  t.regex(messages()[0] ?? '', /^Service dns has a UDP or SCTP port/);
  t.regex(messages()[1] ?? '', /^Service web also selects pods/);
  for (const name of ['web', 'dns', 'bare']) t.deepEqual(serviceOf(scene, name)?.metadata.annotations ?? {}, {});
  t.false(running.routing.holdReady(keyOf('web')));
});

test('a standby says the same routes and writes nothing, until it leads', async (t) => {
  const scene = await scened(t);
  const { api } = scene.cluster;
  const gateway = new LineGateway(scene.network);
  await scene.startPod('pod-1', labels('web'));
  await api.create(resources.services, serviceManifest('web', 'web'), admin);
  await api.create(resources.deployments, deploymentManifest('web', { [annotation.enabled]: 'true' }), admin);
  const before = serviceOf(scene, 'web')?.metadata.resourceVersion;
  let leads = false;
  const running = runRouting(scene, gateway, fast, () => leads);
  t.teardown(async () => {
    await running.stop();
    await gateway.close();
  });
  await until('the routes are said', () => gateway.route(keyOf('web'))?.pods.length === 1);
  await t.throwsAsync(running.routing.handBack(keyOf('web'), AbortSignal.timeout(1000)), { message: /another replica leads/ });
  t.is(serviceOf(scene, 'web')?.metadata.resourceVersion, before);
  t.false(running.routing.holdReady(keyOf('web')));
  leads = true;
  running.routing.lead();
  await until('taken over', () => taken(scene, 'web') && running.routing.holdReady(keyOf('web')));
});

test('a Service that names the port or the workload of another gets neither', async (t) => {
  const scene = await scened(t);
  const { api } = scene.cluster;
  const gateway = new LineGateway(scene.network);
  await scene.startPod('pod-web', labels('web'));
  await scene.startPod('pod-thief', labels('thief'));
  for (const name of ['web', 'thief']) {
    await api.create(resources.services, serviceManifest(name, name), admin);
    await api.create(resources.deployments, deploymentManifest(name, { [annotation.enabled]: 'true' }), admin);
  }
  const running = runRouting(scene, gateway, fast);
  t.teardown(async () => {
    await running.stop();
    await gateway.close();
  });
  await until('both are taken over', () => taken(scene, 'web') && taken(scene, 'thief'));
  const portOf = (name: string) => serviceOf(scene, name)?.metadata.annotations?.[annotation.gatewayPorts];
  const mine = portOf('web');
  await scene.client.mergePatch(
    resources.services,
    { namespace: 'default', name: 'thief' },
    { metadata: { annotations: { [annotation.gatewayPorts]: mine } } },
  );
  await until('the thief has a port of its own again', () => portOf('thief') !== mine && taken(scene, 'thief'));
  t.is(portOf('web'), mine);

  await api.create(resources.namespaces, { metadata: { name: 'elsewhere' } }, admin);
  const forged = {
    [annotation.selector]: printSavedSelector({ v: 1, workload: 'default/web', selector: labels('web'), owners: [] }),
    [annotation.gatewayPorts]: '80=20500',
  };
  await api.create(
    resources.services,
    { metadata: { name: 'forged', namespace: 'elsewhere', annotations: forged }, spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] } },
    admin,
  );
  await until('it is handed back', () => api.get(resources.services, 'elsewhere', 'forged')?.metadata.annotations?.[annotation.selector] === undefined);
  const route = gateway.route(keyOf('web'));
  t.deepEqual(
    route?.hosts.filter(({ host }) => host.includes('forged')),
    [],
  );
  t.is(await connectThrough(scene, 'web'), 'pod-web');
  await until('the thief serves its own', async () => (await connectThrough(scene, 'thief')) === 'pod-thief');
});

test('path direct: the gateways stand in only while no pod is ready, and the Service is never touched but for its ports', async (t) => {
  const scene = await scened(t);
  const { api } = scene.cluster;
  const gateway = new LineGateway(scene.network);
  await api.create(resources.services, serviceManifest('web', 'web'), admin);
  await api.create(resources.deployments, deploymentManifest('web', { [annotation.enabled]: 'true', 'rouse.dev/path': 'direct' }), admin);
  const running = runRouting(scene, gateway, fast);
  t.teardown(async () => {
    await running.stop();
    await gateway.close();
  });
  await until('the gateways stand in', () => ours(scene, 'web').length === 1 && running.routing.holdReady(keyOf('web')));
  await patchDeployment(scene, 'web', { spec: { replicas: 1 } });
  const pod = await scene.startPod('pod-1', labels('web'));
  const aside = (): boolean => ours(scene, 'web').length === 0 && foreign(scene, 'web').some(({ endpoints }) => endpoints.some(({ ready }) => ready));
  await until('they step aside', aside);
  t.is(await connectThrough(scene, 'web'), 'pod-1');
  await patchDeployment(scene, 'web', { spec: { replicas: 0 } });
  await until('they stand in as soon as the count is zero', () => running.routing.holdReady(keyOf('web')));
  await patchDeployment(scene, 'web', { spec: { replicas: 1 } });
  await until('they step aside again', aside);
  running.routing.hold(keyOf('web'), true);
  await until('they stand in before the last pod goes', () => running.routing.holdReady(keyOf('web')));
  await pod.stop();
  t.deepEqual(serviceOf(scene, 'web')?.spec?.selector, { app: 'web' });
});

test("path direct: the gateways step aside for a pod that is ready, not for one that the controllers' slice still calls so", async (t) => {
  const scene = await scened(t);
  const { api } = scene.cluster;
  const gateway = new LineGateway(scene.network);
  const { spec, ...named } = deploymentManifest('web', { [annotation.enabled]: 'true', 'rouse.dev/path': 'direct' });
  const behind = { ...labels('web'), behind: 'web' };
  const service = serviceManifest('web', 'web');
  await api.create(resources.services, { ...service, spec: { ...service.spec, selector: behind } }, admin);
  await api.create(resources.deployments, { ...named, spec: { ...spec, template: { ...spec.template, metadata: { labels: behind } } } }, admin);
  const running = runRouting(scene, gateway, fast);
  t.teardown(async () => {
    await running.stop();
    await gateway.close();
  });
  await until('the gateways stand in', () => ours(scene, 'web').length === 1);
  const late = {
    metadata: { name: 'web-late', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.77.0.9'], conditions: { ready: true }, targetRef: { kind: 'Pod', namespace: 'default', name: 'gone', uid: 'gone' } }],
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  };
  await api.create(resources.endpointSlices, late, admin);
  await patchDeployment(scene, 'web', { spec: { replicas: 1 } });
  // Not behind the Service yet: as if the controllers had not come to it.
  await scene.startPod('pod-1', labels('web'));
  await until('the pod is known to be ready', () => gateway.route(keyOf('web'))?.pods.some(({ state }) => state === 'ready'));
  await api.create(resources.services, serviceManifest('next', 'next'), admin);
  await api.create(resources.deployments, deploymentManifest('next', { [annotation.enabled]: 'true', 'rouse.dev/path': 'direct' }), admin);
  await until('Services have been looked at since', () => ours(scene, 'next').length === 1);
  t.is(ours(scene, 'web').length, 1);
  const patched = await scene.client.mergePatch(resources.pods, { namespace: 'default', name: 'pod-1' }, { metadata: { labels: behind } });
  t.true(patched.ok);
  await until('they step aside', () => ours(scene, 'web').length === 0);
});

test('one gateway that does not answer does not block a takeover; it enters when it does', async (t) => {
  const scene = await scened(t);
  const { api } = scene.cluster;
  const [good, deaf] = [new LineGateway(scene.network, '1', '10.77.0.1'), new LineGateway(scene.network, '2', '10.77.0.2')];
  deaf.deaf = true;
  const gateways = new LineGateways();
  gateways.become(good, deaf);
  await scene.startPod('pod-1', labels('web'));
  await api.create(resources.services, serviceManifest('web', 'web'), admin);
  await api.create(resources.deployments, deploymentManifest('web', { [annotation.enabled]: 'true' }), admin);
  const running = runRouting(scene, gateways, { ...fast, acknowledgement: millis(300) });
  t.teardown(async () => {
    await running.stop();
    await Promise.all([good.close(), deaf.close()]);
  });
  const addresses = (): string[] => ours(scene, 'web').flatMap(({ endpoints }) => endpoints.flatMap((endpoint) => endpoint.addresses));
  await until('taken over by the other one', () => taken(scene, 'web'));
  t.deepEqual(addresses(), ['10.77.0.1']);
  deaf.listen();
  await until('it enters', () => addresses().length === 2);
  t.is(await connectThrough(scene, 'web'), 'pod-1');
});

test('gateways come and go without a failed connection, and one that leaves is told when nothing points at it', async (t) => {
  const scene = await scened(t);
  const { api } = scene.cluster;
  const [first, second] = [new LineGateway(scene.network, '1', '10.77.0.1'), new LineGateway(scene.network, '2', '10.77.0.2')];
  const gateways = new LineGateways();
  gateways.become(first);
  await scene.startPod('pod-1', labels('web'));
  await api.create(resources.services, serviceManifest('web', 'web'), admin);
  await api.create(resources.deployments, deploymentManifest('web', { [annotation.enabled]: 'true' }), admin);
  const running = runRouting(scene, gateways, fast);
  t.teardown(async () => {
    await running.stop();
    await Promise.all([first.close(), second.close()]);
  });
  await until('taken over', () => taken(scene, 'web'));
  const clients = load(scene, 'web');
  gateways.become(first, second);
  const addresses = (): string[] => ours(scene, 'web').flatMap(({ endpoints }) => endpoints.flatMap((endpoint) => endpoint.addresses));
  await until('both are in', () => addresses().length === 2);
  gateways.become(second);
  await running.routing.release(first.info);
  t.deepEqual(addresses(), ['10.77.0.2']);
  const { answered, failures } = await clients.stop();
  t.deepEqual(failures, []);
  t.true(answered > 0);
});

test('law: whatever happens in between, a Service ends taken over, or as it was', async (t) => {
  const scene = await scened(t);
  const { api } = scene.cluster;
  const gateway = new LineGateway(scene.network);
  t.teardown(() => gateway.close());
  const random = seededRandom(7);
  const names = ['a', 'b', 'c'];
  for (const name of names) {
    await api.create(resources.services, serviceManifest(name, name), admin);
    await api.create(resources.deployments, deploymentManifest(name, { [annotation.enabled]: 'true' }), admin);
    await scene.startPod(`pod-${name}`, labels(name));
  }
  let running = runRouting(scene, gateway, fast);
  const service = (name: string) => ({ namespace: 'default', name });
  const events: readonly ((name: string) => Promise<unknown>)[] = [
    (name) => scene.client.mergePatch(resources.services, service(name), { spec: { selector: labels(name) } }),
    (name) => scene.client.mergePatch(resources.services, service(name), { metadata: { annotations: { [annotation.gatewayPorts]: null } } }),
    (name) => scene.client.delete(resources.endpointSlices, { namespace: 'default', name: `${name}-rouse-ipv4` }),
    (name) =>
      scene.client.mergePatch(resources.services, service(name), {
        spec: {
          ports: [
            { name: 'http', port: 80, targetPort: 8080 },
            { name: 'admin', port: 81, targetPort: 8080 },
          ],
        },
      }),
    (name) => scene.client.mergePatch(resources.services, service(name), { spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] } }),
    (name) => patchDeployment(scene, name, { metadata: { annotations: { [annotation.enabled]: 'true' } } }),
    async (name) => {
      await patchDeployment(scene, name, { metadata: { annotations: { [annotation.enabled]: 'false' } } });
      void running.routing.handBack(workloadKey({ resource: 'deployments.apps', namespace: 'default', name }), AbortSignal.timeout(100)).catch(() => undefined);
    },
    async () => {
      await running.stop();
      running = runRouting(scene, gateway, fast);
    },
    () => new Promise((resolve) => setTimeout(resolve, random() * 40)),
  ];
  for (let step = 0; step < 80; step += 1) {
    const name = names[Math.floor(random() * names.length)] ?? 'a';
    await events[Math.floor(random() * events.length)]?.(name);
  }
  const [on, off, again] = names.map((name) => name);
  for (const name of names) await patchDeployment(scene, name, { metadata: { annotations: { [annotation.enabled]: name === off ? 'false' : 'true' } } });
  await until('the source has it', () => scene.deployments.get(`default/${off ?? ''}`)?.annotations[annotation.enabled] === 'false');
  await running.routing.handBack(keyOf(off ?? ''), AbortSignal.timeout(10_000));
  const state = () => [...names.map((name) => serviceOf(scene, name)), [...scene.snapshots.endpointSlices.values()]];
  for (const name of [on ?? '', again ?? '']) {
    const isAll = (): boolean => taken(scene, name) && api.get(resources.endpoints, 'default', name) === undefined;
    await until(`${name} is taken over, and no Endpoints are left`, isAll, 30_000, state);
  }
  const back = serviceOf(scene, off ?? '');
  t.deepEqual(back?.spec?.selector, labels(off ?? ''));
  t.deepEqual(back?.metadata.annotations ?? {}, {});
  t.deepEqual(ours(scene, off ?? ''), []);
  for (const name of names) await until(`${name} answers`, async () => (await connectThrough(scene, name)) === `pod-${name}`, 10_000, state);
  await running.stop();
});
