import { millis, type Clock, type GatewayId } from '../core/index.ts';
import type { RouteProblem } from './messages.ts';

/** A gateway has applied `revision` and everything before it; `problems` is all that it cannot do of its present routes. */
export interface Ack {
  readonly gateway: GatewayId;
  readonly revision: number;
  readonly problems: readonly RouteProblem[];
}

interface Waiter {
  readonly revision: number;
  readonly missing: Set<GatewayId>;
  readonly acks: Ack[];
  readonly settle: () => void;
}

/** Who still has to acknowledge which revision. Every wait ends: by the last acknowledgement, by the last missing gateway going away, or by the time limit. */
export class Acknowledgements {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #waiters = new Set<Waiter>();

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  /** Resolves with the acknowledgements of `revision` that came from `gateways` in time. */
  wait(revision: number, gateways: readonly GatewayId[]): Promise<readonly Ack[]> {
    if (gateways.length === 0) return Promise.resolve([]);
    return new Promise((resolve) => {
      const acks: Ack[] = [];
      const waiter: Waiter = {
        revision,
        missing: new Set(gateways),
        acks,
        settle: () => {
          timer.cancel();
          this.#waiters.delete(waiter);
          resolve(acks);
        },
      };
      const timer = this.#clock.after(millis(this.#limitMs), waiter.settle);
      this.#waiters.add(waiter);
    });
  }

  acknowledged(ack: Ack): void {
    for (const waiter of this.#waiters) {
      if (waiter.revision > ack.revision || !waiter.missing.delete(ack.gateway)) continue;
      waiter.acks.push(ack);
      if (waiter.missing.size === 0) waiter.settle();
    }
  }

  gone(gateway: GatewayId): void {
    for (const waiter of this.#waiters) if (waiter.missing.delete(gateway) && waiter.missing.size === 0) waiter.settle();
  }

  /** Ends every wait with what came so far: another epoch begins. */
  abandon(): void {
    for (const waiter of this.#waiters) waiter.settle();
  }
}
