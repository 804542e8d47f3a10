import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { at, textAt, uidOf } from '../json.ts';
import { configMap, deployment, paths, pod, service } from '../objects.ts';
import { one } from '../case.ts';

export const objects = [
  one('a created object has uid, resourceVersion and creation time', 'POST configmaps', 'everybody', async (c) => {
    const made = await c.make('configmaps', configMap(c.id, { a: '1' }));
    match(made.text('metadata.uid'), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    match(made.text('metadata.resourceVersion'), /^\d+$/);
    match(made.text('metadata.creationTimestamp'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    equal(made.text('metadata.namespace'), c.ns);
    deepEqual([made.text('apiVersion'), made.text('kind')], ['v1', 'ConfigMap']);
    deepEqual((await c.api.get(c.path('configmaps', c.id))).is(200).body, made.body);
  }),
  one('a name that is taken is AlreadyExists', 'POST configmaps', 'kubectl create, Rouse', async (c) => {
    await c.make('configmaps', configMap(c.id));
    const answer = (await c.api.post(c.path('configmaps'), configMap(c.id))).fails(409, 'AlreadyExists');
    equal(answer.text('message'), `configmaps "${c.id}" already exists`);
    equal(answer.text('details.name'), c.id);
  }),
  one('generateName appends five random characters', 'POST configmaps', 'controllers, Rouse (Events)', async (c) => {
    const made = await c.make('configmaps', { metadata: { generateName: `${c.id}-` } });
    match(made.text('metadata.name').slice(c.id.length), /^-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  }),
  one('an object without a name is Invalid', 'POST configmaps', 'kubectl', async (c) => {
    const answer = (await c.api.post(c.path('configmaps'), { metadata: {} })).fails(422, 'Invalid');
    deepEqual([at(answer.list('details.causes')[0], 'reason'), at(answer.list('details.causes')[0], 'field')], ['FieldValueRequired', 'metadata.name']);
  }),
  one('a name with capitals is Invalid and says which field', 'POST configmaps', 'kubectl', async (c) => {
    const answer = (await c.api.post(c.path('configmaps'), configMap('Not-Legal'))).fails(422, 'Invalid');
    equal(at(answer.list('details.causes')[0], 'field'), 'metadata.name');
    equal(answer.text('details.kind'), 'ConfigMap');
  }),
  one('a label value with a space is Invalid', 'POST configmaps', 'kubectl label', async (c) => {
    const answer = (await c.api.post(c.path('configmaps'), configMap(c.id, {}, { app: 'not legal' }))).fails(422, 'Invalid');
    equal(at(answer.list('details.causes')[0], 'field'), 'metadata.labels');
  }),
  one('an object of another kind is BadRequest', 'POST configmaps', 'kubectl create', async (c) => {
    (await c.api.post(c.path('configmaps'), { apiVersion: 'v1', kind: 'Secret', metadata: { name: c.id } })).fails(400, 'BadRequest');
  }),
  one('an object of another namespace is BadRequest', 'POST configmaps', 'kubectl create', async (c) => {
    (await c.api.post(c.path('configmaps'), { metadata: { name: c.id, namespace: 'kube-system' } })).fails(400, 'BadRequest');
  }),
  one('a body that is not JSON is BadRequest', 'POST configmaps', 'kubectl create', async (c) => {
    (await c.api.post(c.path('configmaps'), '{"metadata":')).fails(400, 'BadRequest');
  }),
  one('a body may be YAML', 'POST configmaps', 'scripts', async (c) => {
    const body = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${c.id}\ndata:\n  a: "1"\n`;
    equal((await c.api.post(c.path('configmaps'), body, { type: 'application/yaml' })).is(201).text('data.a'), '1');
  }),
  one('a body without a Content-Type is taken as JSON', 'PUT deployments/scale', 'kubectl scale --current-replicas', async (c) => {
    equal((await c.api.post(c.path('configmaps'), configMap(c.id), { type: 'none' })).is(201).text('metadata.name'), c.id);
  }),
  one('a body of an unknown Content-Type is UnsupportedMediaType', 'POST configmaps', 'clients', async (c) => {
    (await c.api.post(c.path('configmaps'), '<a/>', { type: 'application/xml' })).fails(415, 'UnsupportedMediaType');
  }),
  one('an object in a namespace that does not exist is NotFound', 'POST configmaps', 'kubectl create', async (c) => {
    const answer = (await c.api.post(paths('configmaps', `${c.id}-nowhere`), configMap(c.id))).fails(404, 'NotFound');
    equal(answer.text('message'), `namespaces "${c.id}-nowhere" not found`);
  }),
  one('an object that does not exist is NotFound, with group and kind', 'GET deployments', 'everybody', async (c) => {
    const answer = (await c.api.get(c.path('deployments', c.id))).fails(404, 'NotFound');
    equal(answer.text('message'), `deployments.apps "${c.id}" not found`);
    deepEqual([answer.text('details.name'), answer.text('details.group'), answer.text('details.kind')], [c.id, 'apps', 'deployments']);
  }),
  one('a namespace carries its name as a label and is Active', 'POST namespaces', 'webhooks (namespaceSelector)', async (c) => {
    const name = await c.freshNamespace();
    const answer = (await c.api.get(`/api/v1/namespaces/${name}`)).is(200);
    equal(answer.at(['metadata', 'labels', 'kubernetes.io/metadata.name']), name);
    equal(answer.text('status.phase'), 'Active');
    deepEqual(answer.at('spec.finalizers'), ['kubernetes']);
  }),
  one('a new namespace gets its default ServiceAccount', 'POST namespaces', 'pods', async (c) => {
    const name = await c.freshNamespace();
    await c.until(paths('serviceaccounts', name, 'default'), ({ status }) => status === 200, 'the default ServiceAccount');
  }),
  one('a Deployment is completed with its defaults', 'POST deployments', 'Rouse (webhooks), kubectl', async (c) => {
    const { replicas: _, ...spec } = deployment(c.id, 0).spec;
    const made = await c.make('deployments', { ...deployment(c.id, 0), spec: { ...spec, paused: true } });
    equal(made.at('spec.replicas'), 1);
    deepEqual(made.at('spec.strategy'), { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } });
    deepEqual([made.at('spec.revisionHistoryLimit'), made.at('spec.progressDeadlineSeconds')], [10, 600]);
    const template = made.at('spec.template.spec');
    deepEqual(
      ['restartPolicy', 'dnsPolicy', 'schedulerName', 'terminationGracePeriodSeconds', 'securityContext'].map((name) => at(template, name)),
      ['Always', 'ClusterFirst', 'default-scheduler', 0, {}],
    );
    const container = at(template, 'containers.0');
    deepEqual(
      ['imagePullPolicy', 'terminationMessagePath', 'terminationMessagePolicy', 'resources'].map((name) => at(container, name)),
      ['IfNotPresent', '/dev/termination-log', 'File', {}],
    );
  }),
  one('a probe is completed with its defaults', 'POST pods', 'Rouse (readiness), kubelet', async (c) => {
    const probed = { containers: [{ name: 'app', image: 'app', readinessProbe: { httpGet: { port: 80 } }, ports: [{ containerPort: 80 }] }] };
    const made = await c.make('pods', pod(c.id, {}, probed));
    deepEqual(made.at('spec.containers.0.readinessProbe'), {
      httpGet: { path: '/', port: 80, scheme: 'HTTP' },
      timeoutSeconds: 1,
      periodSeconds: 10,
      successThreshold: 1,
      failureThreshold: 3,
    });
    equal(made.at('spec.containers.0.ports.0.protocol'), 'TCP');
    equal(made.at('spec.containers.0.imagePullPolicy'), 'Always');
  }),
  one('a Service gets an address and its defaults', 'POST services', 'Rouse (routing)', async (c) => {
    const made = await c.make('services', service(c.id, { app: c.id }, { ports: [{ port: 80 }] }));
    match(made.text('spec.clusterIP'), /^\d+\.\d+\.\d+\.\d+$/);
    deepEqual(made.at('spec.clusterIPs'), [made.at('spec.clusterIP')]);
    deepEqual(
      ['type', 'sessionAffinity', 'ipFamilies', 'ipFamilyPolicy', 'internalTrafficPolicy'].map((name) => made.at(`spec.${name}`)),
      ['ClusterIP', 'None', ['IPv4'], 'SingleStack', 'Cluster'],
    );
    deepEqual(made.at('spec.ports'), [{ port: 80, protocol: 'TCP', targetPort: 80 }]);
  }),
  one('two Services have two addresses', 'POST services', 'Rouse (routing)', async (c) => {
    const [left, right] = [await c.make('services', service(`${c.id}-a`, undefined)), await c.make('services', service(`${c.id}-b`, undefined))];
    notEqual(left.text('spec.clusterIP'), right.text('spec.clusterIP'));
  }),
  one('a headless Service has no address', 'POST services', 'Rouse (warning)', async (c) => {
    equal((await c.make('services', service(c.id, undefined, { clusterIP: 'None' }))).text('spec.clusterIP'), 'None');
  }),
  one('an ExternalName Service has no address', 'POST services', 'Rouse (refusal)', async (c) => {
    const made = await c.make('services', { metadata: { name: c.id }, spec: { type: 'ExternalName', externalName: 'a.example' } });
    equal(made.at('spec.clusterIP'), undefined);
  }),
  one('several ports of a Service need names', 'POST services', 'kubectl', async (c) => {
    (await c.api.post(c.path('services'), service(c.id, undefined, { ports: [{ port: 80 }, { port: 81 }] }))).fails(422, 'Invalid');
  }),
  one('a Deployment whose selector misses its own pods is Invalid', 'POST deployments', 'kubectl', async (c) => {
    const answer = (await c.api.post(c.path('deployments'), deployment(c.id, 0, { selector: { matchLabels: { other: 'x' } } }))).fails(422, 'Invalid');
    equal(answer.text('details.kind'), 'Deployment');
    ok(answer.list('details.causes').some((cause) => textAt(cause, 'field') === 'spec.template.metadata.labels'));
  }),
  one('a Deployment without containers is Invalid', 'POST deployments', 'kubectl', async (c) => {
    (await c.api.post(c.path('deployments'), deployment(c.id, 0, {}, { containers: [] }))).fails(422, 'Invalid');
  }),
  one('a Secret keeps stringData as data', 'POST secrets', 'Rouse (link), kubectl', async (c) => {
    const made = await c.make('secrets', { metadata: { name: c.id }, stringData: { key: 'value' } });
    equal(made.text('data.key'), Buffer.from('value').toString('base64'));
    deepEqual([made.at('stringData'), made.text('type')], [undefined, 'Opaque']);
  }),
  one('a ControllerRevision keeps its data and revision', 'POST controllerrevisions', 'Rouse (revisions)', async (c) => {
    const made = await c.make('controllerrevisions', { metadata: { name: c.id }, revision: 7, data: { spec: { template: { a: ['b'] } } } });
    deepEqual([made.at('revision'), made.at('data')], [7, { spec: { template: { a: ['b'] } } }]);
  }),
  one('an HPA of v2 is seen through v1 too', 'GET autoscaling/v1 horizontalpodautoscalers', 'Rouse (refusal), kubectl', async (c) => {
    const metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } }];
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: c.id };
    const made = await c.make('horizontalpodautoscalers', { metadata: { name: c.id }, spec: { scaleTargetRef, maxReplicas: 3, metrics } });
    equal(made.at('spec.minReplicas'), 1);
    const old = (await c.api.get(`/apis/autoscaling/v1/namespaces/${c.ns}/horizontalpodautoscalers/${c.id}`)).is(200);
    deepEqual([old.text('apiVersion'), old.at('spec.targetCPUUtilizationPercentage'), uidOf(old.body)], ['autoscaling/v1', 60, uidOf(made.body)]);
  }),
  one('a cluster-scoped object has no namespace', 'POST nodes', 'kubelet', async (c) => {
    c.atEnd(() => c.api.delete(`/api/v1/nodes/${c.id}`));
    const made = (await c.api.post('/api/v1/nodes', { metadata: { name: c.id } })).is(201);
    equal(made.at('metadata.namespace'), undefined);
  }),
];
