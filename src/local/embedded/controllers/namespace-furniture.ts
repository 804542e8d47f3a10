import type { ServiceAccount } from 'kubernetes-types/core/v1.d.ts';
import { resources, type Resource } from '../../../kube/index.ts';
import { ApiError } from '../api-error.ts';
import { account, type ControllerContext } from './context.ts';
import { isDeleting } from './owners.ts';
import type { WorkQueue } from './work-queue.ts';

const serviceAccounts: Resource<ServiceAccount> = { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true };

const rootCaName = 'kube-root-ca.crt';

/** Every namespace has a ServiceAccount `default` and, where the cluster's CA is known, the ConfigMap `kube-root-ca.crt` with it; both come back when removed. */
export class NamespaceFurniture {
  readonly #context: ControllerContext;
  readonly #queue: WorkQueue;
  readonly #caPem: string | undefined;

  constructor(context: ControllerContext, caPem: string | undefined) {
    this.#context = context;
    this.#caPem = caPem;
    this.#queue = context.queue('namespace-furniture', (name) => this.#reconcile(name));
    const { api } = context;
    for (const { metadata } of api.list(resources.namespaces)) this.#queue.add(metadata.name);
    const stops = [
      api.watch(resources.namespaces, ({ type, object }) => {
        if (type !== 'DELETED') this.#queue.add(object.metadata.name);
      }),
      api.watch(serviceAccounts, ({ type, object }) => {
        if (type === 'DELETED' && object.metadata.name === 'default') this.#queue.add(object.metadata.namespace ?? '');
      }),
      api.watch(resources.configMaps, ({ object }) => {
        if (object.metadata.name === rootCaName) this.#queue.add(object.metadata.namespace ?? '');
      }),
    ];
    for (const stop of stops) context.onClose(stop);
  }

  async #reconcile(name: string): Promise<void> {
    const namespace = this.#context.api.get(resources.namespaces, undefined, name);
    if (namespace === undefined || isDeleting(namespace)) return;
    try {
      await this.#ensureAccount(name);
      if (this.#caPem !== undefined) await this.#ensureRootCa(name, this.#caPem);
    } catch (thrown) {
      if (!(thrown instanceof ApiError) || thrown.reason !== 'AlreadyExists') throw thrown;
      this.#queue.add(name);
    }
  }

  async #ensureAccount(namespace: string): Promise<void> {
    const { api } = this.#context;
    if (api.get(serviceAccounts, namespace, 'default') !== undefined) return;
    await api.create(serviceAccounts, { metadata: { name: 'default', namespace } }, account('service-account-controller'));
  }

  async #ensureRootCa(namespace: string, caPem: string): Promise<void> {
    const { api } = this.#context;
    const me = account('root-ca-cert-publisher');
    const before = api.get(resources.configMaps, namespace, rootCaName);
    const data = { 'ca.crt': caPem };
    if (before === undefined) {
      const annotations = { 'kubernetes.io/description': 'The certificate authority of the API server of this cluster.' };
      await api.create(resources.configMaps, { metadata: { name: rootCaName, namespace, annotations }, data }, me);
    } else if (before.data?.['ca.crt'] !== caPem) await api.update(resources.configMaps, { ...before, data }, me);
  }
}
