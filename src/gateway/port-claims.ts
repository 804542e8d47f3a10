import type { ListenerRoute, WorkloadKey } from '../core/index.ts';
import type { RouteProblem } from '../link/index.ts';

/** Who wants a port. */
interface Claimant {
  readonly key: WorkloadKey;
  readonly route: { readonly listeners: readonly ListenerRoute[] };
}

export interface Claim<Gate> {
  readonly route: ListenerRoute;
  readonly gate: Gate;
}

const nameOf = ({ address, port }: ListenerRoute): string => `${address ?? '*'} ${port}`;

/** Which workload has which port: of several that claim one it is the first. Kept by change, so that what one workload's routes say costs nothing for the others. */
export class PortClaims<Gate extends Claimant> {
  /** In the order of claiming. */
  readonly #claims = new Map<string, readonly Claim<Gate>[]>();
  readonly #portsOf = new Map<WorkloadKey, ReadonlySet<string>>();
  readonly #contested = new Set<string>();

  /** Takes over what the workload claims now; gives the ports that it had or has. */
  set(gate: Gate): ReadonlySet<string> {
    const wanted = Map.groupBy(gate.route.listeners, nameOf);
    const touched = new Set([...(this.#portsOf.get(gate.key) ?? []), ...wanted.keys()]);
    for (const port of touched) {
      const before = this.#claims.get(port) ?? [];
      const own = (wanted.get(port) ?? []).map((route) => ({ route, gate }));
      const others = before.filter((claim) => claim.gate.key !== gate.key);
      this.#put(port, before[0]?.gate.key === gate.key ? [...own, ...others] : [...others, ...own]);
    }
    this.#portsOf.set(gate.key, new Set(wanted.keys()));
    return touched;
  }

  /** Gives the ports that the workload had. */
  delete(key: WorkloadKey): ReadonlySet<string> {
    const ports = this.#portsOf.get(key) ?? new Set();
    this.#portsOf.delete(key);
    for (const port of ports)
      this.#put(
        port,
        (this.#claims.get(port) ?? []).filter((claim) => claim.gate.key !== key),
      );
    return ports;
  }

  /** Who has the port. */
  of(port: string): Claim<Gate> | undefined {
    return this.#claims.get(port)?.[0];
  }

  /** Every claim that came too late; of `port` alone where it is given. */
  conflicts(port?: string): readonly RouteProblem[] {
    return (port === undefined ? [...this.#contested] : [port]).flatMap((each) => {
      const [owner, ...others] = this.#claims.get(each) ?? [];
      return others.map(({ gate, route }) => ({
        workload: gate.key,
        port: route.port,
        message: `port ${route.port} is given to ${owner?.gate.key ?? 'nobody'} already`,
      }));
    });
  }

  #put(port: string, claims: readonly Claim<Gate>[]): void {
    if (claims.length === 0) this.#claims.delete(port);
    else this.#claims.set(port, claims);
    if (claims.length > 1) this.#contested.add(port);
    else this.#contested.delete(port);
  }
}
