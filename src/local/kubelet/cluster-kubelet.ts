import { rm } from 'node:fs/promises';
import type { Clock, Logger, Random } from '../../core/index.ts';
import type { KubeConnection } from '../../kube/index.ts';
import { NetworkNamespaceAddressing } from './addressing/network-namespace.ts';
import { ClusterKubeletApi } from './cluster-kubelet-api.ts';
import type { ProcessGuard } from './guard/process-guard.ts';
import type { Isolation } from './isolation/isolation.ts';
import { LinuxIsolation } from './isolation/linux-isolation.ts';
import { startKubeletServer } from './logs/kubelet-server.ts';
import { startKubelet, type Kubelet, type KubeletOptions } from './kubelet.ts';

export interface ClusterKubeletOptions extends Pick<
  KubeletOptions,
  'baseEnvironment' | 'cwd' | 'nodeName' | 'labels' | 'podLimit' | 'images' | 'leaseSeconds'
> {
  /** The node's own: user `system:node:NAME` of group `system:nodes`. */
  readonly connection: KubeConnection;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Which part of 10.77.0.0/16 is this node's: `share` of `shares`. */
  readonly share: number;
  readonly shares: number;
  /** Pods have an address of fd77::/64 too. */
  readonly isDualStack: boolean;
  /** For what belongs to pods: volumes and the like. Emptied at the start. */
  readonly directory: string;
  /** Address of the cluster's DNS. */
  readonly dns: string;
}

/** As every kubelet's. */
const serverPort = 10_250;

/**
 * Joins a real cluster as a node whose pods are processes, isolated from each other, with addresses of 10.77.0.0/16: it must run as root on Linux, where that
 * network is local.
 */
export const startClusterKubelet = async (options: ClusterKubeletOptions): Promise<Kubelet> => {
  const { connection, clock, random, logger, share, shares, isDualStack, directory, dns, ...node } = options;
  const api = new ClusterKubeletApi({ connection, clock, random, logger, nodeName: node.nodeName });
  const addressing = new NetworkNamespaceAddressing(share, shares, isDualStack);
  const { hostIP } = addressing;
  try {
    await rm(directory, { recursive: true, force: true });
    const isolation = (guard: ProcessGuard): Isolation => new LinuxIsolation({ guard, sources: api, clock, logger, directory, hostIP, dns });
    const kubelet = await startKubelet({ ...node, port: serverPort, api, clock, logger, addressing, isolation });
    const { logs, uidOf } = kubelet;
    const server = await startKubeletServer({ host: hostIP, port: serverPort, logs, uidOf, clock, logger }).catch(async (thrown: unknown) => {
      await kubelet.close();
      throw thrown;
    });
    return {
      ...kubelet,
      close: async (graceMs) => {
        server.close();
        await kubelet.close(graceMs);
        api.close();
      },
    };
  } catch (thrown) {
    api.close();
    throw thrown;
  }
};
