import { deepEqual, equal, match, ok } from 'node:assert/strict';
import type { Context } from '../context.ts';
import { at } from '../json.ts';
import { container, pod } from '../objects.ts';
import { node, report } from '../ready.ts';
import { one } from '../case.ts';

/** On a node that has no kubelet: nobody but the case ends it. */
const placed = async (c: Context, grace: number): Promise<string> => {
  c.atEnd(async () => {
    await c.api.delete(c.path('pods', c.id), { body: { gracePeriodSeconds: 0 } });
    await c.api.delete(`/api/v1/nodes/${c.id}`);
  });
  (await c.api.post('/api/v1/nodes', { metadata: { name: c.id } })).is(201);
  const spec = { nodeName: c.id, terminationGracePeriodSeconds: grace, containers: [container()] };
  await c.make('pods', { metadata: { name: c.id, labels: { app: c.id } }, spec });
  return c.path('pods', c.id);
};

export const pods = [
  one('a new pod is Pending with a QoS class', 'POST pods', 'kubelet, scheduler', async (c) => {
    const made = await c.make('pods', pod(c.id));
    deepEqual([made.text('status.phase'), made.text('status.qosClass')], ['Pending', 'BestEffort']);
  }),
  one('a pod gets the default ServiceAccount', 'POST pods', 'Rouse (gateway identity)', async (c) => {
    equal((await c.make('pods', pod(c.id))).text('spec.serviceAccountName'), 'default');
  }),
  one('a pod waits 5 minutes on a node that fails', 'POST pods', 'kube-controller-manager', async (c) => {
    const tolerations = (await c.make('pods', pod(c.id))).list('spec.tolerations');
    deepEqual(tolerations.map((one) => at(one, 'key')).sort(), ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']);
  }),
  one('the status of a pod is written apart from its spec', 'PATCH pods/status', 'kubelet', async (c) => {
    await c.make('pods', pod(c.id));
    const body = { spec: { activeDeadlineSeconds: 5 }, status: { podIP: '10.77.1.1', podIPs: [{ ip: '10.77.1.1' }], phase: 'Running' } };
    const patched = (await c.api.patch(c.path('pods', c.id, 'status'), 'strategic', body)).is(200);
    deepEqual([patched.at('status.podIP'), patched.at('status.phase'), patched.at('spec.activeDeadlineSeconds')], ['10.77.1.1', 'Running', undefined]);
  }),
  one('conditions are merged by type', 'PATCH pods/status (strategic)', 'kubelet, Rouse (readiness gates)', async (c) => {
    await c.make('pods', pod(c.id));
    const path = c.path('pods', c.id, 'status');
    (
      await c.api.patch(path, 'strategic', {
        status: {
          conditions: [
            { type: 'Ready', status: 'False' },
            { type: 'rouse.dev/x', status: 'True' },
          ],
        },
      })
    ).is(200);
    const patched = (await c.api.patch(path, 'strategic', { status: { conditions: [{ type: 'Ready', status: 'True' }] } })).is(200);
    const found = Object.fromEntries(patched.list('status.conditions').map((one) => [String(at(one, 'type')), at(one, 'status')]));
    deepEqual([found['Ready'], found['rouse.dev/x']], ['True', 'True']);
  }),
  one('a binding sets the node and says PodScheduled', 'POST pods/binding', 'kube-scheduler', async (c) => {
    c.atEnd(() => c.api.delete(`/api/v1/nodes/${c.id}`));
    c.atEnd(() => c.api.delete(c.path('pods', c.id), { body: { gracePeriodSeconds: 0 } }));
    (await c.api.post('/api/v1/nodes', { metadata: { name: c.id } })).is(201);
    // No scheduler's: kube-scheduler would say that no node takes it, perhaps after it was bound.
    await c.make('pods', pod(c.id, {}, { schedulerName: 'nobody' }));
    const body = { apiVersion: 'v1', kind: 'Binding', metadata: { name: c.id }, target: { kind: 'Node', name: c.id } };
    (await c.api.post(c.path('pods', c.id, 'binding'), body)).is(201);
    const bound = (await c.api.get(c.path('pods', c.id))).is(200);
    equal(bound.text('spec.nodeName'), c.id);
    ok(bound.list('status.conditions').some((one) => at(one, 'type') === 'PodScheduled' && at(one, 'status') === 'True'));
    (await c.api.post(c.path('pods', c.id, 'binding'), body)).fails(409, 'Conflict');
  }),
  one('a pod on a node is deleted with grace', 'DELETE pods', 'kubelet, Rouse (drain)', async (c) => {
    const path = await placed(c, 20);
    const deleted = (await c.api.delete(path)).is(200);
    equal(deleted.number('metadata.deletionGracePeriodSeconds'), 20);
    const still = (await c.api.get(path)).is(200);
    const left = Date.parse(still.text('metadata.deletionTimestamp')) - Date.now();
    ok(left > 15_000 && left < 25_000, `${left} ms left`);
  }),
  one('a second delete may shorten the grace, and 0 ends it', 'DELETE pods', 'kubelet, kubectl delete --now', async (c) => {
    const path = await placed(c, 60);
    (await c.api.delete(path)).is(200);
    equal((await c.api.delete(path, { body: { gracePeriodSeconds: 10 } })).is(200).number('metadata.deletionGracePeriodSeconds'), 10);
    equal((await c.api.delete(path, { body: { gracePeriodSeconds: 30 } })).is(200).number('metadata.deletionGracePeriodSeconds'), 10);
    (await c.api.delete(path, { body: { gracePeriodSeconds: 0 } })).is(200);
    (await c.api.get(path)).fails(404, 'NotFound');
  }),
  one('a pod without a node goes at once', 'DELETE pods', 'controllers', async (c) => {
    await c.make('pods', { ...pod(c.id), spec: { ...pod(c.id).spec, terminationGracePeriodSeconds: 30 } });
    (await c.api.delete(c.path('pods', c.id))).is(200);
    (await c.api.get(c.path('pods', c.id))).fails(404, 'NotFound');
  }),
  one('an eviction deletes the pod', 'POST pods/eviction', 'kubectl drain', async (c) => {
    await c.make('pods', pod(c.id));
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: c.id, namespace: c.ns } };
    equal((await c.api.post(c.path('pods', c.id, 'eviction'), body)).is(201).text('status'), 'Success');
    await c.gone(c.path('pods', c.id));
  }),
  one('a pod without a node has no log yet', 'GET pods/log', 'kubectl logs', async (c) => {
    await c.make('pods', pod(c.id));
    equal((await c.api.get(c.path('pods', c.id, 'log'))).is(204).raw, '');
  }),
  one('an eviction that a budget does not allow is TooManyRequests', 'POST pods/eviction', 'kubectl drain', async (c) => {
    await c.make('pods', pod(c.id, { app: c.id }));
    await c.make('poddisruptionbudgets', { metadata: { name: c.id }, spec: { minAvailable: 1, selector: { matchLabels: { app: c.id } } } });
    await report(c, c.id, true);
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: c.id, namespace: c.ns } };
    const answer = (await c.api.post(c.path('pods', c.id, 'eviction'), body)).fails(429, 'TooManyRequests');
    equal(at(answer.list('details.causes')[0], 'reason'), 'DisruptionBudget');
    (await c.api.get(c.path('pods', c.id))).is(200);
  }),
  one('a node is cordoned by a patch of its spec', 'PATCH nodes (strategic)', 'kubectl cordon, drain', async (c) => {
    const path = `/api/v1/nodes/${await node(c)}`;
    equal((await c.api.patch(path, 'strategic', { spec: { unschedulable: true } })).is(200).at('spec.unschedulable'), true);
    equal((await c.api.patch(path, 'strategic', { spec: { unschedulable: null } })).is(200).at('spec.unschedulable'), undefined);
  }),
  one('conditions and addresses of a node are merged by type', 'PATCH nodes/status (strategic)', 'kubelet', async (c) => {
    const path = `/api/v1/nodes/${await node(c)}/status`;
    const write = (status: object) => c.api.patch(path, 'strategic', { status });
    (await write({ conditions: [{ type: 'Ready', status: 'False' }], addresses: [{ type: 'Hostname', address: 'n' }] })).is(200);
    const patched = (await write({ conditions: [{ type: 'Ready', status: 'True' }], addresses: [{ type: 'InternalIP', address: '10.77.0.1' }] })).is(200);
    deepEqual(
      patched.list('status.conditions').map((one) => at(one, 'status')),
      ['True'],
    );
    deepEqual(
      patched
        .list('status.addresses')
        .map((one) => at(one, 'type'))
        .sort(),
      ['Hostname', 'InternalIP'],
    );
  }),
  one('the log of a container that is not there is refused', 'GET pods/log?container=', 'kubectl logs -c', async (c) => {
    await c.make('pods', pod(c.id));
    const answer = (await c.api.get(c.path('pods', c.id, 'log'), { query: { container: 'nobody' } })).fails(400, 'BadRequest');
    match(answer.text('message'), new RegExp(`container nobody is not valid for pod ${c.id}`));
  }),
  one('with several containers a log needs the name of one', 'GET pods/log', 'kubectl logs', async (c) => {
    await c.make('pods', pod(c.id, {}, { containers: [container('a'), container('b')] }));
    const answer = (await c.api.get(c.path('pods', c.id, 'log'))).fails(400, 'BadRequest');
    match(answer.text('message'), /a container name must be specified for pod .*, choose one of: \[a b\]/);
  }),
  one('annotations of a pod can change while it runs', 'PATCH pods', 'Rouse (deletion cost)', async (c) => {
    const path = await placed(c, 0);
    const cost = { 'controller.kubernetes.io/pod-deletion-cost': '-5' };
    deepEqual((await c.api.patch(path, 'merge', { metadata: { annotations: cost } })).is(200).at('metadata.annotations'), cost);
  }),
];
