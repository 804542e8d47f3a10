import { deepEqual, equal, ok } from 'node:assert/strict';
import { at, listAt, nameOf, textAt } from '../json.ts';
import { one } from '../case.ts';

const named = (items: readonly unknown[], name: string): unknown => items.find((item) => textAt(item, 'name') === name);
const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

export const discovery = [
  one('the version has a major and a minor number', 'GET /version', 'kubectl, Rouse', async ({ api }) => {
    const answer = (await api.get('/version')).is(200);
    equal(answer.text('major'), '1');
    ok(Number.parseInt(answer.text('minor'), 10) >= 36);
    ok(answer.text('gitVersion').startsWith('v1.'));
  }),
  one('the server says that it is ready', 'GET /readyz, /livez, /healthz', 'tests, load balancers', async ({ api }) => {
    for (const path of ['/readyz', '/livez', '/healthz']) equal((await api.get(path)).is(200).raw, 'ok');
  }),
  one('the core group is v1', 'GET /api', 'kubectl', async ({ api }) => {
    const answer = (await api.get('/api')).is(200);
    equal(answer.text('kind'), 'APIVersions');
    deepEqual(answer.list('versions'), ['v1']);
  }),
  one('the other groups are listed with their preferred versions', 'GET /apis', 'kubectl', async ({ api }) => {
    const groups = (await api.get('/apis')).is(200).list('groups');
    for (const name of ['apps', 'autoscaling', 'coordination.k8s.io', 'discovery.k8s.io', 'events.k8s.io', 'admissionregistration.k8s.io', 'policy']) {
      ok(named(groups, name) !== undefined, name);
    }
    equal(textAt(named(groups, 'autoscaling'), 'preferredVersion.groupVersion'), 'autoscaling/v2');
  }),
  one('the resources of the core group have scope, short names and verbs', 'GET /api/v1', 'kubectl', async ({ api }) => {
    const resources = (await api.get('/api/v1')).is(200).list('resources');
    const pods = named(resources, 'pods');
    equal(at(pods, 'namespaced'), true);
    equal(at(pods, 'kind'), 'Pod');
    deepEqual(at(pods, 'shortNames'), ['po']);
    ok(['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'].every((verb) => listAt(pods, 'verbs').includes(verb)));
    equal(at(named(resources, 'nodes'), 'namespaced'), false);
    for (const name of ['pods/log', 'pods/status', 'pods/binding', 'pods/eviction', 'serviceaccounts/token']) ok(named(resources, name) !== undefined, name);
  }),
  one('deployments/scale is a Scale of autoscaling/v1', 'GET /apis/apps/v1', 'kubectl scale, Rouse', async ({ api }) => {
    const scale = named((await api.get('/apis/apps/v1')).is(200).list('resources'), 'deployments/scale');
    deepEqual([at(scale, 'kind'), at(scale, 'group'), at(scale, 'version')], ['Scale', 'autoscaling', 'v1']);
  }),
  one('one request tells all resources of the core group', 'GET /api (aggregated)', 'kubectl', async ({ api }) => {
    const answer = (await api.get('/api', { headers: { accept: `${aggregated},application/json` } })).is(200);
    equal(answer.text('kind'), 'APIGroupDiscoveryList');
    ok(answer.header('content-type').includes('as=APIGroupDiscoveryList'));
    const pods = listAt(answer.list('items')[0], 'versions.0.resources').find((resource) => textAt(resource, 'resource') === 'pods');
    deepEqual([at(pods, 'responseKind.kind'), at(pods, 'scope'), at(pods, 'singularResource')], ['Pod', 'Namespaced', 'pod']);
  }),
  one('one request tells all resources of the other groups', 'GET /apis (aggregated)', 'kubectl', async ({ api }) => {
    const items = (await api.get('/apis', { headers: { accept: `${aggregated},application/json` } })).is(200).list('items');
    const apps = items.find((item) => nameOf(item) === 'apps');
    const deployments = listAt(apps, 'versions.0.resources').find((resource) => textAt(resource, 'resource') === 'deployments');
    deepEqual(
      listAt(deployments, 'subresources')
        .map((sub) => textAt(sub, 'subresource'))
        .sort(),
      ['scale', 'status'],
    );
    ok(listAt(deployments, 'shortNames').includes('deploy'));
  }),
  one('OpenAPI v2 comes as protobuf under the dotted media type', 'GET /openapi/v2', 'kubectl apply, diff', async ({ api }) => {
    const answer = (await api.get('/openapi/v2', { headers: { accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' } })).is(200);
    equal(answer.header('content-type'), 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf');
  }),
  one('OpenAPI v3 has an index of paths', 'GET /openapi/v3', 'kubectl apply', async ({ api }) => {
    const answer = (await api.get('/openapi/v3')).is(200);
    equal(typeof answer.at('paths'), 'object');
  }),
  one('an unknown group is 404', 'GET /apis/GROUP/VERSION', 'kubectl', async ({ api }) => {
    (await api.get('/apis/nothing.example/v1')).is(404);
  }),
  one('an unknown resource of a known group is 404', 'GET /apis/apps/v1/RESOURCE', 'kubectl', async ({ api }) => {
    (await api.get('/apis/apps/v1/frobnicators')).is(404);
  }),
];
