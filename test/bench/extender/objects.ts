/** A cluster as the API server and kube-scheduler tell it: nodes of three zones and two kinds, most with the images of the pods that run there. */
export const sizes = { nodes: 5000, pods: 20_000, workloads: 200, images: 400 } as const;

export const nodeName = (index: number): string => `ip-10-${index >> 8}-${index & 255}-17.eu-central-1.compute.internal`;
const imageOf = (index: number): string => `registry.example.com/shop/service-${index % sizes.images}:2026.11.${index % 28}`;
const digest = (index: number): string => `@sha256:${index.toString(16).padStart(64, '0')}`;

const image = (index: number): object => ({ names: [imageOf(index).replace(/:.*/, digest(index)), imageOf(index)], sizeBytes: 83_113_984 + index });
const condition = (type: string): object => ({
  type,
  status: type === 'Ready' ? 'True' : 'False',
  lastHeartbeatTime: '2026-11-29T11:00:00Z',
  lastTransitionTime: '2026-11-20T08:00:00Z',
  reason: `KubeletHas${type}`,
  message: `kubelet has sufficient ${type} available`,
});

/** 15 KB, as nodes have that list 50 images. */
export const nodeObject = (index: number): object => ({
  metadata: {
    name: nodeName(index),
    uid: `00000000-0000-4000-8000-${index.toString(16).padStart(12, '0')}`,
    resourceVersion: String(100_000 + index),
    creationTimestamp: '2026-11-20T08:00:00Z',
    labels: {
      'kubernetes.io/hostname': nodeName(index),
      'kubernetes.io/arch': 'amd64',
      'kubernetes.io/os': 'linux',
      'topology.kubernetes.io/region': 'eu-central-1',
      'topology.kubernetes.io/zone': `eu-central-1${'abc'[index % 3] ?? 'a'}`,
      'node.kubernetes.io/instance-type': index % 2 === 0 ? 'm6i.4xlarge' : 'c6i.4xlarge',
      'karpenter.sh/capacity-type': index % 4 === 0 ? 'on-demand' : 'spot',
      'karpenter.sh/nodepool': 'general',
    },
    annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true', 'csi.volume.kubernetes.io/nodeid': `{"ebs.csi.aws.com":"i-${index}"}` },
  },
  spec: { providerID: `aws:///eu-central-1a/i-${index}`, ...(index % 50 === 0 ? { unschedulable: true } : {}) },
  status: {
    capacity: { cpu: '16', memory: '64Gi', pods: '110', 'ephemeral-storage': '100Gi' },
    allocatable: { cpu: '15890m', memory: '62Gi', pods: '110', 'ephemeral-storage': '92Gi' },
    conditions: ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map(condition),
    addresses: [
      { type: 'InternalIP', address: `10.${index >> 8}.${index & 255}.17` },
      { type: 'Hostname', address: nodeName(index) },
    ],
    nodeInfo: {
      machineID: 'ec2',
      kernelVersion: '6.12.0',
      osImage: 'Linux',
      containerRuntimeVersion: 'containerd://2.1.0',
      kubeletVersion: 'v1.36.0',
      architecture: 'amd64',
    },
    images: Array.from({ length: 50 }, (_, at) => image((index * 7 + at) % sizes.images)),
  },
});

const templateHash = '5f7d8c9b64';
export const namespaceOf = (workload: number): string => `team-${workload % 20}`;
export const workloadName = (workload: number): string => `service-${workload}`;

const podObject = (workload: number, uid: string, nodeIndex: number | undefined): object => ({
  metadata: {
    name: `service-${workload}-${templateHash}-${uid}`,
    namespace: namespaceOf(workload),
    uid,
    creationTimestamp: '2026-11-29T10:00:00Z',
    labels: { app: `service-${workload}`, 'pod-template-hash': templateHash },
    ownerReferences: [
      {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        name: `service-${workload}-${templateHash}`,
        uid: `rs-${workload}`,
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
  },
  spec: {
    ...(nodeIndex === undefined ? {} : { nodeName: nodeName(nodeIndex) }),
    containers: [
      {
        name: 'app',
        image: imageOf(workload),
        env: Array.from({ length: 20 }, (_, at) => ({ name: `SETTING_${at}`, value: `value of setting ${at}` })),
        ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
        resources: { requests: { cpu: '500m', memory: '512Mi' }, limits: { memory: '1Gi' } },
        readinessProbe: { httpGet: { path: '/ready', port: 'http', scheme: 'HTTP' }, timeoutSeconds: 1, periodSeconds: 10 },
      },
    ],
    schedulerName: 'rouse-scheduler',
    tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }],
  },
  status:
    nodeIndex === undefined
      ? { phase: 'Pending' }
      : { phase: 'Running', conditions: [{ type: 'Ready', status: Number.parseInt(uid, 36) % 40 === 0 ? 'False' : 'True' }] },
});

export const boundPod = (index: number): object => podObject(index % sizes.workloads, index.toString(36), (index * 13) % sizes.nodes);
/** A pod of a workload, or (`workload` at or above `sizes.workloads`) of something that is none. */
export const pendingPod = (workload: number, index: number): object => podObject(workload, `new-${index.toString(36)}`, undefined);
