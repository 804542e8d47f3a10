import { annotation, gatewayPortRange, parseGatewayPorts, type GatewayPorts } from '../core/index.ts';
import type { ServiceView } from '../kube/index.ts';
import type { PortAllotter } from './ports.ts';

const none: GatewayPorts = new Map();

/** The gateway ports that a Service has; none where the annotation is absent or cannot be read (then new ones are allotted). */
export const gatewayPortsOf = (service: ServiceView): GatewayPorts => {
  const text = service.annotations[annotation.gatewayPorts];
  if (text === undefined) return none;
  const parsed = parseGatewayPorts(text);
  return parsed.ok ? parsed.value : none;
};

/** Ports from first to last and round again: one that was given back stays unused for as long as can be, as clients' and nodes' views lag behind. */
export const rangeAllotter = ({ first, last }: { readonly first: number; readonly last: number } = gatewayPortRange): PortAllotter => {
  let next = first;
  return {
    allot: (taken) => {
      for (let tried = first; tried <= last; tried += 1) {
        const port = next;
        next = next === last ? first : next + 1;
        if (!taken.has(port)) return Promise.resolve(port);
      }
      return Promise.resolve(undefined);
    },
  };
};

/** Allots for one Service at a time, so that two never get the same port though the cluster's copy of the annotations lags behind our writes. */
export class PortBook {
  readonly #allotter: PortAllotter;
  readonly #services: () => Iterable<ServiceView>;
  readonly #reserved: () => Iterable<number>;
  readonly #unusable: () => ReadonlySet<number>;
  /** By Service: what was allotted and may not yet be in the snapshot. */
  readonly #promised = new Map<string, readonly number[]>();
  #last: Promise<unknown> = Promise.resolve();

  /** `reserved`: ports that are still open though no Service has them. `unusable`: those that no gateway can open. */
  constructor(allotter: PortAllotter, services: () => Iterable<ServiceView>, reserved: () => Iterable<number>, unusable: () => ReadonlySet<number>) {
    this.#allotter = allotter;
    this.#services = services;
    this.#reserved = reserved;
    this.#unusable = unusable;
  }

  /** The ports that `service` should have, those that it has included; undefined if none are left. Ports of Service ports that are gone are given back. */
  complete(key: string, service: ServiceView): Promise<GatewayPorts | undefined> {
    const turn = this.#last.then(() => this.#complete(key, service));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** The Service is gone. */
  forget(key: string): void {
    this.#promised.delete(key);
  }

  async #complete(key: string, service: ServiceView): Promise<GatewayPorts | undefined> {
    const taken = this.#taken(key);
    const known = gatewayPortsOf(service);
    const result = new Map<number, number>();
    for (const { port } of service.ports) {
      const had = known.get(port);
      // Two Services with one port: only possible where an annotation was copied. The copy gets a new one.
      const usable = had !== undefined && !taken.has(had) ? had : await this.#allotter.allot(taken);
      if (usable === undefined) return undefined;
      taken.add(usable);
      result.set(port, usable);
    }
    if ([...result].every(([port, gatewayPort]) => known.get(port) === gatewayPort)) this.#promised.delete(key);
    else this.#promised.set(key, [...result.values()]);
    return result;
  }

  #taken(except: string): Set<number> {
    const taken = new Set([...this.#reserved(), ...this.#unusable()]);
    for (const service of this.#services())
      if (`${service.namespace}/${service.name}` !== except) for (const port of gatewayPortsOf(service).values()) taken.add(port);
    for (const [key, ports] of this.#promised) if (key !== except) for (const port of ports) taken.add(port);
    return taken;
  }
}
