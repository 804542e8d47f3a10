import test from 'ava';
import { recordOf } from '../testing/placed-cluster.ts';
import { poolOfNodes, poolOfPod } from './pools.ts';

const specOf = (annotations: Readonly<Record<string, string>>) => recordOf(annotations).spec.placement;
const base = { 'rouse.dev/base-nodes': 'capacity=stable' };
const burst = { 'rouse.dev/burst-nodes': 'capacity in (spot, cheap)' };

const nodePools = test.macro((t, annotations: Readonly<Record<string, string>>, want: readonly (string | undefined)[]) => {
  const poolOf = poolOfNodes(specOf(annotations));
  t.deepEqual(
    ['stable', 'spot', 'other'].map((capacity) => poolOf({ labels: { capacity } })),
    want as never,
  );
});
test('without selectors there are no pools', nodePools, {}, [undefined, undefined, undefined]);
test('with base-nodes alone every other node is burst', nodePools, base, ['base', 'burst', 'burst']);
test('with burst-nodes alone every other node is base', nodePools, burst, ['base', 'burst', 'base']);
test('with both a node may be of neither', nodePools, { ...base, ...burst }, ['base', 'burst', undefined]);
test('a node that both select is a base node', nodePools, { ...base, 'rouse.dev/burst-nodes': 'capacity' }, ['base', 'burst', 'burst']);

const podPool = test.macro(
  (t, annotations: Readonly<Record<string, string>>, of: { readonly placeInSet?: number; readonly onBase?: number }, want: string | undefined) => {
    const { placement, scaling } = recordOf(annotations).spec;
    t.is(poolOfPod({ spec: placement, minScale: scaling.min, placeInSet: of.placeInSet, onBase: () => of.onBase ?? 0 }), want as never);
  },
);
const two = { ...base, 'rouse.dev/base-replicas': '2' };
test('where there are no pools a pod belongs to none', podPool, {}, {}, undefined);
test('the first pods belong to the base', podPool, two, { onBase: 1 }, 'base');
test('those after them are burst', podPool, two, { onBase: 2 }, 'burst');
test('the second pod of a StatefulSet is one of the first two', podPool, two, { placeInSet: 1, onBase: 9 }, 'base');
test('its third is not, whatever is there', podPool, two, { placeInSet: 2 }, 'burst');
test('without base-replicas it is min-scale', podPool, { ...base, 'rouse.dev/min-scale': '3' }, { onBase: 2 }, 'base');
test('of a workload that may sleep it is the first one', podPool, base, {}, 'base');
test('and no more than that', podPool, base, { onBase: 1 }, 'burst');
test('also where burst-nodes alone are named', podPool, burst, {}, 'base');
test('with base-replicas 0 every pod is burst', podPool, { ...base, 'rouse.dev/base-replicas': '0', 'rouse.dev/min-scale': '2' }, {}, 'burst');
test('base-replicas may stand beside burst-nodes alone', podPool, { ...burst, 'rouse.dev/base-replicas': '2' }, { onBase: 1 }, 'base');
