import test from 'ava';
import { instant, ManualClock } from '../../core/index.ts';
import type { PodToPlace, Placement } from '../extender/ports.ts';
import type { PodPlacement } from '../ports.ts';
import { mutatePod } from './mutate-pod.ts';
import type { AdmissionRequest, Json } from './review.ts';

const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-abc', uid: 'u1', controller: true };

const creation = (spec: Json = {}): AdmissionRequest => ({
  uid: 'r1',
  operation: 'CREATE',
  group: '',
  resource: 'pods',
  subresource: '',
  namespace: 'shop',
  name: '',
  user: 'system:serviceaccount:kube-system:replicaset-controller',
  fieldManager: undefined,
  dryRun: false,
  object: {
    metadata: { generateName: 'web-abc-', labels: { 'pod-template-hash': 'abc' }, ownerReferences: [owner] },
    spec: { schedulerName: 'default-scheduler', ...spec },
  },
  oldObject: undefined,
});

interface Around {
  readonly mode?: 'scheduler' | 'affinity' | undefined;
  readonly alive?: boolean;
  readonly found?: 'not-ours' | 'off' | 'not-synced';
  readonly scores?: Readonly<Record<string, number>>;
}

const around = ({ mode, alive = true, found, scores = {} }: Around): PodPlacement & { readonly asked: PodToPlace[] } => {
  const asked: PodToPlace[] = [];
  const placement: Placement = { scores: (names) => names.map((name) => scores[name]), inPool: (names) => names.map(() => true), answered: () => undefined };
  return {
    asked,
    modeIn: () => mode,
    schedulerIsAlive: () => alive,
    nodeNames: () => Object.keys(scores),
    placer: {
      placementOf: (pod) => {
        asked.push(pod);
        return found ?? placement;
      },
    },
  };
};

const clock = new ManualClock(instant(0));

const specAfter = (spec: Json, given: Around): unknown => {
  const verdict = mutatePod(creation(spec), around(given), clock);
  return verdict.kind === 'allow' ? verdict.mutation?.after['spec'] : verdict;
};

test('a pod of a workload goes to the second scheduler where its namespace says so', (t) => {
  const given = around({ mode: 'scheduler' });
  const verdict = mutatePod(creation(), given, clock);
  t.like(verdict, {
    kind: 'allow',
    warnings: [],
    mutation: { before: { spec: { schedulerName: 'default-scheduler' } }, after: { spec: { schedulerName: 'rouse-scheduler' } } },
  });
  t.like(given.asked[0], { namespace: 'shop', templateHash: 'abc', owner: { kind: 'ReplicaSet', name: 'web-abc' } });
});

const untouched = test.macro({
  title: (_, what: string) => `${what} stays as it is`,
  exec: (t, _what: string, given: Around, spec: Json = {}) => t.is(specAfter(spec, given), undefined),
});
test(untouched, 'a pod in a namespace without the label', {});
test(untouched, 'a pod that is no workload’s', { mode: 'scheduler', found: 'not-ours' });
test(untouched, 'a pod whose workload has placement off', { mode: 'scheduler', found: 'off' });
test(untouched, 'a pod, while nobody knows the nodes yet,', { mode: 'scheduler', found: 'not-synced' });
test(untouched, 'a pod, while the second scheduler is away,', { mode: 'scheduler', alive: false });
test(untouched, 'a pod with another scheduler', { mode: 'scheduler' }, { schedulerName: 'volcano' });
test(untouched, 'a pod that is on a node already', { mode: 'scheduler' }, { nodeName: 'n1' });
test(untouched, 'a pod that prefers nothing, as all nodes are as good,', { mode: 'affinity', scores: { n1: 4, n2: 4 } });

test('with the label affinity a pod prefers the best nodes, besides what it prefers itself', (t) => {
  const own = { weight: 1, preference: { matchExpressions: [{ key: 'disk', operator: 'Exists' }] } };
  const required = { nodeSelectorTerms: [] };
  const spec = {
    affinity: {
      podAntiAffinity: {},
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required, preferredDuringSchedulingIgnoredDuringExecution: [own] },
    },
  };
  const named = (name: string, weight: number): Json => ({ weight, preference: { matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] } });
  const after = specAfter(spec, { mode: 'affinity', alive: false, scores: { n1: 2, n2: 9, n3: 0 } });
  t.deepEqual(after, {
    affinity: {
      podAntiAffinity: {},
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: required,
        preferredDuringSchedulingIgnoredDuringExecution: [own, named('n2', 90), named('n1', 20)],
      },
    },
  });
});
