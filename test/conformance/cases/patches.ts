import { deepEqual, equal } from 'node:assert/strict';
import type { Answer } from '../api.ts';
import type { Context } from '../context.ts';
import { at, listAt, revisionOf, textAt } from '../json.ts';
import { configMap, deployment, service } from '../objects.ts';
import { one } from '../case.ts';

const twoContainers = async (c: Context): Promise<void> => {
  const containers = [
    { name: 'a', image: 'a:1', env: [{ name: 'X', value: '1' }], ports: [{ containerPort: 80 }] },
    { name: 'b', image: 'b:1' },
  ];
  await c.make('deployments', deployment(c.id, 0, { paused: true }, { containers }));
};

const strategic = async (c: Context, podSpec: object): Promise<Answer> =>
  (await c.api.patch(c.path('deployments', c.id), 'strategic', { spec: { template: { spec: podSpec } } })).is(200);

const containers = (answer: Answer): string[] => answer.list('spec.template.spec.containers').map((item) => `${textAt(item, 'name')}=${textAt(item, 'image')}`);

export const patches = [
  one('a JSON patch adds, replaces and removes', 'PATCH (json)', 'kubectl rollout undo, webhooks', async (c) => {
    await c.make('configmaps', configMap(c.id, { a: '1', b: '1' }));
    const patched = await c.api.patch(c.path('configmaps', c.id), 'json', [
      { op: 'test', path: '/data/a', value: '1' },
      { op: 'replace', path: '/data/a', value: '2' },
      { op: 'remove', path: '/data/b' },
      { op: 'add', path: '/data/c', value: '3' },
      { op: 'add', path: '/metadata/annotations', value: { 'rouse.dev/x': '0' } },
      { op: 'replace', path: '/metadata/annotations/rouse.dev~1x', value: '1' },
    ]);
    deepEqual([patched.is(200).at('data'), patched.at('metadata.annotations')], [{ a: '2', c: '3' }, { 'rouse.dev/x': '1' }]);
  }),
  one('a JSON patch whose test fails is 422 and changes nothing', 'PATCH (json)', 'clients', async (c) => {
    const made = await c.make('configmaps', configMap(c.id, { a: '1' }));
    const body = [
      { op: 'replace', path: '/data/a', value: '3' },
      { op: 'test', path: '/data/a', value: '2' },
    ];
    (await c.api.patch(c.path('configmaps', c.id), 'json', body)).fails(422, 'Invalid');
    equal(revisionOf((await c.api.get(c.path('configmaps', c.id))).body), revisionOf(made.body));
  }),
  one('a JSON patch that removes what is not there is 422', 'PATCH (json)', 'clients', async (c) => {
    await c.make('configmaps', configMap(c.id, { a: '1' }));
    (await c.api.patch(c.path('configmaps', c.id), 'json', [{ op: 'remove', path: '/data/b' }])).fails(422, 'Invalid');
  }),
  one('a JSON patch that is no list is BadRequest', 'PATCH (json)', 'clients', async (c) => {
    await c.make('configmaps', configMap(c.id));
    (await c.api.patch(c.path('configmaps', c.id), 'json', { op: 'remove' })).fails(400, 'BadRequest');
  }),
  one('a merge patch merges objects, replaces lists, and null removes', 'PATCH (merge)', 'Rouse, kubectl annotate and label', async (c) => {
    await c.make('configmaps', { ...configMap(c.id, { a: '1', b: '1' }), metadata: { name: c.id, finalizers: [], labels: { x: '1' } } });
    const patched = (await c.api.patch(c.path('configmaps', c.id), 'merge', { metadata: { labels: { y: '2' } }, data: { a: null, c: '2' } })).is(200);
    deepEqual(
      [patched.at('data'), patched.at('metadata.labels')],
      [
        { b: '1', c: '2' },
        { x: '1', y: '2' },
      ],
    );
  }),
  one('a merge patch with the current resourceVersion is taken', 'PATCH (merge)', 'Rouse (takeover)', async (c) => {
    const made = await c.make('configmaps', configMap(c.id, { a: '1' }));
    const body = { metadata: { resourceVersion: revisionOf(made.body) }, data: { a: '2' } };
    equal((await c.api.patch(c.path('configmaps', c.id), 'merge', body)).is(200).text('data.a'), '2');
  }),
  one('a merge patch with an old resourceVersion is Conflict', 'PATCH (merge)', 'Rouse (takeover)', async (c) => {
    const made = await c.make('configmaps', configMap(c.id, { a: '1' }));
    (await c.api.patch(c.path('configmaps', c.id), 'merge', { data: { a: '2' } })).is(200);
    const body = { metadata: { resourceVersion: revisionOf(made.body) }, data: { a: '3' } };
    (await c.api.patch(c.path('configmaps', c.id), 'merge', body)).fails(409, 'Conflict');
  }),
  one('a merge patch for another uid is refused', 'PATCH (merge)', 'Rouse, kubelet', async (c) => {
    const made = await c.make('configmaps', configMap(c.id, { a: '1' }));
    const body = { metadata: { uid: made.text('metadata.uid').replace(/^.{8}/, '00000000') }, data: { a: '2' } };
    (await c.api.patch(c.path('configmaps', c.id), 'merge', body)).is(409, 422);
  }),
  one('a patch that changes nothing keeps the resourceVersion', 'PATCH (merge)', 'Rouse (idempotent steps)', async (c) => {
    const made = await c.make('configmaps', configMap(c.id, { a: '1' }));
    const patched = (await c.api.patch(c.path('configmaps', c.id), 'merge', { data: { a: '1', b: null } })).is(200);
    equal(revisionOf(patched.body), revisionOf(made.body));
  }),
  one('parallel patches of different fields all arrive', 'PATCH (merge)', 'Rouse (annotations beside others)', async (c) => {
    await c.make('configmaps', configMap(c.id));
    const keys = ['a', 'b', 'c', 'd', 'e'];
    const answers = await Promise.all(keys.map((key) => c.api.patch(c.path('configmaps', c.id), 'merge', { data: { [key]: '1' } })));
    for (const answer of answers) answer.is(200);
    deepEqual(Object.keys((await c.api.get(c.path('configmaps', c.id))).at('data') ?? {}), keys);
  }),
  one('a patch of another name is refused', 'PATCH (merge)', 'clients', async (c) => {
    await c.make('configmaps', configMap(c.id));
    (await c.api.patch(c.path('configmaps', c.id), 'merge', { metadata: { name: 'other' } })).is(400, 422);
  }),
  one('a patch of an object that does not exist is NotFound', 'PATCH (merge)', 'Rouse', async (c) => {
    (await c.api.patch(c.path('configmaps', c.id), 'merge', { data: { a: '1' } })).fails(404, 'NotFound');
  }),
  one('a patch of an unknown type is UnsupportedMediaType', 'PATCH', 'clients', async (c) => {
    await c.make('configmaps', configMap(c.id));
    (await c.api.patch(c.path('configmaps', c.id), 'merge', {}, { type: 'application/json' })).fails(415, 'UnsupportedMediaType');
  }),
  one('a merge patch that leaves an illegal object is Invalid', 'PATCH (merge)', 'kubectl patch', async (c) => {
    await c.make('deployments', deployment(c.id, 0, { paused: true }));
    (await c.api.patch(c.path('deployments', c.id), 'merge', { spec: { replicas: -1 } })).fails(422, 'Invalid');
  }),
  one('a strategic merge patch finds containers by name', 'PATCH (strategic)', 'kubectl set image, rollout restart', async (c) => {
    await twoContainers(c);
    const patched = await strategic(c, {
      containers: [
        { name: 'b', image: 'b:2' },
        { name: 'z', image: 'z:1' },
      ],
    });
    deepEqual(new Set(containers(patched)), new Set(['a=a:1', 'b=b:2', 'z=z:1']));
  }),
  one('$setElementOrder orders the merged list', 'PATCH (strategic)', 'kubectl apply', async (c) => {
    await twoContainers(c);
    const patched = await strategic(c, {
      '$setElementOrder/containers': [{ name: 'z' }, { name: 'b' }, { name: 'a' }],
      containers: [{ name: 'z', image: 'z:1' }],
    });
    deepEqual(containers(patched), ['z=z:1', 'b=b:1', 'a=a:1']);
  }),
  one('$patch: delete removes an item', 'PATCH (strategic)', 'kubectl apply, edit', async (c) => {
    await twoContainers(c);
    deepEqual(containers(await strategic(c, { containers: [{ name: 'b', $patch: 'delete' }] })), ['a=a:1']);
  }),
  one('$patch: replace replaces a list', 'PATCH (strategic)', 'kubectl patch', async (c) => {
    await twoContainers(c);
    deepEqual(containers(await strategic(c, { containers: [{ name: 'n', image: 'n:1' }, { $patch: 'replace' }] })), ['n=n:1']);
  }),
  one('env is merged by name and ports by number', 'PATCH (strategic)', 'kubectl set env, apply', async (c) => {
    await twoContainers(c);
    const patched = await strategic(c, { containers: [{ name: 'a', env: [{ name: 'Y', value: '2' }], ports: [{ containerPort: 80, name: 'http' }] }] });
    const container = patched.list('spec.template.spec.containers').find((item) => textAt(item, 'name') === 'a');
    deepEqual(new Set(listAt(container, 'env').map((item) => textAt(item, 'name'))), new Set(['X', 'Y']));
    deepEqual(at(container, 'ports'), [{ containerPort: 80, name: 'http', protocol: 'TCP' }]);
  }),
  one('lists without a merge key are replaced', 'PATCH (strategic)', 'kubectl apply', async (c) => {
    await twoContainers(c);
    await strategic(c, { tolerations: [{ key: 'a', operator: 'Exists' }] });
    deepEqual((await strategic(c, { tolerations: [{ key: 'b', operator: 'Exists' }] })).at('spec.template.spec.tolerations'), [
      { key: 'b', operator: 'Exists' },
    ]);
  }),
  one('null removes a field', 'PATCH (strategic)', 'kubectl apply', async (c) => {
    await c.make('services', service(c.id, { app: 'x', tier: 'y' }));
    const patched = (await c.api.patch(c.path('services', c.id), 'strategic', { spec: { selector: { tier: null } } })).is(200);
    deepEqual(patched.at('spec.selector'), { app: 'x' });
  }),
  one('$retainKeys drops what belonged to the other kind of strategy', 'PATCH (strategic)', 'kubectl apply', async (c) => {
    await twoContainers(c);
    const body = { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } };
    deepEqual((await c.api.patch(c.path('deployments', c.id), 'strategic', body)).is(200).at('spec.strategy'), { type: 'Recreate' });
  }),
  one('$deleteFromPrimitiveList takes values out of a list', 'PATCH (strategic)', 'kubectl apply', async (c) => {
    await c.make('configmaps', { ...configMap(c.id), metadata: { name: c.id, finalizers: ['rouse.dev/a', 'rouse.dev/b'] } });
    const body = { metadata: { '$deleteFromPrimitiveList/finalizers': ['rouse.dev/a'] } };
    deepEqual((await c.api.patch(c.path('configmaps', c.id), 'strategic', body)).is(200).at('metadata.finalizers'), ['rouse.dev/b']);
    (await c.api.patch(c.path('configmaps', c.id), 'merge', { metadata: { finalizers: null } })).is(200);
  }),
  one('the ports of a Service are merged by port', 'PATCH (strategic)', 'kubectl apply', async (c) => {
    await c.make('services', service(c.id, undefined));
    const body = {
      spec: {
        ports: [
          { port: 80, targetPort: 9090 },
          { name: 'admin', port: 81 },
        ],
      },
    };
    const patched = (await c.api.patch(c.path('services', c.id), 'strategic', body)).is(200);
    deepEqual(
      new Set(patched.list('spec.ports').map((port) => `${textAt(port, 'name')}:${String(at(port, 'port'))}:${String(at(port, 'targetPort'))}`)),
      new Set(['http:80:9090', 'admin:81:81']),
    );
  }),
];
