import type { Random } from '../../../core/index.ts';
import { isObject, listAt, numberAt, objectAt, textAt, type JsonObject } from '../json.ts';

/** Service addresses come out of 10.96.0.0/16 and node ports out of 30000–32767, as in most clusters; nothing here routes them. */
const network = '10.96';
const firstNodePort = 30_000;
const nodePorts = 2768;

const proxied = new Set(['ClusterIP', 'NodePort', 'LoadBalancer']);

const freeAddress = (used: ReadonlySet<string>, random: Random): string => {
  const start = Math.floor(random() * 65_000);
  for (let step = 0; step < 65_000; step += 1) {
    const host = ((start + step) % 65_000) + 256;
    const address = `${network}.${String(host >> 8)}.${String(host & 255)}`;
    if (!used.has(address)) return address;
  }
  return 'None';
};

const withNodePorts = (spec: JsonObject, before: JsonObject | undefined, used: Set<number>, random: Random): JsonObject => {
  const ports = listAt(spec, 'ports').map((port) => {
    if (!isObject(port) || port['nodePort'] !== undefined) return port;
    const same = listAt(before, 'ports').find((old) => numberAt(old, 'port') === port['port'] && textAt(old, 'protocol') === port['protocol']);
    let candidate = numberAt(same, 'nodePort') ?? firstNodePort + Math.floor(random() * nodePorts);
    while (same === undefined && used.has(candidate) && used.size < nodePorts) candidate = firstNodePort + ((candidate + 1 - firstNodePort) % nodePorts);
    used.add(candidate);
    return { ...port, nodePort: candidate };
  });
  return { ...spec, ports };
};

/** `service` with the addresses and node ports that a Service of its type has; those of `previous` stay. */
export const withServiceAddresses = (service: JsonObject, previous: JsonObject | undefined, others: readonly JsonObject[], random: Random): JsonObject => {
  const spec = objectAt(service, 'spec');
  if (spec === undefined || !proxied.has(textAt(spec, 'type') ?? '')) return service;
  const before = objectAt(previous, 'spec');
  const known = textAt(spec, 'clusterIP') ?? textAt(before, 'clusterIP');
  const used = new Set(others.flatMap((other) => textAt(other, 'spec', 'clusterIP') ?? []));
  const clusterIP = known === undefined || known === '' ? freeAddress(used, random) : known;
  const addressed = { ...spec, clusterIP, clusterIPs: [clusterIP] };
  if (textAt(spec, 'type') === 'ClusterIP') return { ...service, spec: addressed };
  const usedPorts = new Set(others.flatMap((other) => listAt(other, 'spec', 'ports').flatMap((port) => numberAt(port, 'nodePort') ?? [])));
  return { ...service, spec: withNodePorts(addressed, before, usedPorts, random) };
};
