import type { MetricReading, WorkloadKey } from '../../core/index.ts';
import type { GatewayFigures } from './gateway-figures.ts';
import type { WorkloadLoad } from './ports.ts';

type Gateways = ReadonlyMap<string, GatewayFigures>;

/** A look at the load. Where the requests are by pod is added up only if somebody asks, which is when pods are about to go. */
export class LoadNow implements WorkloadLoad {
  readonly metrics: readonly MetricReading[];
  readonly held: number;
  readonly inFlight: number;
  readonly warm: boolean;
  readonly absentGateways: number;
  readonly #slot: number | undefined;
  readonly #gateways: Gateways;

  /** `slot`: the workload's row in the figures of each gateway, if it has one. */
  constructor(metrics: readonly MetricReading[], warm: boolean, absentGateways: number, key: WorkloadKey, slot: number | undefined, gateways: Gateways) {
    this.metrics = metrics;
    this.warm = warm;
    this.absentGateways = absentGateways;
    let [held, inFlight] = [0, 0];
    for (const gateway of gateways.values()) {
      held += gateway.held(key, slot);
      if (slot !== undefined) inFlight += gateway.standing.inFlight(slot);
    }
    this.held = held;
    this.inFlight = inFlight;
    this.#slot = slot;
    this.#gateways = gateways;
  }

  get inFlightByPod(): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    if (this.#slot !== undefined) for (const { standing } of this.#gateways.values()) standing.addInFlightByPod(this.#slot, sums);
    return sums;
  }
}
