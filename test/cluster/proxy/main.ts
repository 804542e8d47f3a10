/**
 * The stand-in for kube-proxy, and for the cluster's DNS, as a process of its own: binds every ClusterIP through the local route and sends each connection
 * to a random endpoint. Takes changes as kube-proxy does: at once after a quiet second, else once a second.
 */
import type { Service } from 'kubernetes-types/core/v1.d.ts';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.d.ts';
import { jsonLogger, systemClock, systemRandom } from '../../../src/core/index.ts';
import { loadKubeConfig, resources, watchResource, type KubeObject, type Resource, type ResourceWatch } from '../../../src/kube/index.ts';
import { dnsAddress } from '../harness/addresses.ts';
import { servicePorts } from './backends.ts';
import { serveDns } from './dns.ts';
import { PortListener } from './port-listener.ts';

/** kube-proxy's `minSyncPeriod`. */
const syncPeriodMs = 1000;

// Our clocks keep no process alive, and while a watch is being made anew nothing else does.
setInterval(() => undefined, 60_000);

const connection = await loadKubeConfig({ kind: 'file', path: process.argv[2] ?? '' });
const logger = jsonLogger((line) => process.stderr.write(`${line}\n`), systemClock, 'info');
const watchAll = <T extends KubeObject>(resource: Resource<T>): ResourceWatch<T> =>
  watchResource({ connection, resource, view: (raw) => raw as T, clock: systemClock, random: systemRandom, logger });

const services = watchAll<Service>(resources.services);
const slices = watchAll<EndpointSlice>(resources.endpointSlices);
const slicesOf = ({ metadata }: Service): readonly EndpointSlice[] =>
  [...slices.snapshot.inNamespace(metadata?.namespace ?? '')].filter((slice) => slice.metadata?.labels?.['kubernetes.io/service-name'] === metadata?.name);

const listeners = new Map<string, PortListener>();
let lastSync = -syncPeriodMs;
let isDue = false;

const sync = (): void => {
  isDue = false;
  lastSync = performance.now();
  const wanted = new Map([...services.snapshot.values()].flatMap((service) => servicePorts(service, slicesOf(service))).map((port) => [port.key, port]));
  for (const [key, listener] of listeners) {
    if (wanted.has(key)) continue;
    listener.close();
    listeners.delete(key);
  }
  for (const [key, port] of wanted) {
    const known = listeners.get(key);
    if (known === undefined) listeners.set(key, new PortListener(port));
    else known.update(port);
  }
};

const changed = (): void => {
  if (isDue) return;
  isDue = true;
  setTimeout(sync, Math.max(0, lastSync + syncPeriodMs - performance.now()));
};

const { signal } = new AbortController();
void services.run(signal);
void slices.run(signal);
await Promise.all([services.snapshot.synced, slices.snapshot.synced]);
services.snapshot.subscribe(changed);
slices.snapshot.subscribe(changed);
await serveDns(dnsAddress, {
  service: (namespace, name) => services.snapshot.get(`${namespace}/${name}`),
  slices: (service) => slicesOf(service),
});
sync();
