import { deepEqual, equal, match } from 'node:assert/strict';
import type { Answer } from '../api.ts';
import type { Context } from '../context.ts';
import { at, listAt, revisionOf, textAt } from '../json.ts';
import { configMap, deployment, pod, service } from '../objects.ts';
import { one } from '../case.ts';

const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json';
const table = async (c: Context, path: string, query: Readonly<Record<string, string>> = {}): Promise<Answer> => {
  const answer = (await c.api.get(path, { query, headers: { accept } })).is(200);
  deepEqual([answer.text('kind'), answer.text('apiVersion')], ['Table', 'meta.k8s.io/v1']);
  return answer;
};
const columns = (answer: Answer): string =>
  answer
    .list('columnDefinitions')
    .map((column) => `${at(column, 'priority') === 1 ? '+' : ''}${textAt(column, 'name')}`)
    .join(' ');
const cells = (answer: Answer): readonly unknown[] => listAt(answer.list('rows')[0], 'cells');
const seconds = /^\d+s$/;

const expected: Readonly<Record<string, string>> = {
  pods: 'Name Ready Status Restarts Age +IP +Node +Nominated Node +Readiness Gates',
  deployments: 'Name Ready Up-to-date Available Age +Containers +Images +Selector',
  replicasets: 'Name Desired Current Ready Age +Containers +Images +Selector',
  statefulsets: 'Name Ready Age +Containers +Images',
  services: 'Name Type Cluster-IP External-IP Port(s) Age +Selector',
  endpoints: 'Name Endpoints Age',
  endpointslices: 'Name AddressType Ports Endpoints Age',
  horizontalpodautoscalers: 'Name Reference Targets MinPods MaxPods Replicas Age',
  events: 'Last Seen Type Reason Object +Subobject +Source Message +First Seen +Count +Name',
  leases: 'Name Holder Age',
  configmaps: 'Name Data Age',
  secrets: 'Name Type Data Age',
  serviceaccounts: 'Name Age',
  controllerrevisions: 'Name Controller Revision Age',
  poddisruptionbudgets: 'Name Min Available Max Unavailable Allowed Disruptions Age',
  roles: 'Name Created At',
};

export const tables = [
  one('the columns of each kind are those that kubectl users know', 'GET (as Table)', 'kubectl get, -o wide', async (c) => {
    for (const [plural, names] of Object.entries(expected)) equal(columns(await table(c, c.path(plural))), names, plural);
  }),
  one('so are those of the cluster-scoped kinds', 'GET (as Table)', 'kubectl get', async (c) => {
    equal(columns(await table(c, '/api/v1/namespaces')), 'Name Status Age');
    equal(columns(await table(c, '/api/v1/nodes')), 'Name Status Roles Age Version +Internal-IP +External-IP +OS-Image +Kernel-Version +Container-Runtime');
    equal(columns(await table(c, '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations')), 'Name Webhooks Age');
  }),
  one('a row has cells and the metadata of its object', 'GET configmaps (as Table)', 'kubectl get', async (c) => {
    await c.make('configmaps', configMap(c.id, { a: '1' }));
    const answer = await table(c, c.path('configmaps'), { fieldSelector: `metadata.name=${c.id}` });
    const [name, data, age] = cells(answer);
    deepEqual([name, data], [c.id, 1]);
    match(String(age), seconds);
    const object = at(answer.list('rows')[0], 'object');
    deepEqual([at(object, 'kind'), at(object, 'metadata.name'), at(object, 'data')], ['PartialObjectMetadata', c.id, undefined]);
    match(answer.text('metadata.resourceVersion'), /^\d+$/);
  }),
  one('one object is a table of one row', 'GET deployments/NAME (as Table)', 'kubectl get deploy/x', async (c) => {
    await c.make('deployments', deployment(c.id, 0, { paused: true }));
    const row = cells(await table(c, c.path('deployments', c.id)));
    deepEqual(row.toSpliced(4, 1), [c.id, '0/0', 0, 0, 'app', 'registry.invalid/app:1', `app=${c.id}`]);
  }),
  one('a pod that waits for a node is Pending', 'GET pods (as Table)', 'kubectl get pods', async (c) => {
    await c.make('pods', pod(c.id));
    const row = cells(await table(c, c.path('pods', c.id)));
    deepEqual(row.toSpliced(4, 1), [c.id, '0/1', 'Pending', '0', '<none>', '<none>', '<none>', '<none>']);
  }),
  one('a Service shows its ports and addresses', 'GET services (as Table)', 'kubectl get svc', async (c) => {
    const made = await c.make('services', service(c.id, { app: 'x' }));
    const row = cells(await table(c, c.path('services', c.id)));
    deepEqual(row.toSpliced(5, 1), [c.id, 'ClusterIP', made.text('spec.clusterIP'), '<none>', '80/TCP', 'app=x']);
  }),
  one('includeObject=Object carries the whole object', 'GET ?includeObject=Object (as Table)', 'kubectl get --sort-by', async (c) => {
    await c.make('configmaps', configMap(c.id, { a: '1' }));
    const answer = await table(c, c.path('configmaps', c.id), { includeObject: 'Object' });
    equal(at(answer.list('rows')[0], 'object.data.a'), '1');
  }),
  one('a list comes in pages as a table too', 'GET ?limit= (as Table)', 'kubectl get', async (c) => {
    for (const name of ['a', 'b']) await c.make('configmaps', configMap(`${c.id}-${name}`, {}, { of: c.id }));
    const answer = await table(c, c.path('configmaps'), { limit: '1', labelSelector: `of=${c.id}` });
    deepEqual([answer.list('rows').length, answer.text('metadata.continue') === ''], [1, false]);
  }),
  one('each event of a watch is a table of one row', 'GET ?watch (as Table)', 'kubectl get -w', async (c) => {
    const made = await c.make('configmaps', configMap(c.id));
    const query = { resourceVersion: revisionOf(made.body), fieldSelector: `metadata.name=${c.id}` };
    await using watch = await c.api.watch(c.path('configmaps'), query, { accept });
    (await c.api.patch(c.path('configmaps', c.id), 'merge', { data: { a: '1' } })).is(200);
    const { type, object } = await watch.next();
    deepEqual([type, at(object, 'kind'), at(object, 'rows.0.cells.0'), at(object, 'rows.0.cells.1')], ['MODIFIED', 'Table', c.id, 1]);
  }),
  one('what cannot be served is NotAcceptable', 'GET (Accept)', 'clients', async (c) => {
    (await c.api.get(c.path('configmaps'), { headers: { accept: 'application/xml' } })).is(406);
  }),
];
