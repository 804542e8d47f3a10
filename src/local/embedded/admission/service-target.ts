import { at, listAt, numberAt, textAt } from '../json.ts';
import { findResource } from '../registry.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { CallTarget } from './call.ts';
import type { Webhook, WebhookService } from './webhook.ts';

/** Where a webhook's Service leads: an endpoint of its slices that is ready (there is no kube-proxy here to ask). */
const endpointOf = (store: ObjectStore, service: WebhookService): { readonly host: string; readonly port: number } => {
  const services = findResource('', 'v1', 'services');
  const slices = findResource('discovery.k8s.io', 'v1', 'endpointslices');
  const found = services === undefined ? undefined : store.get(services, service.namespace, service.name);
  if (found === undefined || slices === undefined) throw new Error(`service ${JSON.stringify(service.name)} not found`);
  const port = listAt(found, 'spec', 'ports').find((one) => numberAt(one, 'port') === service.port);
  if (port === undefined) throw new Error(`no service port ${String(service.port)} found for service ${JSON.stringify(service.name)}`);
  for (const slice of store.list(slices, service.namespace)) {
    if (slice.metadata.labels?.['kubernetes.io/service-name'] !== service.name) continue;
    const target = listAt(slice, 'ports').find((one) => (textAt(one, 'name') ?? '') === (textAt(port, 'name') ?? ''));
    const ready = listAt(slice, 'endpoints').find((endpoint) => at(endpoint, 'conditions', 'ready') !== false);
    const [host] = listAt(ready, 'addresses');
    const number = numberAt(target, 'port');
    if (typeof host === 'string' && number !== undefined) return { host, port: number };
  }
  throw new Error(`no endpoints available for service ${JSON.stringify(service.name)}`);
};

/** Throws where the Service leads nowhere. */
export const callTarget = (store: ObjectStore, { target, caPem }: Webhook): CallTarget => {
  if ('url' in target) return { url: target.url, connectTo: undefined, caPem };
  const { namespace, name, port, path } = target.service;
  const authority = `${name}.${namespace}.svc${port === 443 ? '' : `:${String(port)}`}`;
  return { url: `https://${authority}${path}`, connectTo: endpointOf(store, target.service), caPem };
};
