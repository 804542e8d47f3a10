import { until } from '../../support/until.ts';
import type { Cluster } from './cluster.ts';

/** Everything that an installation leaves in a cluster, taken away at once, pods too; resolves when it is gone and the next may come. */
export const removeRouse = async (cluster: Cluster): Promise<void> => {
  const { api, kubectl } = cluster;
  await kubectl(['delete', 'mutatingwebhookconfiguration,validatingwebhookconfiguration', 'rouse', '--ignore-not-found']);
  await kubectl(['delete', 'clusterrole,clusterrolebinding', '-l', 'app.kubernetes.io/part-of=rouse', '--ignore-not-found']);
  await kubectl(['delete', 'clusterrole,clusterrolebinding', 'rouse-controller', 'rouse-workloads', 'rouse-further-kinds', '--ignore-not-found']);
  await kubectl(['delete', 'clusterrole,clusterrolebinding', 'rouse-placement', 'rouse-scheduler', 'rouse-scheduler-volumes', '--ignore-not-found']);
  await kubectl(['delete', '-n', 'kube-system', 'rolebinding', 'rouse-scheduler-authentication', '--ignore-not-found']);
  await kubectl(['delete', 'namespace', 'rouse-system', '--ignore-not-found', '--wait=false']);
  // Gateways would drain for as long as a minute and a half.
  await kubectl(['delete', 'pods', '--all', '-n', 'rouse-system', '--force', '--grace-period=0', '--ignore-not-found', '--wait=false']);
  await until('the namespace rouse-system is gone', async () => (await api('GET', '/api/v1/namespaces/rouse-system')).status === 404, 60_000);
};
