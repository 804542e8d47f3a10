import { deepEqual, equal } from 'node:assert/strict';
import type { Context } from '../context.ts';
import { at, nameOf, revisionOf } from '../json.ts';
import { one } from '../case.ts';

const lease = (c: Context, holderIdentity: string, more: object = {}) => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: c.id, ...more },
  spec: { holderIdentity, leaseDurationSeconds: 15, acquireTime: '2026-01-01T00:00:00.000001Z', renewTime: '2026-01-01T00:00:00.123456Z', leaseTransitions: 0 },
});

export const leases = [
  one('a Lease keeps times to the microsecond', 'POST leases', 'Rouse (leader election)', async (c) => {
    const made = await c.make('leases', lease(c, 'a'));
    deepEqual(made.at('spec'), lease(c, 'a').spec);
  }),
  one('two cannot create the same Lease', 'POST leases', 'Rouse (leader election)', async (c) => {
    const answers = await Promise.all(['a', 'b', 'c'].map((holder) => c.api.post(c.path('leases'), lease(c, holder))));
    deepEqual(answers.map(({ status }) => status).sort(), [201, 409, 409]);
  }),
  one('of two who renew from the same version one wins', 'PUT leases', 'Rouse (leader election)', async (c) => {
    const made = await c.make('leases', lease(c, 'a'));
    const resourceVersion = revisionOf(made.body);
    const answers = await Promise.all(['b', 'c'].map((holder) => c.api.put(c.path('leases', c.id), lease(c, holder, { resourceVersion }))));
    deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
  }),
  one('a renewal keeps its holder and raises the version', 'PUT leases', 'Rouse (leader election)', async (c) => {
    const made = await c.make('leases', lease(c, 'a'));
    const put = (await c.api.put(c.path('leases', c.id), lease(c, 'b', { resourceVersion: revisionOf(made.body) }))).is(200);
    deepEqual([put.at('spec.holderIdentity'), Number(revisionOf(put.body)) > Number(revisionOf(made.body))], ['b', true]);
  }),
  one('a merge patch with the version of another is Conflict', 'PATCH leases', 'Rouse (leader election)', async (c) => {
    const made = await c.make('leases', lease(c, 'a'));
    const body = (holderIdentity: string): object => ({ metadata: { resourceVersion: revisionOf(made.body) }, spec: { holderIdentity } });
    (await c.api.patch(c.path('leases', c.id), 'merge', body('b'))).is(200);
    (await c.api.patch(c.path('leases', c.id), 'merge', body('c'))).fails(409, 'Conflict');
  }),
  one('a Lease without a version cannot be replaced', 'PUT leases', 'Rouse (leader election)', async (c) => {
    await c.make('leases', lease(c, 'a'));
    (await c.api.put(c.path('leases', c.id), lease(c, 'b'))).fails(422, 'Invalid');
  }),
  one('a duration below one second is Invalid', 'POST leases', 'Rouse (leader election)', async (c) => {
    (await c.api.post(c.path('leases'), { metadata: { name: c.id }, spec: { leaseDurationSeconds: 0 } })).fails(422, 'Invalid');
  }),
  one('an Event is kept and counted', 'POST, PATCH events', 'Rouse (Events)', async (c) => {
    await c.make('events', {
      metadata: { name: c.id },
      involvedObject: { kind: 'Deployment', namespace: c.ns, name: c.id, apiVersion: 'apps/v1' },
      reason: 'Wake',
      message: 'a request is waiting',
      type: 'Normal',
      count: 1,
      source: { component: 'rouse' },
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:00Z',
    });
    const patched = (await c.api.patch(c.path('events', c.id), 'merge', { count: 2, lastTimestamp: '2026-01-01T00:00:05Z' })).is(200);
    deepEqual([patched.at('count'), patched.at('lastTimestamp'), patched.at('reason')], [2, '2026-01-01T00:00:05Z', 'Wake']);
  }),
  one('an Event is seen in events.k8s.io too', 'GET events.k8s.io/v1 events', 'kubectl events', async (c) => {
    await c.make('events', {
      metadata: { name: c.id },
      involvedObject: { kind: 'Pod', namespace: c.ns, name: c.id },
      reason: 'Wake',
      message: 'm',
      type: 'Normal',
    });
    const seen = (await c.api.get(`/apis/events.k8s.io/v1/namespaces/${c.ns}/events/${c.id}`)).is(200);
    deepEqual([seen.at('regarding.name'), seen.at('note'), seen.at('reason')], [c.id, 'm', 'Wake']);
  }),
  one('an Event about another namespace is Invalid', 'POST events', 'Rouse (Events)', async (c) => {
    const involvedObject = { kind: 'Pod', namespace: 'kube-system', name: c.id };
    (await c.api.post(c.path('events'), { metadata: { name: c.id }, involvedObject, reason: 'R', message: 'm', type: 'Normal' })).fails(422, 'Invalid');
  }),
  one('the namespace of node leases is there', 'GET namespaces/kube-node-lease', 'kubelet', async (c) => {
    await c.until('/api/v1/namespaces/kube-node-lease', ({ status }) => status === 200, 'kube-node-lease');
    equal(nameOf((await c.api.get('/api/v1/namespaces/kube-system')).is(200).body), 'kube-system');
    equal(at((await c.api.get('/api/v1/namespaces/default')).is(200).body, 'status.phase'), 'Active');
  }),
];
