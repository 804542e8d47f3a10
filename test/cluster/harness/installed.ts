import { join } from 'node:path';
import { until } from '../../support/until.ts';
import type { Cluster, Scope } from './cluster.ts';
import { removeRouse } from './remove-rouse.ts';

const overlays = join(import.meta.dirname, '..', '..', '..', 'deploy', 'overlays');

/** Rouse as pods, as an administrator installs it. */
export interface Installed {
  /** The last lines of every pod's log, for a failure. */
  logs(): Promise<string>;
  /** Resolves when all of it is gone. Safe to call where somebody else removed it. */
  remove(): Promise<void>;
}

export const systemNamespace = '/api/v1/namespaces/rouse-system';

/** `kubectl apply -k deploy/overlays/OVERLAY`, exactly; resolves when its Deployments are available and the webhooks registered. Removed after the test. */
export const install = async (
  t: Scope,
  cluster: Cluster,
  overlay: 'default' | 'high-availability' | 'namespaced' | 'placement' = 'default',
): Promise<Installed> => {
  const { kubectl, api } = cluster;
  const directory = join(overlays, overlay);
  const installed: Installed = {
    logs: async () => {
      const { stdout, stderr } = await kubectl.try(['-n', 'rouse-system', 'logs', '-l', 'app.kubernetes.io/name=rouse', '--prefix', '--tail=15']);
      return `${stdout}${stderr}`;
    },
    remove: async () => {
      await kubectl(['delete', '-k', directory, '--ignore-not-found', '--wait=false']);
      await removeRouse(cluster);
    },
  };
  t.teardown(() => installed.remove());
  await kubectl(['apply', '-k', directory]);
  const webhooks = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/rouse';
  const isAvailable = async (): Promise<boolean> => {
    const { code } = await kubectl.try(['-n', 'rouse-system', 'wait', 'deployment', '--all', '--for=condition=Available', '--timeout=10s']);
    return code === 0 && (await api('GET', webhooks)).status === 200;
  };
  await until('the Deployments are available', isAvailable, 90_000, async () => [
    await kubectl(['-n', 'rouse-system', 'get', 'pods', '-o', 'wide']),
    await installed.logs(),
  ]);
  return installed;
};
