import type { Clock, GatewayInfo, Millis } from '../core/index.ts';
import type { GatewayPods } from './gateway-pods.ts';
import type { RoutePublisher } from './ports.ts';
import { workersAsOne } from './workers-as-one.ts';

export interface GatewaySetOptions {
  readonly publisher: RoutePublisher;
  readonly pods: Pick<GatewayPods, 'stateOf'>;
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

/**
 * Who is connected, who was, and who asked to be left out. The rule for an address in our slices whose gateway has no link to us: while another gateway
 * serves the ports, it goes at once if its pod is gone, finished, ending or not ready, else after `absence` (a gateway that is cut off from us cannot wake
 * anything). While no other serves them it stays, because an empty slice answers no better and the gateway may be back first; unless its pod is gone
 * or finished: then the address may soon be another pod's.
 */
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
    this.#connected = workersAsOne(this.#options.publisher.gateways());
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

  isConnected(address: string): boolean {
    return this.#connected.some((gateway) => addressesOf(gateway).includes(address));
  }

  /** Whether every connected gateway acts by what was published up to `revision`. */
  haveHeard(revision: number): boolean {
    return this.#connected.every(({ acknowledged }) => acknowledged >= revision);
  }

  /** Ports that none of them could open: no wait will help there. */
  unusablePorts(): ReadonlySet<number> {
    const [first, ...others] = this.#connected;
    return new Set(first?.failedPorts?.filter((port) => others.every(({ failedPorts }) => failedPorts?.includes(port) === true)));
  }

  /**
   * `revision`: what a gateway must have acknowledged to serve `ports`. `present`: the addresses that the Service's slices have now, with the uids of
   * their pods as far as written.
   */
  choose(revision: number, ports: Iterable<number>, present: ReadonlyMap<string, string | undefined>): Choice {
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
    for (const [address, podUid] of present) {
      if (addresses.has(address)) continue;
      const info = this.#seen.get(address)?.info;
      const state = this.#options.pods.stateOf(info === undefined ? podUid : info.podUid);
      if (state === 'gone' && (info !== undefined || ready > 0)) continue;
      const until = this.#absentUntil(address);
      const isOut = this.#leaving.has(address) || until <= now || state === 'gone' || state === 'unready' || this.isConnected(address);
      if (ready > 0 && isOut) continue;
      addresses.set(address, info);
      if (ready > 0) reviewAt = Math.min(reviewAt ?? until, until);
    }
    return { addresses, complete: ready === this.#connected.length, any: ready > 0, reviewAt };
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
