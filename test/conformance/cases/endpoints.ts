import { deepEqual, equal, match } from 'node:assert/strict';
import type { Answer } from '../api.ts';
import type { Context } from '../context.ts';
import { at, listAt, textAt, uidOf } from '../json.ts';
import { pod, service } from '../objects.ts';
import { address, node, placed, report } from '../ready.ts';
import { one } from '../case.ts';

const managedBy = ['metadata', 'labels', 'endpointslice.kubernetes.io/managed-by'];
const controller = 'endpointslice-controller.k8s.io';

const slices = (c: Context, good: (slices: readonly unknown[]) => boolean, what: string): Promise<Answer> =>
  c.until(c.path('endpointslices'), (answer) => good(answer.list('items')), what, 25_000, { labelSelector: `kubernetes.io/service-name=${c.id}` });

/** Address → ready, over all slices. */
const addresses = (items: readonly unknown[]): Readonly<Record<string, unknown>> =>
  Object.fromEntries(items.flatMap((item) => listAt(item, 'endpoints')).map((endpoint) => [textAt(endpoint, 'addresses.0'), at(endpoint, 'conditions.ready')]));

const until = (c: Context, wanted: Readonly<Record<string, unknown>>): Promise<Answer> =>
  slices(c, (items) => JSON.stringify(Object.entries(addresses(items)).sort()) === JSON.stringify(Object.entries(wanted).sort()), JSON.stringify(wanted));

const selected = (c: Context, more: object = {}) => service(c.id, { app: c.id }, more);
const ports = { containers: [{ name: 'app', image: 'app', ports: [{ name: 'web', containerPort: 3000 }] }] };

export const endpoints = [
  one('a Service with a selector gets a slice, owned and labelled, even without pods', 'endpointslice controller', 'Rouse (routing)', async (c) => {
    const made = await c.make('services', selected(c));
    const answer = await slices(c, (items) => items.length === 1, 'a slice');
    const item = answer.list('items')[0];
    equal(at(item, managedBy), controller);
    match(textAt(item, 'metadata.name'), new RegExp(`^${c.id}-[bcdfghjklmnpqrstvwxz2456789]{5}$`));
    deepEqual([at(item, 'addressType'), listAt(item, 'endpoints')], ['IPv4', []]);
    deepEqual(at(item, 'metadata.ownerReferences'), [
      { apiVersion: 'v1', kind: 'Service', name: c.id, uid: uidOf(made.body), controller: true, blockOwnerDeletion: true },
    ]);
  }),
  one('a slice without endpoints says null, and may be written back so', 'GET endpointslices', 'Rouse (routing)', async (c) => {
    await c.make('services', selected(c));
    const own = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${c.id}-own` },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 80 }],
    };
    await c.make('endpointslices', { ...own, endpoints: [] });
    const answer = await slices(c, (items) => items.length === 1, 'a slice');
    const item = answer.list('items')[0];
    deepEqual([at(item, 'endpoints'), at(item, 'ports')], [null, null]);
    const read = (await c.api.get(c.path('endpointslices', `${c.id}-own`))).is(200);
    deepEqual([at(read.body, 'endpoints'), at(read.body, 'ports.0.port')], [null, 80]);
    const written = await c.api.put(c.path('endpointslices', `${c.id}-own`), read.body);
    equal(written.status, 200);
    equal(at(written.body, 'endpoints'), null);
  }),
  one('a ready pod is an endpoint with target, port and conditions', 'endpointslice controller', 'Rouse (routing)', async (c) => {
    await c.make('services', selected(c));
    const made = await c.make('pods', await placed(c, c.id, { app: c.id }));
    const ip = await report(c, c.id, true);
    const item = (await until(c, { [ip]: true })).list('items')[0];
    deepEqual(at(item, 'endpoints.0.conditions'), { ready: true, serving: true, terminating: false });
    deepEqual(at(item, 'endpoints.0.targetRef'), { kind: 'Pod', name: c.id, namespace: c.ns, uid: uidOf(made.body) });
    deepEqual(at(item, 'ports'), [{ name: 'http', port: 8080, protocol: 'TCP' }]);
  }),
  one('a pod that is not ready is an endpoint that is not ready', 'endpointslice controller', 'Rouse (routing)', async (c) => {
    await c.make('services', selected(c));
    await c.make('pods', await placed(c, c.id, { app: c.id }));
    const ip = await report(c, c.id, false);
    await until(c, { [ip]: false });
    await report(c, c.id, true, ip);
    await until(c, { [ip]: true });
  }),
  one('a pod without an address is no endpoint, a deleted one no longer', 'endpointslice controller', 'Rouse (routing)', async (c) => {
    await c.make('services', selected(c));
    await c.make('pods', await placed(c, `${c.id}-a`, { app: c.id }));
    await c.make('pods', await placed(c, `${c.id}-b`, { app: c.id }));
    const ip = await report(c, `${c.id}-b`, true);
    await until(c, { [ip]: true });
    (await c.api.delete(c.path('pods', `${c.id}-b`))).is(200);
    await until(c, {});
  }),
  one('a ready pod without a node that exists is no endpoint', 'endpointslice controller', 'Rouse (routing)', async (c) => {
    await c.make('services', selected(c));
    await c.make('pods', pod(`${c.id}-a`, { app: c.id }));
    await report(c, `${c.id}-a`, true);
    await c.make('pods', await placed(c, `${c.id}-b`, { app: c.id }));
    await until(c, { [await report(c, `${c.id}-b`, true)]: true });
  }),
  one('publishNotReadyAddresses makes them ready', 'endpointslice controller', 'Rouse (warning)', async (c) => {
    await c.make('services', selected(c, { publishNotReadyAddresses: true }));
    await c.make('pods', await placed(c, c.id, { app: c.id }));
    await until(c, { [await report(c, c.id, false)]: true });
  }),
  one('a named targetPort is looked up in each pod', 'endpointslice controller', 'Rouse (routing)', async (c) => {
    await c.make('services', selected(c, { ports: [{ port: 80, targetPort: 'web' }] }));
    await c.make('pods', await placed(c, c.id, { app: c.id }, ports));
    const answer = await until(c, { [await report(c, c.id, true)]: true });
    deepEqual(at(answer.list('items')[0], 'ports'), [{ name: '', port: 3000, protocol: 'TCP' }]);
  }),
  one('pods with other ports are in slices of their own', 'endpointslice controller', 'Rouse (a port per pod)', async (c) => {
    await c.make('services', selected(c, { ports: [{ port: 80, targetPort: 'web' }] }));
    const other = { containers: [{ name: 'app', image: 'app', ports: [{ name: 'web', containerPort: 4000 }] }] };
    await c.make('pods', await placed(c, `${c.id}-a`, { app: c.id }, ports));
    await c.make('pods', await placed(c, `${c.id}-b`, { app: c.id }, other));
    const wanted = { [await report(c, `${c.id}-a`, true)]: true, [await report(c, `${c.id}-b`, true)]: true };
    const found = (await until(c, wanted)).list('items').filter((item) => listAt(item, 'endpoints').length > 0);
    deepEqual(found.map((item) => at(item, 'ports.0.port')).sort(), [3000, 4000]);
  }),
  one('a slice shows a pod on its way out as terminating', 'endpointslice controller', 'Rouse (drain)', async (c) => {
    const nodeName = await node(c);
    c.atEnd(() => c.api.delete(c.path('pods', c.id), { body: { gracePeriodSeconds: 0 } }));
    await c.make('services', selected(c));
    await c.make('pods', { ...pod(c.id, { app: c.id }), spec: { nodeName, terminationGracePeriodSeconds: 60, containers: ports.containers } });
    const ip = await report(c, c.id, true);
    const first = await until(c, { [ip]: true });
    equal(at(first.list('items')[0], 'endpoints.0.nodeName'), c.id);
    (await c.api.delete(c.path('pods', c.id))).is(200);
    const last = await until(c, { [ip]: false });
    deepEqual(at(last.list('items')[0], 'endpoints.0.conditions'), { ready: false, serving: true, terminating: true });
  }),
  one('the Endpoints object has the ready addresses', 'endpoints controller', 'older clients, kubectl describe', async (c) => {
    await c.make('services', selected(c));
    await c.make('pods', await placed(c, c.id, { app: c.id }));
    const ip = await report(c, c.id, true);
    const answer = await c.until(c.path('endpoints', c.id), (one) => one.at('subsets.0.addresses.0.ip') === ip, 'the address');
    deepEqual(answer.at('subsets.0.ports'), [{ name: 'http', port: 8080, protocol: 'TCP' }]);
    await report(c, c.id, false, ip);
    await c.until(c.path('endpoints', c.id), (one) => one.at('subsets.0.notReadyAddresses.0.ip') === ip, 'the address as not ready');
  }),
  one('a headless Service has slices too', 'endpointslice controller', 'Rouse (refusal)', async (c) => {
    await c.make('services', selected(c, { clusterIP: 'None' }));
    await c.make('pods', await placed(c, c.id, { app: c.id }));
    const ip = await report(c, c.id, true);
    const answer = await until(c, { [ip]: true });
    equal(at(answer.list('items')[0], ['metadata', 'labels', 'service.kubernetes.io/headless']), '');
  }),
  one('a selector that selects others moves the endpoints', 'PATCH services', 'Rouse (routing)', async (c) => {
    await c.make('services', selected(c));
    await c.make('pods', await placed(c, `${c.id}-a`, { app: c.id }));
    await c.make('pods', await placed(c, `${c.id}-b`, { app: `${c.id}-b` }));
    const [first, second] = [await report(c, `${c.id}-a`, true), await report(c, `${c.id}-b`, true)];
    await until(c, { [first]: true });
    (await c.api.patch(c.path('services', c.id), 'merge', { spec: { selector: { app: `${c.id}-b` } } })).is(200);
    await until(c, { [second]: true });
  }),
  one('the slices and Endpoints of a deleted Service go', 'DELETE services', 'Rouse', async (c) => {
    await c.make('services', selected(c));
    await slices(c, (items) => items.length === 1, 'a slice');
    await c.until(c.path('endpoints', c.id), ({ status }) => status === 200, 'the Endpoints');
    (await c.api.delete(c.path('services', c.id))).is(200);
    await slices(c, (items) => items.length === 0, 'no slice');
    await c.gone(c.path('endpoints', c.id));
  }),
  one('Endpoints of a Service without selector are mirrored', 'endpointslicemirroring controller', 'Rouse (takeover)', async (c) => {
    await c.make('services', service(c.id, undefined));
    const ip = address();
    await c.make('endpoints', { metadata: { name: c.id }, subsets: [{ addresses: [{ ip }], ports: [{ name: 'http', port: 8080 }] }] });
    const item = (await until(c, { [ip]: true })).list('items')[0];
    equal(at(item, managedBy), 'endpointslicemirroring-controller.k8s.io');
  }),
  one('Endpoints labelled skip-mirror are not mirrored', 'endpointslicemirroring controller', 'Rouse (takeover)', async (c) => {
    await c.make('services', service(c.id, undefined));
    const labels = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };
    const subsets = [{ addresses: [{ ip: address() }], ports: [{ name: 'http', port: 8080 }] }];
    await c.make('endpoints', { metadata: { name: c.id, labels }, subsets });
    // A second Service made after it, and mirrored: the controller has been past the first by then.
    await c.make('services', service(`${c.id}-b`, undefined));
    await c.make('endpoints', { metadata: { name: `${c.id}-b` }, subsets });
    const query = { labelSelector: `kubernetes.io/service-name=${c.id}-b` };
    await c.until(c.path('endpointslices'), (answer) => answer.list('items').length === 1, 'the other mirror', 25_000, query);
    await slices(c, (items) => items.length === 0, 'no mirror');
  }),
];
