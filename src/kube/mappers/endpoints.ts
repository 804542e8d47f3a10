import { at, flag, integer, items, text, texts } from '../reader.ts';
import type { EndpointSliceView, EndpointsView } from '../views.ts';
import { controllerOf, metaView } from './meta.ts';

/** An EndpointSlice. Conditions that are not set mean what the API says they mean: ready unless told otherwise, serving as ready. */
export const endpointSliceView = (raw: unknown): EndpointSliceView => {
  const meta = metaView(raw);
  return {
    ...meta,
    owner: controllerOf(raw),
    serviceName: meta.labels['kubernetes.io/service-name'],
    managedBy: meta.labels['endpointslice.kubernetes.io/managed-by'],
    addressType: text(at(raw, 'addressType')) ?? 'IPv4',
    endpoints: items(at(raw, 'endpoints')).map(endpoint),
    ports: items(at(raw, 'ports')).map((port) => ({
      name: text(at(port, 'name')) ?? '',
      port: integer(at(port, 'port')),
      protocol: text(at(port, 'protocol')) ?? 'TCP',
    })),
  };
};

const endpoint = (raw: unknown): EndpointSliceView['endpoints'][number] => {
  const ready = at(raw, 'conditions', 'ready') !== false;
  const serving = at(raw, 'conditions', 'serving');
  return {
    addresses: texts(at(raw, 'addresses')),
    ready,
    serving: typeof serving === 'boolean' ? serving : ready,
    terminating: flag(at(raw, 'conditions', 'terminating')),
    podUid: at(raw, 'targetRef', 'kind') === 'Pod' ? text(at(raw, 'targetRef', 'uid')) : undefined,
  };
};

/** An Endpoints object (the form before slices): that it is there, and how many addresses it names. */
export const endpointsView = (raw: unknown): EndpointsView => ({
  ...metaView(raw),
  addresses: items(at(raw, 'subsets')).reduce<number>(
    (sum, subset) => sum + items(at(subset, 'addresses')).length + items(at(subset, 'notReadyAddresses')).length,
    0,
  ),
});
