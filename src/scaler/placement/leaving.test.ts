import test from 'ava';
import { nodeOf } from '../testing/placed-cluster.ts';
import { leavingOf } from './leaving.ts';

const tainted = test.macro((t, keys: readonly string[], want: string | undefined, more: object = {}) => {
  t.is(leavingOf(nodeOf('n', { taints: keys.map((key) => ({ key, value: '', effect: 'NoSchedule' })), ...more })), want as never);
});
test('a node as it should be stays', tainted, ['node-role.kubernetes.io/control-plane'], undefined);
test('a spot node is none that leaves', tainted, ['kubernetes.azure.com/scalesetpriority', 'cloud.google.com/gke-spot'], undefined);
test('one that does not take pods yet is not leaving', tainted, ['karpenter.sh/unregistered', 'node.kubernetes.io/not-ready'], undefined);
test('a cordoned node', tainted, [], 'cordoned', { unschedulable: true });
test('a node that is being deleted', tainted, [], 'draining', { deleting: true });
const draining = [
  'ToBeDeletedByClusterAutoscaler',
  'DeletionCandidateOfClusterAutoscaler',
  'karpenter.sh/disrupted',
  'karpenter.sh/disruption',
  'node.cloudprovider.kubernetes.io/shutdown',
  'node.kubernetes.io/out-of-service',
  'aws-node-termination-handler/asg-lifecycle-termination',
  'aws-node-termination-handler/scheduled-maintenance',
];
for (const key of draining) test(`a node that is drained: ${key}`, tainted, ['node.kubernetes.io/unschedulable', key], 'draining');
const interrupted = [
  'aws-node-termination-handler/spot-itn',
  'aws-node-termination-handler/rebalance-recommendation',
  'cloud.google.com/impending-node-termination',
  'remediator.kubernetes.azure.com/unschedulable',
  'remediator.aks.microsoft.com/unschedulable',
];
for (const key of interrupted)
  test(`a cloud's ${key}, which goes before others`, tainted, ['karpenter.sh/disrupted', key, 'node.kubernetes.io/unschedulable'], 'interrupted');
test('the taint of a cordon, where the field is not set yet', tainted, ['node.kubernetes.io/unschedulable'], 'cordoned');
