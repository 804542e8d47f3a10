import type { KubeObject } from '../../kube/index.ts';
import { resources } from '../../kube/index.ts';
import { ApiError } from './api-error.ts';
import type { Operations } from './operations/operations.ts';
import { findResource } from './registry.ts';
import type { WriteContext } from './admission/admission.ts';
import { administrator } from './identity/user.ts';

const systemNamespaces = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];
/** The first address of the service network, as in every cluster. */
const apiServiceAddress = '10.96.0.1';

const context: WriteContext = { user: administrator, manager: 'kube-apiserver', dryRun: false, options: {}, warn: () => undefined };

const ensure = async ({ writer }: Operations, plural: string, namespace: string | undefined, object: KubeObject): Promise<void> => {
  const resource = findResource('', 'v1', plural);
  if (resource === undefined) return;
  try {
    await writer.create(resource, namespace, { ...object }, context);
  } catch (error) {
    if (!(error instanceof ApiError) || (error.reason !== 'AlreadyExists' && error.reason !== 'NotFound' && error.reason !== 'Forbidden')) throw error;
  }
};

const ensureAccount = (operations: Operations, namespace: string): Promise<void> =>
  ensure(operations, 'serviceaccounts', namespace, { metadata: { name: 'default', namespace } });

/** What every cluster has from the start: its namespaces, their ServiceAccounts (of later namespaces too) and the Service of the API. */
export const bootstrap = async (operations: Operations): Promise<void> => {
  const namespaces = findResource('', 'v1', resources.namespaces.plural);
  if (namespaces !== undefined) {
    operations.store.subscribe(namespaces, ({ type, object }) => {
      if (type !== 'ADDED') return;
      ensureAccount(operations, object.metadata.name).catch((error: unknown) => {
        operations.logger.error('the default ServiceAccount of a new namespace could not be made', { namespace: object.metadata.name, error });
      });
    });
  }
  for (const name of systemNamespaces) await ensure(operations, 'namespaces', undefined, { metadata: { name } });
  for (const name of systemNamespaces) await ensureAccount(operations, name);
  const service = {
    metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: { clusterIP: apiServiceAddress, clusterIPs: [apiServiceAddress], ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }] },
  };
  await ensure(operations, 'services', 'default', service);
};
