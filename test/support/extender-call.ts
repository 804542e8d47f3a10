/** A pod as kube-scheduler has it before it is bound, of ReplicaSet `<workload>-5f7d`. */
export const podToPlace = (workload: string, more: object = {}): object => ({
  metadata: {
    name: `${workload}-5f7d-x2x9z`,
    namespace: 'shop',
    uid: `uid-of-${workload}`,
    labels: { app: workload, 'pod-template-hash': '5f7d' },
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${workload}-5f7d`, uid: 'rs', controller: true, blockOwnerDeletion: true }],
    ...more,
  },
  spec: { containers: [{ name: 'main', image: 'registry.example/shop/web:1.4.2', resources: { requests: { cpu: '500m', memory: '256Mi' } } }] },
  status: { phase: 'Pending' },
});

/** What kube-scheduler sends: to an extender that is `nodeCacheCapable`, and to others. */
export const namesOnlyCall = (pod: object, names: readonly string[]): object => ({ Pod: pod, Nodes: null, NodeNames: names });
export const wholeNodesCall = (pod: object, nodes: readonly object[]): object => ({ Pod: pod, Nodes: { metadata: {}, items: nodes }, NodeNames: null });
