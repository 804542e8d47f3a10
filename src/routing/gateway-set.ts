import type { Clock, GatewayInfo, Millis } from '../core/index.ts';
import type { RoutePublisher } from './ports.ts';

export interface GatewaySetOptions {
  readonly publisher: RoutePublisher;
  readonly clock: Clock;
  /** A gateway that is gone stays in the slices for so long: most come back at once, and an address taken out for nothing costs a write per Service. */
  readonly absence: Millis;
  /** The same for addresses that this process has never seen connected: after a change of leader every gateway has to find the new one first. */
  readonly firstAbsence: Millis;
}

/** Which gateways a Service should point at. */
export interface Choice {
  /** With what is known of each; `undefined`: an address that a former leader wrote, to be kept as it is. */
  readonly addresses: ReadonlyMap<string, GatewayInfo | undefined>;
  /** Every connected gateway has said that it serves the ports. */
  readonly complete: boolean;
  /** At least one has. */
  readonly any: boolean;
  /** An absent gateway is still included: look again then (clock.monotonic). */
  readonly reviewAt: number | undefined;
}

/** All addresses of a gateway: one for each IP family that it serves. */
export const addressesOf = ({ address, otherAddresses = [] }: GatewayInfo): readonly string[] => [address, ...otherAddresses];

/** Who is connected, who was, and who asked to be left out. */
export class GatewaySet {
  readonly #options: GatewaySetOptions;
  readonly #seen = new Map<string, { readonly info: GatewayInfo; lastAt: number }>();
  readonly #leaving = new Set<string>();
  #connected: readonly GatewayInfo[] = [];
  #startedAt: number;
  #membership = '';

  constructor(options: GatewaySetOptions) {
    this.#options = options;
    this.#startedAt = options.clock.monotonic();
    this.update();
  }

  /** Takes the publisher's list over. `membership`: somebody came or went, so every slice is concerned; else only an acknowledgement came. */
  update(): 'membership' | 'acknowledgement' {
    const now = this.#options.clock.monotonic();
    for (const before of this.#connected) this.#note(before, now);
    this.#connected = this.#options.publisher.gateways();
    for (const gateway of this.#connected) {
      this.#note(gateway, now);
      for (const address of addressesOf(gateway)) this.#leaving.delete(address);
    }
    this.#forget(now);
    const membership = this.#connected.map((gateway) => JSON.stringify([gateway.id, addressesOf(gateway), gateway.failedPorts ?? []])).join();
    const same = membership === this.#membership;
    this.#membership = membership;
    return same ? 'acknowledgement' : 'membership';
  }

  /** Grace for absent gateways begins anew: a new leader knows nobody yet. */
  restart(): void {
    this.#startedAt = this.#options.clock.monotonic();
  }

  leave(gateway: GatewayInfo): void {
    for (const address of addressesOf(gateway)) this.#leaving.add(address);
  }

  get connected(): number {
    return this.#connected.length;
  }

  /** Ports that none of them could open: no wait will help there. */
  unusablePorts(): ReadonlySet<number> {
    const [first, ...others] = this.#connected;
    return new Set(first?.failedPorts?.filter((port) => others.every(({ failedPorts }) => failedPorts?.includes(port) === true)));
  }

  /** `revision`: what a gateway must have acknowledged to serve `ports`. `present`: the addresses that the Service's slices have now. */
  choose(revision: number, ports: Iterable<number>, present: ReadonlySet<string>): Choice {
    const addresses = new Map<string, GatewayInfo | undefined>();
    const wanted = new Set(ports);
    let ready = 0;
    for (const gateway of this.#connected) {
      const able = gateway.failedPorts?.some((port) => wanted.has(port)) !== true;
      const serves = able && gateway.acknowledged >= revision;
      if (serves) ready += 1;
      for (const address of addressesOf(gateway)) if (serves || (able && present.has(address))) addresses.set(address, gateway);
    }
    const now = this.#options.clock.monotonic();
    let reviewAt: number | undefined;
    for (const address of present) {
      if (addresses.has(address)) continue;
      const until = this.#absentUntil(address);
      // The last address stays: a dead one answers no worse than none, and its gateway may be back first.
      if (ready > 0 && (this.#leaving.has(address) || until <= now || this.#isConnected(address))) continue;
      addresses.set(address, this.#seen.get(address)?.info);
      if (ready > 0) reviewAt = Math.min(reviewAt ?? until, until);
    }
    return { addresses, complete: ready === this.#connected.length, any: ready > 0, reviewAt };
  }

  #isConnected(address: string): boolean {
    return this.#connected.some((gateway) => addressesOf(gateway).includes(address));
  }

  #absentUntil(address: string): number {
    const seen = this.#seen.get(address);
    return seen === undefined ? this.#startedAt + this.#options.firstAbsence : seen.lastAt + this.#options.absence;
  }

  #note(info: GatewayInfo, now: number): void {
    for (const address of addressesOf(info)) this.#seen.set(address, { info, lastAt: now });
  }

  /** Remembers absent gateways for a while only. */
  #forget(now: number): void {
    const keep = Math.max(this.#options.firstAbsence, this.#options.absence) * 10;
    for (const [address, { lastAt }] of this.#seen)
      if (now - lastAt > keep) {
        this.#seen.delete(address);
        this.#leaving.delete(address);
      }
  }
}
