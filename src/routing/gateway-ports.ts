import { annotation, gatewayPortRange, parseGatewayPorts, type GatewayPorts } from '../core/index.ts';
import type { ServiceView } from '../kube/index.ts';
import type { PortAllotter } from './ports.ts';

const none: GatewayPorts = new Map();

/**
 * The gateway ports that a Service has; those that are absent, cannot be read or lie outside the range are allotted anew. (Whoever may write Services
 * must not be able to open any other port of a gateway.)
 */
export const gatewayPortsOf = (service: ServiceView): GatewayPorts => {
  const text = service.annotations[annotation.gatewayPorts];
  const parsed = text === undefined ? undefined : parseGatewayPorts(text);
  if (parsed?.ok !== true) return none;
  const { first, last } = gatewayPortRange;
  return new Map([...parsed.value].filter(([, port]) => port >= first && port <= last));
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

/** Which Services have which gateway ports, kept by event: the question comes with every look at a Service, and must not walk all of them. */
export class PortUsers {
  readonly #ports = new Map<string, readonly number[]>();
  readonly #users = new Map<number, Set<string>>();

  set(key: string, service: ServiceView): void {
    this.delete(key);
    const ports = [...gatewayPortsOf(service).values()];
    if (ports.length === 0) return;
    this.#ports.set(key, ports);
    for (const port of ports) {
      const users = this.#users.get(port);
      if (users === undefined) this.#users.set(port, new Set([key]));
      else users.add(key);
    }
  }

  delete(key: string): void {
    for (const port of this.#ports.get(key) ?? []) {
      const users = this.#users.get(port);
      users?.delete(key);
      if (users?.size === 0) this.#users.delete(port);
    }
    this.#ports.delete(key);
  }

  /** Keys of the Services that name the port. */
  of(port: number): Iterable<string> {
    return this.#users.get(port) ?? [];
  }

  all(): Iterable<number> {
    return this.#users.keys();
  }
}

export interface PortBookOptions {
  readonly allotter: PortAllotter;
  readonly users: PortUsers;
  /** Whether a port that the Service names is its own. */
  readonly holds: (service: string, port: number) => boolean;
  /** Ports that are still open though no Service has them. */
  readonly reserved: () => Iterable<number>;
  /** Ports that no gateway can open. */
  readonly unusable: () => ReadonlySet<number>;
}

/** Allots for one Service at a time, so that two never get the same port though the cluster's copy of the annotations lags behind our writes. */
export class PortBook {
  readonly #options: PortBookOptions;
  /** By Service: what was allotted and may not yet be in the snapshot. */
  readonly #promised = new Map<string, readonly number[]>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: PortBookOptions) {
    this.#options = options;
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
    const known = gatewayPortsOf(service);
    const promised = new Set([...this.#promised].flatMap(([other, ports]) => (other === key ? [] : ports)));
    const { allotter, users, holds, reserved, unusable } = this.#options;
    const isUsable = (port: number): boolean => holds(key, port) && !promised.has(port) && !unusable().has(port);
    const result = new Map<number, number>();
    let taken: Set<number> | undefined;
    for (const { port } of service.ports) {
      const had = known.get(port);
      taken ??= had !== undefined && isUsable(had) ? undefined : new Set([...users.all(), ...promised, ...reserved(), ...unusable()]);
      const given = had !== undefined && isUsable(had) ? had : await allotter.allot(taken ?? new Set());
      if (given === undefined) return undefined;
      taken?.add(given);
      result.set(port, given);
    }
    if ([...result].every(([port, gatewayPort]) => known.get(port) === gatewayPort)) this.#promised.delete(key);
    else this.#promised.set(key, [...result.values()]);
    return result;
  }
}
