import type { Protocol } from '../core/index.ts';
import type { ServicePortView } from '../kube/index.ts';

/**
 * Protocols by name. `kubernetes.io/*` are the standard values of `appProtocol` (KEP-3726); the bare words are the convention of port names that
 * meshes brought in (`grpc`, `http-web`, `tcp-db`). What is encrypted or not HTTP is carried as bytes.
 */
const byName: ReadonlyMap<string, Protocol> = new Map([
  ['http', 'http1'],
  ['http1', 'http1'],
  ['ws', 'http1'],
  ['grpc-web', 'http1'],
  ['kubernetes.io/ws', 'http1'],
  ['http2', 'h2c'],
  ['h2c', 'h2c'],
  ['kubernetes.io/h2c', 'h2c'],
  ['grpc', 'grpc'],
  ['https', 'tcp'],
  ['tls', 'tcp'],
  ['wss', 'tcp'],
  ['kubernetes.io/wss', 'tcp'],
  ['tcp', 'tcp'],
  ['mongo', 'tcp'],
  ['mysql', 'tcp'],
  ['postgres', 'tcp'],
  ['postgresql', 'tcp'],
  ['redis', 'tcp'],
  ['amqp', 'tcp'],
]);

const fromPortName = (name: string): Protocol | undefined => byName.get(name) ?? byName.get(name.split('-')[0] ?? '');

/** What the gateway speaks on a Service port: what the workload says, else the port's `appProtocol` (one that we do not know is carried as bytes), else its name, else HTTP/1.1. */
export const protocolOf = (said: Protocol | 'auto', port: Pick<ServicePortView, 'name' | 'appProtocol'>): Protocol => {
  if (said !== 'auto') return said;
  if (port.appProtocol !== undefined && port.appProtocol !== '') return byName.get(port.appProtocol.toLowerCase()) ?? 'tcp';
  return fromPortName(port.name?.toLowerCase() ?? '') ?? 'http1';
};
