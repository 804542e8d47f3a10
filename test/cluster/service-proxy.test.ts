import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import test from 'ava';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.d.ts';
import { fetch } from 'undici';
import { deployment, service } from '../support/app.ts';
import { until } from '../support/until.ts';
import { clusterOf } from './harness/cluster.ts';
import { backendsOf, servicePorts } from './proxy/backends.ts';

interface ServiceObject {
  readonly spec: { readonly clusterIP: string };
}

test('a Service leads to all of its ready pods, by address and by name, and refuses where it has none', async (t) => {
  const cluster = await clusterOf(t);
  const namespace = await cluster.namespace(t);
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  await cluster.api('POST', path, deployment('web', { namespace, replicas: 3, annotations: {} }));
  const { body } = await cluster.api('POST', `/api/v1/namespaces/${namespace}/services`, service('web', namespace));
  const { clusterIP } = (body as unknown as ServiceObject).spec;
  const ask = async (host: string): Promise<string> =>
    ((await (await fetch(`http://${host}/`, { headers: { connection: 'close' } })).json()) as { pod: string }).pod;
  const seen = new Set<string>();
  const answered = async (): Promise<boolean> => {
    await ask(clusterIP).then(
      (pod) => seen.add(pod),
      () => undefined,
    );
    return seen.size === 3;
  };
  await until('three pods answered', answered, 30_000);
  t.is((await lookup(`web.${namespace}.svc`, { family: 4 })).address, clusterIP);
  t.true(seen.has(await ask(`web.${namespace}.svc.cluster.local`)));
  await cluster.api.patch(`${path}/web/scale`, { spec: { replicas: 0 } });
  await until('nobody listens there', () =>
    ask(clusterIP).then(
      () => false,
      (failure: unknown) => failure instanceof Error && String(failure.cause).includes('ECONNREFUSED'),
    ),
  );
  t.pass();
});

test('the Service "kubernetes" leads to the API server, under its certificate', async (t) => {
  const cluster = await clusterOf(t);
  const kubectl = await cluster.kubectl(['--server', 'https://10.77.128.1', 'get', '--raw', '/version']);
  t.is((JSON.parse(kubectl) as { gitVersion: string }).gitVersion, 'v1.36.3');
});

const slice = (...endpoints: readonly (readonly [address: string, ready: boolean | undefined, serving?: boolean, terminating?: boolean])[]): EndpointSlice => ({
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080 }],
  endpoints: endpoints.map(([address, ready, serving, terminating]) => ({
    addresses: [address],
    conditions: {
      ...(ready === undefined ? {} : { ready }),
      ...(serving === undefined ? {} : { serving }),
      ...(terminating === undefined ? {} : { terminating }),
    },
  })),
});

const addresses = (...slices: readonly EndpointSlice[]): readonly string[] => backendsOf(slices, 'http', 'IPv4').map(({ address }) => address);

test('connections go to ready endpoints of all slices, and only where there is none to those that end but still serve', (t) => {
  t.deepEqual(addresses(slice(['10.77.0.1', true], ['10.77.0.2', false, true, true]), slice(['10.77.0.3', undefined], ['10.77.0.1', true])), [
    '10.77.0.1',
    '10.77.0.3',
  ]);
  t.deepEqual(addresses(slice(['10.77.0.1', false, false, true], ['10.77.0.2', false, true, true], ['10.77.0.3', false, true, false])), ['10.77.0.2']);
  t.deepEqual(addresses(slice(['10.77.0.1', false, false, false])), []);
  t.deepEqual(backendsOf([slice(['10.77.0.1', true])], 'other', 'IPv4'), []);
  t.deepEqual(backendsOf([slice(['10.77.0.1', true])], 'http', 'IPv6'), []);
});

test('headless Services and mere names are not listened for', (t) => {
  const ports = [{ name: 'http', port: 80 }];
  t.deepEqual(servicePorts({ spec: { clusterIP: 'None', clusterIPs: ['None'], ports } }, []), []);
  t.deepEqual(servicePorts({ spec: { type: 'ExternalName', externalName: 'example.com', ports } }, []), []);
  t.like(servicePorts({ spec: { clusterIP: '10.77.128.9', clusterIPs: ['10.77.128.9'], ports, sessionAffinity: 'ClientIP' } }, [])[0], {
    address: '10.77.128.9',
    port: 80,
    affinityMs: 10_800_000,
  });
});

test('a connection stays with its pod while the Service moves on, and with ClientIP affinity new ones follow it', async (t) => {
  const cluster = await clusterOf(t);
  const namespace = await cluster.namespace(t);
  const services = `/api/v1/namespaces/${namespace}/services`;
  await cluster.api('POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, deployment('web', { namespace, replicas: 3, annotations: {} }));
  await cluster.kubectl(['-n', namespace, 'rollout', 'status', 'deployment/web', '--timeout=29s']);
  const { spec, ...rest } = service('web', namespace) as { readonly spec: Record<string, unknown> };
  const created = await cluster.api('POST', services, { ...rest, spec: { ...spec, sessionAffinity: 'ClientIP' } });
  const { clusterIP } = (created.body as unknown as ServiceObject).spec;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const ask = async (by?: Agent): Promise<string> => {
    const asked = request({ host: clusterIP, agent: by ?? false });
    asked.end();
    const [response] = (await once(asked, 'response')) as [AsyncIterable<Buffer>];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    return (JSON.parse(Buffer.concat(chunks).toString()) as { pod: string }).pod;
  };
  const pod = await until('the Service answers', () => ask(agent).catch(() => undefined));
  for (let time = 0; time < 10; time += 1) t.is(await ask(), pod);
  // Nothing is behind the Service any more: whoever is connected stays, and nobody else gets in.
  await cluster.api.patch(`${services}/web`, { spec: { selector: { app: 'nobody' } } });
  await until('new connections are refused', async () => {
    // The program ends a connection that is idle for 5 s.
    t.is(await ask(agent), pod);
    return ask().then(
      () => false,
      () => true,
    );
  });
  t.is(await ask(agent), pod);
});
