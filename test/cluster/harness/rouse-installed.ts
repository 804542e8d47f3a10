import { join } from 'node:path';
import type { Cluster, Scope } from './cluster.ts';
import { removeRouse } from './remove-rouse.ts';

const overlays = join(import.meta.dirname, '..', '..', '..', 'deploy', 'overlays');

/** Rouse as an admin installs it: `kubectl apply -k deploy/overlays/NAME`, its pods on the nodes. Resolves when all of them are ready; taken away after `t`. */
export const installRouse = async (t: Scope, cluster: Cluster, overlay = 'default'): Promise<void> => {
  t.teardown(() => removeRouse(cluster));
  await cluster.kubectl(['apply', '-k', join(overlays, overlay)]);
  for (const name of ['rouse-controller', 'rouse-gateway'])
    await cluster.kubectl(['-n', 'rouse-system', 'rollout', 'status', `deployment/${name}`, '--timeout=29s']);
};
