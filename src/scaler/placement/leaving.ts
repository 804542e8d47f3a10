import type { Leaving } from '../../decider/index.ts';
import type { NodeView } from '../../kube/index.ts';

/**
 * Taints by which a node says that it is about to go, by key. Whether they forbid new pods or only advise against them does not matter here; a taint that
 * marks a kind of node and no event, as `kubernetes.azure.com/scalesetpriority=spot`, is not one. No annotation says it: those of cluster-autoscaler and
 * Karpenter on nodes (`scale-down-disabled`, `do-not-disrupt`) say that a node stays.
 */
const taintsOfLeaving: ReadonlyMap<string, Leaving> = new Map<string, Leaving>([
  // cluster-autoscaler: being removed, and not needed for a while (kubernetes/autoscaler, cluster-autoscaler/utils/taints/taints.go).
  ['ToBeDeletedByClusterAutoscaler', 'draining'],
  ['DeletionCandidateOfClusterAutoscaler', 'draining'],
  // Karpenter v1, and v1beta1 before it (kubernetes-sigs/karpenter, pkg/apis/v1/taints.go and pkg/apis/v1beta1/taints.go).
  ['karpenter.sh/disrupted', 'draining'],
  ['karpenter.sh/disruption', 'draining'],
  // The cloud has shut the instance down (kubernetes/cloud-provider, api/well_known_taints.go), or its operator says so (k8s.io/api/core/v1/well_known_taints.go).
  ['node.cloudprovider.kubernetes.io/shutdown', 'draining'],
  ['node.kubernetes.io/out-of-service', 'draining'],
  // AWS: spot interruption, its early warning, and planned ends (aws/aws-node-termination-handler, pkg/node/node.go).
  ['aws-node-termination-handler/spot-itn', 'interrupted'],
  ['aws-node-termination-handler/rebalance-recommendation', 'interrupted'],
  ['aws-node-termination-handler/asg-lifecycle-termination', 'draining'],
  ['aws-node-termination-handler/scheduled-maintenance', 'draining'],
  // Google Cloud: preempted, or host maintenance (GoogleCloudPlatform/k8s-node-termination-handler, main.go; GKE sets the same key).
  ['cloud.google.com/impending-node-termination', 'interrupted'],
  // Azure: preempted, redeployed or terminated (learn.microsoft.com/azure/aks/node-auto-drain), and the key of its first version.
  ['remediator.kubernetes.azure.com/unschedulable', 'interrupted'],
  ['remediator.aks.microsoft.com/unschedulable', 'interrupted'],
  // `kubectl cordon`: the node controller adds it to `spec.unschedulable`.
  ['node.kubernetes.io/unschedulable', 'cordoned'],
]);

const gravity = ['cordoned', 'draining', 'interrupted'] as const satisfies readonly Leaving[];

/** Why no pod should begin on the node, the gravest of its reasons. */
export const leavingOf = ({ taints, unschedulable, deleting }: Pick<NodeView, 'taints' | 'unschedulable' | 'deleting'>): Leaving | undefined => {
  let found = Math.max(unschedulable ? gravity.indexOf('cordoned') : -1, deleting ? gravity.indexOf('draining') : -1);
  for (const { key } of taints) {
    const leaving = taintsOfLeaving.get(key);
    if (leaving !== undefined) found = Math.max(found, gravity.indexOf(leaving));
  }
  return gravity[found];
};
