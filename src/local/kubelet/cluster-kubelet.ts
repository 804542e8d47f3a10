import type { Clock, Logger, Random } from '../../core/index.ts';
import type { KubeConnection } from '../../kube/index.ts';
import { NetworkNamespaceAddressing } from './addressing/network-namespace.ts';
import { ClusterKubeletApi } from './cluster-kubelet-api.ts';
import { startKubelet, type Kubelet, type KubeletOptions } from './kubelet.ts';

export interface ClusterKubeletOptions extends Pick<KubeletOptions, 'baseEnvironment' | 'cwd' | 'nodeName' | 'labels' | 'podLimit' | 'port'> {
  /** The node's own: user `system:node:NAME` of group `system:nodes`. */
  readonly connection: KubeConnection;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Which part of 10.77.0.0/16 is this node's: `share` of `shares`. */
  readonly share: number;
  readonly shares: number;
}

/** Joins a real cluster as a node whose pods are processes with addresses of 10.77.0.0/16: it must run where that network is local. */
export const startClusterKubelet = async (options: ClusterKubeletOptions): Promise<Kubelet> => {
  const { connection, clock, random, logger, share, shares, ...node } = options;
  const api = new ClusterKubeletApi({ connection, clock, random, logger, nodeName: node.nodeName });
  try {
    const kubelet = await startKubelet({ ...node, api, clock, logger, addressing: new NetworkNamespaceAddressing(share, shares) });
    return {
      logs: kubelet.logs,
      close: async (graceMs) => {
        await kubelet.close(graceMs);
        api.close();
      },
    };
  } catch (thrown) {
    api.close();
    throw thrown;
  }
};
