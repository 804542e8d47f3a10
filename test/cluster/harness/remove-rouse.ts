import { until } from '../../support/until.ts';
import type { Cluster } from './cluster.ts';

/** Everything that an installation leaves in a cluster, taken away at once, pods too; resolves when it is gone and the next may come. */
export const removeRouse = async (cluster: Cluster): Promise<void> => {
  const { api, kubectl } = cluster;
  const gone = (...args: readonly string[]): Promise<string> => kubectl(['delete', ...args, '--ignore-not-found']);
  const namespace = async (): Promise<void> => {
    await gone('namespace', 'rouse-system', '--wait=false');
    // Gateways would drain for as long as a minute and a half.
    await gone('pods', '--all', '-n', 'rouse-system', '--force', '--grace-period=0', '--wait=false');
  };
  await Promise.all([
    namespace(),
    gone('mutatingwebhookconfiguration,validatingwebhookconfiguration', 'rouse'),
    gone('clusterrole,clusterrolebinding', '-l', 'app.kubernetes.io/part-of=rouse'),
    gone('clusterrole,clusterrolebinding', 'rouse-controller', 'rouse-workloads', 'rouse-further-kinds'),
    gone('clusterrole,clusterrolebinding', 'rouse-placement', 'rouse-scheduler', 'rouse-scheduler-volumes'),
    gone('-n', 'kube-system', 'rolebinding', 'rouse-scheduler-authentication'),
  ]);
  await until('the namespace rouse-system is gone', async () => (await api('GET', '/api/v1/namespaces/rouse-system')).status === 404, 60_000);
};
