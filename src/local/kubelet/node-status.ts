import { arch, availableParallelism, hostname, platform, release, totalmem } from 'node:os';
import type { Node } from 'kubernetes-types/core/v1.d.ts';

export interface NodeDescription {
  readonly name: string;
  readonly address: string;
  readonly podLimit: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Port of the kubelet's own server; undefined if it has none. */
  readonly port: number | undefined;
}

const goArch = (name: string): string => ({ x64: 'amd64', ia32: '386' })[name] ?? name;

const healthy = [
  ['MemoryPressure', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
  ['DiskPressure', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
  ['PIDPressure', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
] as const;

/** The Node as a kubelet registers it and renews its status. `since`: when the kubelet became ready. */
export const nodeObject = (description: NodeDescription, since: string, now: string): Node & { readonly metadata: { readonly name: string } } => {
  const { name, address, podLimit, labels, port } = description;
  const resources = { cpu: String(availableParallelism()), memory: `${Math.floor(totalmem() / 1024)}Ki`, pods: String(podLimit), 'ephemeral-storage': '0' };
  const times = { lastHeartbeatTime: now, lastTransitionTime: since };
  return {
    metadata: {
      name,
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': platform(),
        'kubernetes.io/arch': goArch(arch()),
        ...labels,
      },
    },
    spec: {},
    status: {
      capacity: resources,
      allocatable: resources,
      conditions: [
        ...healthy.map(([type, reason, message]) => ({ type, status: 'False', reason, message, ...times })),
        { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status', ...times },
      ],
      addresses: [
        { type: 'InternalIP', address },
        { type: 'Hostname', address: name },
      ],
      ...(port === undefined ? {} : { daemonEndpoints: { kubeletEndpoint: { Port: port } } }),
      nodeInfo: {
        machineID: hostname(),
        systemUUID: '',
        bootID: '',
        kernelVersion: release(),
        osImage: platform(),
        containerRuntimeVersion: `process://${process.versions.node}`,
        kubeletVersion: 'v1.36.0',
        kubeProxyVersion: '',
        operatingSystem: platform(),
        architecture: goArch(arch()),
      },
    },
  };
};
