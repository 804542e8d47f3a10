import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { annotation, isTakenOver, millis, parseGatewayPorts, parseSavedSelector, workloadKey, type WorkloadKey } from '../../src/core/index.ts';
import { resources, type EndpointSliceView } from '../../src/kube/index.ts';
import { connectThrough, LineGateway, routingScene, runRouting, type RoutingScene } from '../support/routing-scene.ts';
import { until } from '../support/until.ts';

/** Services of every form that can be taken over, and of those that cannot, against the embedded cluster's own controllers. */

const web: WorkloadKey = workloadKey({ resource: 'deployments.apps', namespace: 'default', name: 'web' });
const admin = 'kubectl';
const labels = { app: 'web' };
const port80 = { name: 'http', port: 80, targetPort: 8080 };

interface Form {
  readonly name?: string;
  readonly spec?: Readonly<Record<string, unknown>>;
}

const serviceOf = ({ name = 'web', spec = {} }: Form) => ({
  apiVersion: 'v1' as const,
  kind: 'Service' as const,
  metadata: { name, namespace: 'default' },
  spec: { selector: labels, ports: [port80], ...spec },
});

const deployment = (annotations: Record<string, string> = {}) => ({
  apiVersion: 'apps/v1' as const,
  kind: 'Deployment' as const,
  // Paused: its pods are made by the test.
  metadata: { name: 'web', namespace: 'default', annotations: { [annotation.enabled]: 'true', ...annotations } },
  spec: {
    paused: true,
    replicas: 1,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'app' }] } },
  },
});

const slices = (scene: RoutingScene, name = 'web'): readonly EndpointSliceView[] =>
  [...scene.snapshots.endpointSlices.values()].filter(({ serviceName }) => serviceName === name);
const live = (scene: RoutingScene, name = 'web') => scene.cluster.api.get(resources.services, 'default', name);
const isTaken = (scene: RoutingScene, name = 'web'): boolean => {
  const service = live(scene, name);
  return (
    service !== undefined && isTakenOver(service) && slices(scene, name).length > 0 && slices(scene, name).every(({ managedBy }) => managedBy === 'rouse.dev')
  );
};
const patch = (scene: RoutingScene, body: unknown, name = 'web') => scene.client.mergePatch(resources.services, { namespace: 'default', name }, body);

/** A workload with one pod, one gateway, and routing that runs. */
const started = async (t: ExecutionContext, ...services: readonly Form[]) => {
  const scene = await routingScene();
  const gateway = new LineGateway(scene.network);
  await scene.startPod('pod-1', labels);
  for (const service of services) await scene.cluster.api.create(resources.services, serviceOf(service), admin);
  await scene.cluster.api.create(resources.deployments, deployment(), admin);
  const running = runRouting(scene, gateway, { linger: millis(200), absence: millis(100), firstAbsence: millis(300) });
  t.teardown(async () => {
    await running.stop();
    await gateway.close();
    await scene.close();
  });
  return { scene, gateway, ...running };
};

test('every port of a Service has a gateway port of its own, by number or by name, under the name of the Service port', async (t) => {
  const { scene, gateway } = await started(t, {
    spec: {
      ports: [port80, { name: 'admin', port: 9000, targetPort: 'http', appProtocol: 'kubernetes.io/h2c' }],
    },
  });
  await until('taken over', () => isTaken(scene));
  const ports = parseGatewayPorts(live(scene)?.metadata.annotations?.[annotation.gatewayPorts] ?? '');
  t.true(ports.ok);
  const allotted = ports.ok ? ports.value : new Map<number, number>();
  t.is(new Set(allotted.values()).size, 2);
  t.deepEqual(
    slices(scene)[0]?.ports.map(({ name, port }) => [name, port]),
    [
      ['http', allotted.get(80)],
      ['admin', allotted.get(9000)],
    ],
  );
  t.deepEqual(
    gateway.route(web)?.listeners.map(({ port, protocol, target }) => [port, protocol, target]),
    [
      [allotted.get(80), 'http1', '8080'],
      [allotted.get(9000), 'h2c', 'http'],
    ],
  );
  await patch(scene, { spec: { ports: [{ ...port80, name: 'web' }] } });
  await until(
    'a renamed port, and one that is gone',
    () =>
      slices(scene)[0]
        ?.ports.map(({ name }) => name)
        .join() === 'web',
  );
  t.is(live(scene)?.metadata.annotations?.[annotation.gatewayPorts], `80=${allotted.get(80) ?? 0}`);
});

test('several Services of one workload, one of them made later, are taken over; one that is deleted takes its slice and its port along', async (t) => {
  const { scene, gateway, routing } = await started(t, {});
  await until('the first', () => isTaken(scene) && routing.holdReady(web));
  await scene.cluster.api.create(resources.services, serviceOf({ name: 'later' }), admin);
  await until('the second', () => isTaken(scene, 'later') && routing.holdReady(web));
  t.is(gateway.route(web)?.listeners.length, 2);
  t.is(await connectThrough(scene, 'later'), 'pod-1');
  await scene.cluster.api.delete(resources.services, 'default', 'later', {}, admin);
  await until('its slice is gone, and after a while its port', () => slices(scene, 'later').length === 0 && gateway.route(web)?.listeners.length === 1);
  t.true(routing.holdReady(web), 'the other one is as it was');
  t.is(await connectThrough(scene, 'web'), 'pod-1');
});

test('a Service that is deleted and made again under the same name is taken over anew, with a slice that is its own', async (t) => {
  const { scene } = await started(t, {});
  for (let round = 1; round <= 5; round += 1) {
    await until(`round ${round}: taken over`, () => isTaken(scene) && slices(scene).every(({ owner }) => owner?.uid === live(scene)?.metadata.uid));
    t.is(await connectThrough(scene, 'web'), 'pod-1');
    await scene.cluster.api.delete(resources.services, 'default', 'web', {}, admin);
    await scene.cluster.api.create(resources.services, serviceOf({}), admin);
  }
  await until('taken over at last', () => isTaken(scene) && slices(scene).every(({ owner }) => owner?.uid === live(scene)?.metadata.uid));
});

test('an apply replaces the saved selector, a patch is merged into it, and what comes of that is handed back', async (t) => {
  const { scene, routing } = await started(t, {});
  const saved = (): unknown => {
    const text = parseSavedSelector(live(scene)?.metadata.annotations?.[annotation.selector] ?? '');
    return text.ok ? text.value.selector : text.problem;
  };
  await until('taken over', () => isTaken(scene));
  // The pods do not have it: with it the Service would select nobody, and is handed back as it was asked to be.
  await patch(scene, { spec: { selector: { tier: 'front' } } });
  await until('handed back', () => live(scene)?.metadata.annotations?.[annotation.selector] === undefined);
  t.deepEqual(live(scene)?.spec?.selector, { app: 'web', tier: 'front' }, 'merged');
  await patch(scene, { spec: { selector: { tier: null } } });
  await until('taken over again', () => isTaken(scene));
  t.deepEqual(saved(), labels);
  const applied = serviceOf({ spec: { selector: { app: 'web', tier: 'back' } } });
  const lastApplied = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(applied) };
  await patch(scene, { metadata: { annotations: lastApplied }, spec: { selector: { tier: 'back', app: 'web' } } });
  await until('handed back after an apply', () => live(scene)?.metadata.annotations?.[annotation.selector] === undefined);
  t.deepEqual(live(scene)?.spec?.selector, { app: 'web', tier: 'back' }, 'replaced');
  await until('no Service leads to the workload', () => routing.pathOf(web) === 'none');
});

test('another writer that puts the selector back again and again fails no connection, and has no lasting effect', async (t) => {
  const { scene } = await started(t, {});
  await until('taken over', () => isTaken(scene));
  const answers = new Map<string, number>();
  const stop = new AbortController();
  const client = (async () => {
    while (!stop.signal.aborted) {
      const answer = await connectThrough(scene, 'web');
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  })();
  for (let write = 0; write < 40; write += 1) {
    await patch(scene, { spec: { selector: labels } });
    await new Promise((resolve) => setTimeout(resolve, write % 4 === 0 ? 60 : 5));
  }
  await until('taken over at last', () => isTaken(scene) && scene.cluster.api.get(resources.endpoints, 'default', 'web') === undefined);
  stop.abort();
  await client;
  t.deepEqual([...answers.keys()], ['pod-1']);
});

test('a Service of two IP families gets a slice of each, and is refused while no gateway has an address of one of them', async (t) => {
  const spec = { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv4', 'IPv6'] };
  const { scene, gateway, notices } = await started(t, { spec });
  await until('refused', () => notices.some(({ reason, message }) => reason === 'ServiceNotTakenOver' && /IP family/.test(message)));
  t.false(live(scene) !== undefined && isTakenOver(live(scene) ?? {}));
  gateway.otherAddresses = ['fd77::1'];
  gateway.listen();
  await until('taken over', () => isTaken(scene));
  t.deepEqual(
    slices(scene)
      .map(({ addressType, endpoints }) => [addressType, ...endpoints.flatMap(({ addresses }) => addresses)])
      .sort(),
    [
      ['IPv4', '10.77.0.1'],
      ['IPv6', 'fd77::1'],
    ],
  );
});

test('a Service of one IP family is pointed at the addresses of that family alone', async (t) => {
  const { scene, gateway } = await started(t);
  gateway.otherAddresses = ['fd77::1'];
  await scene.cluster.api.create(resources.services, serviceOf({}), admin);
  await until('taken over', () => isTaken(scene));
  t.deepEqual(
    slices(scene).map(({ addressType }) => addressType),
    ['IPv4'],
  );
});

test('ports of UDP or SCTP, headless Services and names of something else are refused with the reason, also when one becomes so later', async (t) => {
  const { scene, notices } = await started(
    t,
    { name: 'dns', spec: { ports: [port80, { name: 'dns', port: 53, protocol: 'UDP', targetPort: 8080 }] } },
    { name: 'signal', spec: { ports: [{ name: 'signal', port: 53, protocol: 'SCTP', targetPort: 8080 }] } },
    {},
  );
  const told = (name: string): string | undefined => notices.find(({ message }) => message.startsWith(`Service ${name} `))?.message;
  await until('the good one is taken over, and the others are told', () => isTaken(scene) && told('dns') !== undefined && told('signal') !== undefined);
  for (const name of ['dns', 'signal']) {
    t.regex(told(name) ?? '', /UDP or SCTP/);
    t.deepEqual(live(scene, name)?.metadata.annotations ?? {}, {});
  }
  await patch(scene, { spec: { ports: [port80, { name: 'dns', port: 53, protocol: 'UDP', targetPort: 8080 }] } });
  await until(
    'handed back',
    () => live(scene)?.metadata.annotations?.[annotation.selector] === undefined && !slices(scene).some(({ managedBy }) => managedBy === 'rouse.dev'),
  );
  t.deepEqual(live(scene)?.spec?.selector, labels);
  t.regex(notices.filter(({ reason }) => reason === 'ServiceNotTakenOver').at(-1)?.message ?? '', /^Service web has a UDP or SCTP port/);
});

test('what survives a takeover only in part is told as a warning; ClientIP affinity goes to the gateways', async (t) => {
  const { scene, gateway, notices } = await started(t, {
    spec: { publishNotReadyAddresses: true, sessionAffinity: 'ClientIP', internalTrafficPolicy: 'Local' },
  });
  await until('taken over', () => isTaken(scene));
  const told = await until('told', () => notices.find(({ reason }) => reason === 'ServiceTakenOver'));
  t.is(told.type, 'Warning');
  t.regex(told.message, /internalTrafficPolicy: Local .*publishNotReadyAddresses/);
  t.is(gateway.route(web)?.sessionAffinity, 'client-ip');
  t.is(live(scene)?.spec?.sessionAffinity, 'ClientIP', 'the Service says what it said');
});

test('pods that are about to go are told to the gateways first, and serve on if others go', async (t) => {
  const { scene, gateway, routing } = await started(t, {});
  const second = await scene.startPod('pod-2', labels);
  await scene.startPod('pod-3', labels);
  const states = (): Readonly<Record<string, string>> => Object.fromEntries(gateway.route(web)?.pods.map(({ name, state }) => [name, state]) ?? []);
  await until('all are known', () => Object.keys(states()).length === 3);
  const uid = (name: string): string => gateway.route(web)?.pods.find((pod) => pod.name === name)?.id ?? '';
  await routing.retire(web, new Set([uid('pod-1')]), AbortSignal.timeout(1000));
  t.deepEqual(states(), { 'pod-1': 'terminating', 'pod-2': 'ready', 'pod-3': 'ready' }, 'when it resolves the gateways have acknowledged it');
  await second.stop();
  await until('pod-1 was not the one', () => states()['pod-1'] === 'ready');
  gateway.deaf = true;
  // In the order in which timers end, also where a machine stands still: the patience of one second comes before our two.
  const patience = AbortSignal.timeout(2000);
  const first = Promise.race([once(patience, 'abort').then(() => 'given up'), routing.retire(web, new Set([uid('pod-3')]), patience).then(() => 'retired')]);
  t.is(await first, 'retired', 'a gateway that does not answer is not waited for long');
});
