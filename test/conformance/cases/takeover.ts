import { deepEqual, equal, ok } from 'node:assert/strict';
import type { Answer } from '../api.ts';
import type { Context } from '../context.ts';
import { at, listAt, nameOf, revisionOf, textAt } from '../json.ts';
import { ownedBy, service, slice } from '../objects.ts';
import { address, placed, report } from '../ready.ts';
import { one } from '../case.ts';

const managers: Readonly<Record<string, string>> = {
  'endpointslice-controller.k8s.io': 'controller',
  'endpointslicemirroring-controller.k8s.io': 'mirror',
  'rouse.dev': 'ours',
};
const managerOf = (item: unknown): string => managers[String(at(item, ['metadata', 'labels', 'endpointslice.kubernetes.io/managed-by']))] ?? 'unknown';
const addressesOf = (item: unknown): string[] => listAt(item, 'endpoints').map((endpoint) => textAt(endpoint, 'addresses.0'));
const query = (c: Context) => ({ labelSelector: `kubernetes.io/service-name=${c.id}` });
const ofKind = (answer: Answer, kind: string): readonly unknown[] => answer.list('items').filter((item) => managerOf(item) === kind);
const slices = (c: Context, good: (answer: Answer) => boolean, what: string): Promise<Answer> =>
  c.until(c.path('endpointslices'), good, what, 25_000, query(c));

/** A Service with one ready pod and our slice beside the controller's. */
const setUp = async (c: Context): Promise<{ readonly ip: string; readonly gateway: string }> => {
  const made = await c.make('services', service(c.id, { app: c.id }));
  await c.make('pods', await placed(c, c.id, { app: c.id }));
  const ip = await report(c, c.id, true);
  await slices(c, (answer) => ofKind(answer, 'controller').some((item) => addressesOf(item).includes(ip)), 'the pod in the slice');
  await c.until(c.path('endpoints', c.id), (answer) => answer.at('subsets.0.addresses.0.ip') === ip, 'the pod in Endpoints');
  const gateway = address();
  await c.make('endpointslices', slice(`${c.id}-rouse`, c.id, 'rouse.dev', gateway, ownedBy('v1', 'Service', c.id, made.text('metadata.uid'))));
  return { ip, gateway };
};

const dropSelector = async (c: Context): Promise<Answer> => (await c.api.patch(c.path('services', c.id), 'merge', { spec: { selector: null } })).is(200);

/** What Rouse does after it has taken the selector: Endpoints first, then every slice that is not ours. */
const clear = async (c: Context): Promise<void> => {
  (await c.api.delete(c.path('endpoints', c.id))).is(200, 404);
  const others = (await c.api.get(c.path('endpointslices'), { query: query(c) })).list('items').filter((item) => managerOf(item) !== 'ours');
  for (const item of others) (await c.api.delete(c.path('endpointslices', nameOf(item)))).is(200, 404);
};

export const takeover = [
  one('a slice of ours stands beside the controllers and is never touched', 'POST endpointslices', 'Rouse (takeover)', async (c) => {
    await setUp(c);
    const before = (await c.api.get(c.path('endpointslices', `${c.id}-rouse`))).is(200);
    await c.make('pods', await placed(c, `${c.id}-b`, { app: c.id }));
    const ip = await report(c, `${c.id}-b`, true);
    await slices(c, (answer) => ofKind(answer, 'controller').some((item) => addressesOf(item).includes(ip)), 'the second pod');
    equal(revisionOf((await c.api.get(c.path('endpointslices', `${c.id}-rouse`))).is(200).body), revisionOf(before.body));
  }),
  one('the selector can be removed, with the resourceVersion as the lock', 'PATCH services (merge)', 'Rouse (takeover)', async (c) => {
    const made = await c.make('services', service(c.id, { app: c.id }));
    const body = (resourceVersion: string): object => ({
      metadata: { resourceVersion, annotations: { 'rouse.dev/selector': '{}' } },
      spec: { selector: null },
    });
    const patched = (await c.api.patch(c.path('services', c.id), 'merge', body(revisionOf(made.body)))).is(200);
    equal(patched.at('spec.selector'), undefined);
    (await c.api.patch(c.path('services', c.id), 'merge', body(revisionOf(made.body)))).fails(409, 'Conflict');
  }),
  one('without a selector the controller leaves its slice as it is', 'endpointslice controller', 'Rouse (takeover)', async (c) => {
    const { ip } = await setUp(c);
    await dropSelector(c);
    const answer = await slices(c, (found) => ofKind(found, 'mirror').length === 1, 'the mirror');
    deepEqual(ofKind(answer, 'controller').map(addressesOf), [[ip]]);
  }),
  one('without a selector a mirrored twin of the Endpoints appears', 'endpointslicemirroring controller', 'Rouse (takeover)', async (c) => {
    const { ip } = await setUp(c);
    await dropSelector(c);
    const answer = await slices(c, (found) => ofKind(found, 'mirror').length === 1, 'the mirror');
    deepEqual(ofKind(answer, 'mirror').map(addressesOf), [[ip]]);
  }),
  one('the twin comes back when only it is deleted', 'DELETE endpointslices', 'Rouse (takeover)', async (c) => {
    await setUp(c);
    await dropSelector(c);
    const [twin] = ofKind(await slices(c, (found) => ofKind(found, 'mirror').length === 1, 'the mirror'), 'mirror');
    (await c.api.delete(c.path('endpointslices', nameOf(twin)))).is(200);
    await slices(c, (found) => ofKind(found, 'mirror').some((item) => nameOf(item) !== nameOf(twin)), 'another mirror');
  }),
  one('the twin goes once Endpoints is deleted', 'DELETE endpoints', 'Rouse (takeover)', async (c) => {
    await setUp(c);
    await dropSelector(c);
    await slices(c, (found) => ofKind(found, 'mirror').length === 1, 'the mirror');
    (await c.api.delete(c.path('endpoints', c.id))).is(200);
    await slices(c, (found) => ofKind(found, 'mirror').length === 0, 'the mirror to go');
  }),
  one('Endpoints first and then the slices leaves ours alone', 'DELETE endpoints, endpointslices', 'Rouse (takeover)', async (c) => {
    const { gateway } = await setUp(c);
    await dropSelector(c);
    await slices(c, (found) => ofKind(found, 'mirror').length === 1, 'the mirror');
    await clear(c);
    const answer = await slices(c, (found) => found.list('items').length === 1, 'ours alone');
    deepEqual([managerOf(answer.list('items')[0]), addressesOf(answer.list('items')[0])], ['ours', [gateway]]);
  }),
  one('nothing comes back while pods come and go', 'endpoint controllers', 'Rouse (takeover)', async (c) => {
    const { ip } = await setUp(c);
    await dropSelector(c);
    await slices(c, (found) => ofKind(found, 'mirror').length === 1, 'the mirror');
    await clear(c);
    await slices(c, (found) => found.list('items').length === 1, 'ours alone');
    for (const ready of [false, true, false, true]) await report(c, c.id, ready, ip);
    // Another Service that the same controllers keep: once it is right they have been past ours.
    await c.make('services', service(`${c.id}-b`, { app: c.id }));
    await c.until(c.path('endpoints', `${c.id}-b`), (one) => one.at('subsets.0.addresses.0.ip') === ip, 'the other Endpoints');
    const left = (await c.api.get(c.path('endpointslices'), { query: query(c) })).list('items').map(managerOf);
    deepEqual(left, ['ours']);
    (await c.api.get(c.path('endpoints', c.id))).fails(404, 'NotFound');
  }),
  one('the selector put back brings slice and Endpoints with the ready pods', 'PATCH services (merge)', 'Rouse (hand back)', async (c) => {
    const { ip } = await setUp(c);
    await dropSelector(c);
    await slices(c, (found) => ofKind(found, 'mirror').length === 1, 'the mirror');
    await clear(c);
    await slices(c, (found) => found.list('items').length === 1, 'ours alone');
    (await c.api.patch(c.path('services', c.id), 'merge', { spec: { selector: { app: c.id } } })).is(200);
    await slices(c, (found) => ofKind(found, 'controller').some((item) => addressesOf(item).includes(ip)), "the controller's slice");
    await c.until(c.path('endpoints', c.id), (answer) => answer.at('subsets.0.addresses.0.ip') === ip, 'the Endpoints');
    equal((await c.api.get(c.path('endpointslices', `${c.id}-rouse`))).status, 200);
  }),
  one('the Service keeps its address and ports through it all', 'PATCH services (merge)', 'Rouse (takeover)', async (c) => {
    const made = await c.make('services', service(c.id, { app: c.id }));
    await dropSelector(c);
    const back = (await c.api.patch(c.path('services', c.id), 'merge', { spec: { selector: { app: c.id } } })).is(200);
    deepEqual(back.at('spec'), made.at('spec'));
    ok(back.text('spec.clusterIP') !== '');
  }),
  one('endpoints keep nodeName, zone and targetRef as written', 'POST endpointslices', 'Rouse (takeover)', async (c) => {
    await c.make('services', service(c.id, undefined));
    const endpoint = {
      addresses: [address()],
      conditions: { ready: true },
      nodeName: 'node-1',
      zone: 'zone-a',
      targetRef: { kind: 'Pod', namespace: 'rouse-system', name: 'gateway-0', uid: 'u-1' },
    };
    const made = await c.make('endpointslices', { ...slice(c.id, c.id, 'rouse.dev', '10.77.0.1'), endpoints: [endpoint] });
    deepEqual(made.at('endpoints'), [endpoint]);
    const other = { ...endpoint, addresses: [address()] };
    const put = (await c.api.put(c.path('endpointslices', c.id), { ...slice(c.id, c.id, 'rouse.dev', '10.77.0.1'), endpoints: [endpoint, other] })).is(200);
    equal(put.list('endpoints').length, 2);
  }),
  one('the address type of a slice cannot change', 'PATCH endpointslices', 'Rouse (dual stack)', async (c) => {
    await c.make('endpointslices', slice(c.id, c.id, 'rouse.dev', '10.77.0.1'));
    (await c.api.patch(c.path('endpointslices', c.id), 'merge', { addressType: 'IPv6' })).fails(422, 'Invalid');
  }),
  one('an address of the wrong type is Invalid', 'POST endpointslices', 'Rouse (dual stack)', async (c) => {
    (await c.api.post(c.path('endpointslices'), slice(c.id, c.id, 'rouse.dev', 'fd00::1'))).fails(422, 'Invalid');
  }),
];
