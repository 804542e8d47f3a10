import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { apiAddress, apiPort, etcdUrl, serviceRange, serviceRange6 } from './addresses.ts';
import { kubeconfigFile } from './credentials.ts';

/** How soon the control plane gives up on a node and its pods: as upstream, or soon enough for a test. */
export interface Patience {
  /** Without news of a node for so long it is not ready. */
  readonly nodeSeconds: number;
  /** Pods stay on such a node for so long. */
  readonly evictionSeconds: number;
  /** Of the nodes' Leases: kubelets renew them four times in that time. */
  readonly leaseSeconds: number;
}

/** kube-controller-manager's `--node-monitor-grace-period` and the API server's default tolerations. */
export const upstreamPatience: Patience = { nodeSeconds: 50, evictionSeconds: 300, leaseSeconds: 40 };
export const shortPatience: Patience = { nodeSeconds: 20, evictionSeconds: 3, leaseSeconds: 8 };

export interface ControlPlaneCommand {
  readonly name: 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler';
  readonly command: readonly string[];
}

/** Everything is logged, reads too: what a role needs is seen here. */
const auditPolicy = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'], rules: [{ level: 'Metadata' }] };

const flags = (values: Readonly<Record<string, string | number>>): readonly string[] => Object.entries(values).map(([name, value]) => `--${name}=${value}`);

/** The upstream programs with the flags of a small cluster: RBAC and the Node authorizer, as kubeadm sets them up, and an audit log of every call. */
export const controlPlaneCommands = async (
  binary: string,
  directory: string,
  patience: Patience,
  isDualStack: boolean,
): Promise<readonly ControlPlaneCommand[]> => {
  const services = isDualStack ? `${serviceRange},${serviceRange6}` : serviceRange;
  const file = (...names: readonly string[]): string => join(directory, ...names);
  await mkdir(file('etcd'), { recursive: true, mode: 0o700 });
  await writeFile(file('pki', 'audit-policy.json'), JSON.stringify(auditPolicy));
  await writeFile(file('pki', 'scheduler.json'), JSON.stringify(schedulerConfiguration(directory)));
  return [
    { name: 'etcd', command: [binary, 'etcd', ...etcdFlags(file('etcd'))] },
    { name: 'kube-apiserver', command: [binary, 'kube-apiserver', ...apiServerFlags(file, patience, services)] },
    { name: 'kube-controller-manager', command: [binary, 'kube-controller-manager', ...controllerManagerFlags(directory, file, patience, services)] },
    { name: 'kube-scheduler', command: [binary, 'kube-scheduler', ...flags({ config: file('pki', 'scheduler.json'), 'secure-port': 0 })] },
  ];
};

const etcdFlags = (dataDirectory: string): readonly string[] => [
  ...flags({ 'data-dir': dataDirectory, 'listen-client-urls': etcdUrl, 'advertise-client-urls': etcdUrl, 'listen-peer-urls': 'http://127.0.0.1:2380' }),
  // The data is gone with the test anyway.
  '--unsafe-no-fsync',
];

const apiServerFlags = (file: (...names: readonly string[]) => string, { evictionSeconds }: Patience, services: string): readonly string[] =>
  flags({
    'etcd-servers': etcdUrl,
    'bind-address': apiAddress,
    'advertise-address': apiAddress,
    'secure-port': apiPort,
    'tls-cert-file': file('pki', 'apiserver.crt'),
    'tls-private-key-file': file('pki', 'apiserver.key'),
    'service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
    'service-account-key-file': file('pki', 'sa.pub'),
    'service-account-signing-key-file': file('pki', 'sa.key'),
    'token-auth-file': file('pki', 'tokens.csv'),
    'authorization-mode': 'Node,RBAC',
    'enable-admission-plugins': 'NodeRestriction',
    'service-cluster-ip-range': services,
    'allow-privileged': 'true',
    'default-not-ready-toleration-seconds': evictionSeconds,
    'default-unreachable-toleration-seconds': evictionSeconds,
    'audit-policy-file': file('pki', 'audit-policy.json'),
    'audit-log-path': file('audit.log'),
    // One file, however long: a test reads it whole.
    'audit-log-maxsize': 100_000,
    // Nodes' names do not resolve.
    'kubelet-preferred-address-types': 'InternalIP',
  });

/** Calls a second, and at once: what upstream allows (20 and 30) is raised in clusters of any size, and thousands of pods would take minutes. */
const callRate = { qps: 300, burst: 600 };

const schedulerConfiguration = (directory: string): object => ({
  apiVersion: 'kubescheduler.config.k8s.io/v1',
  kind: 'KubeSchedulerConfiguration',
  clientConnection: { kubeconfig: kubeconfigFile(directory, 'system:kube-scheduler'), ...callRate },
  leaderElection: { leaderElect: false },
});

const controllerManagerFlags = (
  directory: string,
  file: (...names: readonly string[]) => string,
  { nodeSeconds }: Patience,
  services: string,
): readonly string[] => [
  ...flags({
    kubeconfig: kubeconfigFile(directory, 'system:kube-controller-manager'),
    'leader-elect': 'false',
    'secure-port': 0,
    'kube-api-qps': callRate.qps,
    'kube-api-burst': callRate.burst,
    'service-account-private-key-file': file('pki', 'sa.key'),
    'root-ca-file': file('pki', 'ca.crt'),
    'use-service-account-credentials': 'true',
    'node-monitor-grace-period': `${nodeSeconds}s`,
    'node-monitor-period': `${Math.min(5, nodeSeconds / 4)}s`,
    'service-cluster-ip-range': services,
    // Upstream's 15 s would make a test of a few decisions take minutes.
    'horizontal-pod-autoscaler-sync-period': '2s',
    // A small cluster counts as partly down when one of two nodes is: evict all the same.
    'large-cluster-size-threshold': 0,
    'node-eviction-rate': 10,
    'secondary-node-eviction-rate': 10,
  }),
];
