import test from 'ava';
import fc from 'fast-check';
import type { Endpoint, EndpointSlice } from 'kubernetes-types/discovery/v1.d.ts';
import type { StoredObject } from '../../in-process-api.ts';
import { planSlices, type EndpointGroup, type SlicePlan } from './slice-plan.ts';

type Slice = EndpointSlice & StoredObject;

const mostEndpoints = 5;
const limits = { mostEndpoints, keepsPlaceholder: true };

const endpoint = (id: number, ready: boolean): Endpoint => ({ addresses: [`10.0.0.${id}`], conditions: { ready }, targetRef: { uid: `pod-${id}` } });
const portsOf = (port: number): EndpointGroup['ports'] => [{ name: '', port, protocol: 'TCP' }];

let made = 0;
const sliceOf = ({ ports, endpoints }: EndpointGroup): Slice => {
  made += 1;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `slice-${made}`, uid: `uid-${made}`, resourceVersion: '1' },
    addressType: 'IPv4',
    endpoints: [...endpoints],
    ports: [...ports],
  };
};

/** The slices after the plan. */
const apply = ({ create, update, keep }: SlicePlan): readonly Slice[] => [
  ...keep,
  ...update.map(({ slice, endpoints, ports }) => ({ ...slice, endpoints: [...endpoints], ports: [...ports] })),
  ...create.map(sliceOf),
];

/** Pods by id: the port each serves on and whether it is ready. */
const pods = fc.uniqueArray(fc.tuple(fc.nat(30), fc.integer({ min: 1, max: 3 }), fc.boolean()), { maxLength: 25, selector: ([id]) => id });

const groupsOf = (all: readonly (readonly [number, number, boolean])[]): readonly EndpointGroup[] =>
  [1, 2, 3]
    .map((port) => ({ ports: portsOf(port), endpoints: all.filter(([, own]) => own === port).map(([id, , ready]) => endpoint(id, ready)) }))
    .filter(({ endpoints }) => endpoints.length > 0);

const contentOf = (slices: readonly Slice[]): readonly string[] =>
  slices.flatMap(({ endpoints, ports }) => endpoints.map((one) => JSON.stringify([one.targetRef?.uid, one.conditions?.ready, ports?.[0]?.port]))).toSorted();

test('after any history of pods the slices hold exactly those there are, none too large, and never nothing', (t) => {
  fc.assert(
    fc.property(fc.array(pods, { minLength: 1, maxLength: 6 }), (history) => {
      let slices: readonly Slice[] = [];
      for (const moment of history) {
        slices = apply(planSlices(groupsOf(moment), slices, limits));
        const wanted = moment.map(([id, port, ready]) => JSON.stringify([`pod-${id}`, ready, port])).toSorted();
        t.deepEqual(contentOf(slices), wanted);
        t.true(slices.every(({ endpoints }) => endpoints.length <= mostEndpoints));
        t.true(slices.length >= 1);
        t.is(slices.filter(({ endpoints }) => endpoints.length === 0).length, moment.length === 0 ? 1 : 0);
      }
    }),
  );
});

test('planning again changes nothing', (t) => {
  fc.assert(
    fc.property(pods, pods, (before, now) => {
      const slices = apply(planSlices(groupsOf(now), apply(planSlices(groupsOf(before), [], limits)), limits));
      const { create, update, remove } = planSlices(groupsOf(now), slices, limits);
      t.deepEqual([create.length, update.length, remove.length], [0, 0, 0]);
    }),
  );
});

test('when the ports change a slice is used again, with no moment without one', (t) => {
  const [slice] = apply(planSlices(groupsOf([[1, 1, true]]), [], limits));
  const plan = planSlices(groupsOf([[1, 2, true]]), [slice!], limits);
  t.is(plan.create.length + plan.remove.length, 0);
  t.is(plan.update[0]?.slice, slice);
  t.deepEqual(plan.update[0]?.ports, portsOf(2));
});
