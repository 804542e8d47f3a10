import test from 'ava';
import { annotation, type PodProbe } from '../core/index.ts';
import type { ContainerView, PodView, ProbeView } from '../kube/index.ts';
import { aContainer, aPod } from '../../test/support/views.ts';
import { podRoute, probeOf, targetOf } from './endpoints.ts';

const probe = (more: Partial<ProbeView> = {}): ProbeView => ({
  kind: 'http',
  port: 8080,
  path: '/ready',
  headers: {},
  timeoutSeconds: 2,
  scheme: 'HTTP',
  ...more,
});
const http: PodProbe = { kind: 'http', port: 8080, path: '/ready', headers: {}, timeoutMs: 2000 };
const awaitReady: PodProbe = { kind: 'await-ready' };

const probed = test.macro((t, pod: Partial<PodView>, want: PodProbe, target: number | string = 8080) => {
  t.deepEqual(probeOf(aPod('p', pod), targetOf(target)), want);
});
const of = (...containers: Partial<ContainerView>[]): Partial<PodView> => ({
  containers: containers.map((container, at) => aContainer({ name: `c${at}`, ...container })),
});
const sidecar: Partial<ContainerView> = { ports: [{ name: 'admin', containerPort: 9000, protocol: 'TCP' }] };

test('an HTTP readiness probe of the serving container is repeated', probed, of({ readinessProbe: probe() }), http);
test('a TCP readiness probe is repeated', probed, of({ readinessProbe: probe({ kind: 'tcp', port: 'http' }) }), { kind: 'tcp', port: 8080, timeoutMs: 2000 });
test('without a probe a connection has to do', probed, of({}), { kind: 'tcp', port: 8080, timeoutMs: 1000 });
test('an exec probe is the kubelet’s to run', probed, of({ readinessProbe: probe({ kind: 'exec', port: undefined }) }), awaitReady);
test('a gRPC probe is the kubelet’s to run', probed, of({ readinessProbe: probe({ kind: 'grpc' }) }), awaitReady);
test('an HTTPS probe is the kubelet’s to run', probed, of({ readinessProbe: probe({ scheme: 'HTTPS' }) }), awaitReady);
test('readiness gates have to be awaited', probed, { ...of({ readinessProbe: probe() }), hasReadinessGates: true }, awaitReady);
test('a probe on a sidecar has to be awaited', probed, of({ readinessProbe: probe() }, { ...sidecar, readinessProbe: probe({ port: 9000 }) }), awaitReady);
test('a sidecar without a probe is no hindrance', probed, of(sidecar, { readinessProbe: probe() }), http);
test('a container that declares no port serves where it is the only one that can', probed, of(sidecar, { ports: [], readinessProbe: probe() }), http);
test('where two containers could serve, Ready is awaited', probed, of({ ports: [] }, { ports: [] }), awaitReady);
test('a probe on a port name that the container does not have is awaited', probed, of({ readinessProbe: probe({ port: 'nope' }) }), awaitReady);
test('a named target finds its container', probed, of(sidecar, { readinessProbe: probe({ port: 'http' }) }), http, 'http');

const route = (pod: Partial<PodView>) => podRoute(aPod('p', pod), [targetOf(8080), targetOf('http'), targetOf('nope')]);

test('a pod is a target from the moment in which it has an address', (t) => {
  t.is(route({ podIPs: [] }), undefined);
  const starting = route({ ready: false });
  t.is(starting?.state, 'starting');
  t.is(starting?.address, '10.1.0.1');
});
test('a pod that is deleted takes no new requests, ready or not', (t) => {
  t.is(route({ deleting: true })?.state, 'terminating');
  t.is(route({ deleting: true, ready: false })?.state, 'terminating');
});
for (const phase of ['Succeeded', 'Failed']) test(`a pod that has ${phase} is none`, (t) => t.is(route({ phase }), undefined));
test('ports are resolved for each target, and left out where the pod has none', (t) => t.deepEqual(route({})?.ports, { '8080': 8080, http: 8080 }));
test('on a shared address the ports are those that the pod was given', (t) => {
  const local = route({ annotations: { [annotation.localPorts]: '{"8080":40001}' }, containers: [aContainer({ readinessProbe: probe() })] });
  t.deepEqual(local?.ports, { '8080': 40001, http: 40001 });
  t.deepEqual(local?.probe, { ...http, port: 40001 });
});
test('the revision is the template’s hash, whoever wrote it', (t) => {
  t.is(route({ labels: { 'pod-template-hash': 'abc' } })?.revision, 'abc');
  t.is(route({ labels: { 'controller-revision-hash': 'web-1' } })?.revision, 'web-1');
  t.is(route({})?.revision, '');
});

test('the zone is what Kubernetes has copied from the node onto the pod; where it has not, there is none', (t) => {
  t.is(route({ labels: { 'topology.kubernetes.io/zone': 'z1' } })?.zone, 'z1');
  t.false('zone' in route({})!);
});

test('a pod of two families is reached by the one that the Service prefers', (t) => {
  const pod = aPod('p', { podIPs: ['10.1.0.1', 'fd00::1'] });
  t.deepEqual(
    (['IPv6', 'IPv4', undefined] as const).map((family) => podRoute(pod, [targetOf(8080)], family)?.address),
    ['fd00::1', '10.1.0.1', '10.1.0.1'],
  );
  t.is(podRoute(aPod('p'), [targetOf(8080)], 'IPv6')?.address, '10.1.0.1', 'where it has only the other, by that');
});
