import { connect } from 'node:net';
import test from 'ava';
import { annotation, selectorOwners } from '../../src/core/index.ts';
import { resources } from '../../src/kube/index.ts';
import { deployment, service } from '../support/app.ts';
import { seriesOf } from '../support/exposition.ts';
import { holdWebhooks, patientAdmission } from '../support/held-webhooks.ts';
import { kubectl, type Kubectl, type Live, type Manifest } from '../support/kubectl.ts';
import { startTestLocal, type TestLocal } from '../support/local.ts';
import { serviceTargets, serviceTraffic } from '../support/service-traffic.ts';
import { until } from '../support/until.ts';

let rouse: TestLocal;
let user: Kubectl;
test.before(async () => {
  rouse = await startTestLocal();
  await holdWebhooks(rouse, patientAdmission);
  user = kubectl(rouse);
});
test.after.always(async () => {
  await user.close();
  await rouse.close();
});

const on = { [annotation.enabled]: 'true', 'rouse.dev/window': '6s' };

interface Plain {
  readonly deployment: Manifest;
  readonly service: Manifest;
}

/** Everything of the pods that a restart, of a container or of the pod, would change. */
const podsOf = async (name: string): Promise<readonly unknown[]> => {
  const pods = (await rouse.pods(name)) as unknown as readonly {
    readonly metadata: { readonly uid: string };
    readonly status: { readonly startTime: string; readonly containerStatuses: readonly { readonly state: unknown; readonly restartCount: number }[] };
  }[];
  return pods.map(({ metadata, status }) => [metadata.uid, status.startTime, status.containerStatuses.map(({ state, restartCount }) => [state, restartCount])]);
};

/** The slices of the Kubernetes controllers, without what each writing changes. */
const foreignSlices = (name: string): readonly { readonly labels: unknown; readonly ports: unknown; readonly pods: readonly string[] }[] =>
  rouse.local.cluster.api.api
    .list(resources.endpointSlices, 'default')
    .filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name)
    .map(({ metadata, addressType, endpoints, ports }) => {
      const byAddress = endpoints.map((endpoint) => JSON.stringify(endpoint)).sort();
      const pods = endpoints.map(({ targetRef }) => targetRef?.uid ?? '').sort();
      return { labels: metadata.labels, owners: metadata.ownerReferences, addressType, endpoints: byAddress, ports, pods };
    })
    .toSorted((one, other) => JSON.stringify(one.ports).localeCompare(JSON.stringify(other.ports)));

/** A Deployment with `replicas` ready pods and its Service, as a cluster has them that never heard of Rouse. */
const runPlain = async (
  name: string,
  replicas: number,
  apply: (manifest: Manifest) => Promise<unknown> = (manifest) => user.apply(manifest),
): Promise<Plain> => {
  const plain = { deployment: deployment(name, { annotations: {}, replicas }) as Manifest, service: service(name) as Manifest };
  await apply(plain.deployment);
  await apply(plain.service);
  await until(`${name} has ${replicas} endpoints`, () => serviceTargets(rouse, name).length === replicas);
  return plain;
};

const refusesConnections = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(false);
    });
    socket.on('error', () => resolve(true));
  });

const rouseAnnotations = ({ metadata }: Live): readonly string[] => Object.keys(metadata.annotations ?? {}).filter((key) => key.startsWith('rouse.dev/'));

/** Nothing of Rouse is left but what the user wrote. */
const isHandedBack = async ({ deployment, service }: Plain): Promise<boolean> => {
  const [workload, front] = [await user.get(deployment), await user.get(service)];
  return rouseAnnotations(workload).every((key) => key !== annotation.state && key !== annotation.status) && rouseAnnotations(front).length === 0;
};

test('live pods under load are onboarded and handed back by one annotation: no restart, no failed request, everything as before', async (t) => {
  const plain = await runPlain('live', 2);
  const [serviceBefore, slicesBefore, podsBefore] = [await user.get(plain.service), foreignSlices('live'), await podsOf('live')];
  const traffic = serviceTraffic(rouse, 'live');
  t.teardown(() => traffic.stop());
  await until('both pods answer', () => new Set(traffic.answers.map(({ pod }) => pod)).size === 2);

  const changed = await user.annotate(plain.deployment, { ...on, 'rouse.dev/min-scale': '2' });
  t.is(changed.status, 200, JSON.stringify(changed.body));
  const port = await rouse.gatewayPort('live');
  await until('the Service leads to the gateway alone', () => serviceTargets(rouse, 'live').every((target) => target.port === port));
  const from = traffic.answers.length;
  await until('both pods answer through the gateway', () => {
    const through = traffic.answers.slice(from).filter(({ throughGateway }) => throughGateway);
    return through.length > 100 && new Set(through.map(({ pod }) => pod)).size === 2;
  });
  t.deepEqual(await podsOf('live'), podsBefore);
  await until('the gateway counts them', async () =>
    (await seriesOf(rouse, 'live')).some((line) => line.startsWith('rouse_gateway_requests_total') && line.includes('code="200"')),
  );

  await user.annotate(plain.deployment, { [annotation.enabled]: null, 'rouse.dev/window': null, 'rouse.dev/min-scale': null });
  await until('everything is handed back', () => isHandedBack(plain));
  const after = traffic.answers.length;
  await until('the pods answer without the gateway', () => traffic.answers.slice(after).filter(({ throughGateway }) => !throughGateway).length > 50);
  await traffic.stop();
  t.deepEqual(traffic.failures, []);
  t.deepEqual(await podsOf('live'), podsBefore);
  const serviceAfter = await user.get(plain.service);
  t.deepEqual(serviceAfter.spec, serviceBefore.spec);
  t.deepEqual(serviceAfter.metadata.annotations, serviceBefore.metadata.annotations);
  t.deepEqual(foreignSlices('live'), slicesBefore);
  await until('the gateway port is closed', () => refusesConnections(port));
  await until('its series are gone', async () => (await seriesOf(rouse, 'live')).length === 0);
  t.deepEqual(await seriesOf(rouse, 'live'), []);
});

test('switched off at zero, the pods of before come back before the traffic does, and its owner goes on as if nothing had been', async (t) => {
  const flux = { manager: 'flux' };
  const plain = await runPlain('resting', 2, (manifest) => user.applyServerSide(manifest, flux));
  const [serviceBefore, slicesBefore] = [await user.get(plain.service), foreignSlices('resting')];
  const { replicas: _, ...spec } = plain.deployment['spec'] as Record<string, unknown>;
  const enabled = (value: string): Manifest => ({
    ...plain.deployment,
    metadata: { ...plain.deployment.metadata, annotations: { ...on, [annotation.enabled]: value } },
    spec,
  });
  const switchedOn = await user.applyServerSide(enabled('true'), flux);
  t.is(switchedOn.status, 200, JSON.stringify(switchedOn.body));
  t.is((await user.get(plain.deployment)).spec.replicas, 2, 'a manifest without replicas keeps the live count');
  await until('it is at zero', async () => (await rouse.pods('resting')).length === 0);

  const switchedOff = await user.applyServerSide(enabled('false'), flux);
  t.is(switchedOff.status, 200, JSON.stringify(switchedOff.body));
  const traffic = serviceTraffic(rouse, 'resting', 1);
  t.teardown(() => traffic.stop());
  await until('everything is handed back', () => isHandedBack(plain));
  const handedBack = traffic.answers.length;
  await until('the pods answer without the gateway', () => traffic.answers.slice(handedBack).filter(({ throughGateway }) => !throughGateway).length > 20);
  await traffic.stop();
  t.deepEqual(traffic.failures, []);
  const workload = await user.get(plain.deployment);
  t.is(workload.spec.replicas, 2);
  t.is(workload.metadata.annotations?.[annotation.enabled], 'false');
  await until('both pods are ready', () => serviceTargets(rouse, 'resting').length === 2);
  const serviceAfter = await user.get(plain.service);
  t.deepEqual(serviceAfter.spec, serviceBefore.spec);
  t.deepEqual(selectorOwners(serviceAfter.metadata.managedFields), selectorOwners(serviceBefore.metadata.managedFields));
  const slices = foreignSlices('resting');
  const [labels] = slicesBefore.map((slice) => slice.labels);
  for (const slice of slices) t.deepEqual(slice.labels, labels);
  t.deepEqual(slices.flatMap(({ pods }) => pods).sort(), (await rouse.pods('resting')).map(({ metadata }) => metadata.uid).sort());

  for (const live of [workload, serviceAfter])
    t.false(
      live.metadata.managedFields.some(({ manager }) => manager === 'rouse'),
      JSON.stringify(live.metadata.managedFields),
    );
  const more = { ...plain.deployment, spec: { ...spec, replicas: 3 } };
  const applied = await user.applyServerSide(more, flux);
  t.is(applied.status, 200, `the next apply conflicts with nobody: ${JSON.stringify(applied.body)}`);
  const other = { ...plain.service, spec: { ...(plain.service['spec'] as object), selector: { app: 'other' } } };
  t.is((await user.applyServerSide(other, flux)).status, 200);
});

test('a workload that is deleted while it is onboarded leaves a Service that is as before', async (t) => {
  const plain = await runPlain('leaving', 1);
  const before = await user.get(plain.service);
  await user.annotate(plain.deployment, on);
  const port = await rouse.gatewayPort('leaving');
  await rouse.api('DELETE', '/apis/apps/v1/namespaces/default/deployments/leaving', { propagationPolicy: 'Background' });
  await until('the Service is handed back', async () => rouseAnnotations(await user.get(plain.service)).length === 0);
  const after = await user.get(plain.service);
  t.deepEqual([after.spec, after.metadata.annotations], [before.spec, before.metadata.annotations]);
  await until('nothing is behind it', async () => serviceTargets(rouse, 'leaving').length === 0 && (await rouse.pods('leaving')).length === 0);
  await until('the gateway port is closed', () => refusesConnections(port));
  await until('its series are gone', async () => (await seriesOf(rouse, 'leaving')).length === 0);
  t.pass();
});

const autoscaler = (name: string): Manifest => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: `${name}-hpa`, namespace: 'default', annotations: { team: 'shop' } },
  spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name }, minReplicas: 2, maxReplicas: 3 },
});

test('a HorizontalPodAutoscaler on the same target is refused, adopted where that is allowed, and given back', async (t) => {
  const plain = await runPlain('scaled', 1);
  const hpa = autoscaler('scaled');
  await user.apply(hpa);
  const before = await user.get(hpa);
  const refused = await user.annotate(plain.deployment, on);
  t.is(refused.status, 409);
  t.regex(String(refused.body['message']), /HorizontalPodAutoscaler scaled-hpa has the same target; .* rouse\.dev\/adopt-hpa: "true"/);
  t.deepEqual(rouseAnnotations(await user.get(plain.deployment)), []);

  const adopted = await user.annotate(plain.deployment, { ...on, 'rouse.dev/adopt-hpa': 'true' });
  t.is(adopted.status, 200, JSON.stringify(adopted.body));
  await until(
    'the HPA is gone',
    async () => (await rouse.api('GET', '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/scaled-hpa')).status === 404,
  );
  await until('its minimum applies', async () => (await user.get(plain.deployment)).spec.replicas === 2);

  await user.annotate(plain.deployment, { [annotation.enabled]: null, 'rouse.dev/adopt-hpa': null });
  await until('it is handed back', () => rouse.events.some((event) => event.type === 'off-boarded' && event.workload === 'default/scaled'));
  const after = await user.get(hpa);
  t.deepEqual([after.spec, after.metadata.annotations], [before.spec, before.metadata.annotations]);
  t.is((await user.get(plain.deployment)).spec.replicas, 2, 'from here on the HPA decides');
});

test('what an adopted HorizontalPodAutoscaler measures is turned by the requests of the pod template, and anew when those change', async (t) => {
  const name = 'measured';
  const plain = {
    deployment: deployment(name, { annotations: {}, requests: { cpu: '100m', memory: '64Mi' } }) as Manifest,
    service: service(name) as Manifest,
  };
  await user.apply(plain.deployment);
  await user.apply(plain.service);
  const { spec, ...rest } = autoscaler(name);
  const ofResource = (resource: string, target: object): object => ({ type: 'Resource', resource: { name: resource, target } });
  const metrics = [
    ofResource('cpu', { type: 'AverageValue', averageValue: '50m' }),
    ofResource('memory', { type: 'Utilization', averageUtilization: 50 }),
    { type: 'ContainerResource', containerResource: { name: 'memory', container: 'app', target: { type: 'Utilization', averageUtilization: 90 } } },
  ];
  await user.apply({ ...rest, spec: { ...(spec as object), minReplicas: 1, maxReplicas: 1, metrics } });
  await user.annotate(plain.deployment, { ...on, 'rouse.dev/adopt-hpa': 'true' });
  const targets = (): unknown =>
    rouse.local.controller.scaler.decided
      .workloads()
      .find((each) => each.name === name)
      ?.decision?.evidence.demands.map(({ reading: { metric }, target }) => [metric, target]);
  const areTargets = (want: unknown): Promise<unknown> => until('the targets apply', () => JSON.stringify(targets()) === JSON.stringify(want));
  await areTargets([
    ['cpu', 50],
    ['memory', 32 * 2 ** 20],
  ]);
  const left = (): unknown => rouse.events.flatMap((event) => (event.type === 'hpa-metrics-left-out' ? [event.metrics] : []));
  t.deepEqual(left(), [['ContainerResource memory of container app (90%)']]);
  const deploymentPath = `/apis/apps/v1/namespaces/default/deployments/${name}`;
  const ask = async (requests: object): Promise<void> => {
    const containers = [{ name: 'app', resources: { requests } }];
    const answer = await rouse.api.patch(deploymentPath, { spec: { template: { spec: { containers } } } }, 'strategic-merge');
    t.is(answer.status, 200, JSON.stringify(answer.body));
  };
  await ask({ cpu: '200m', memory: '128Mi' });
  await areTargets([
    ['cpu', 25],
    ['memory', 64 * 2 ** 20],
  ]);
  await ask({ memory: null });
  await areTargets([['cpu', 25]]);
  t.deepEqual((left() as unknown[])[1], ['Resource memory (50%: container app of the pod template has no memory request)']);
});
