import type { Random } from '../core/index.ts';
import { pickPod } from './pick.ts';
import type { Pod } from './pod.ts';

/** Pods in the gateway's own zone, and all others; both have some. */
export interface Zones {
  readonly near: readonly Pod[];
  readonly far: readonly Pod[];
}

/** A near pod may have twice as many requests as a far one, and this many besides. */
const margin = 8;

/** Undefined where there is no choice between zones. */
export const zonesOf = (pods: readonly Pod[], zone: string | undefined): Zones | undefined => {
  if (zone === undefined) return undefined;
  const near = pods.filter(({ route }) => route.zone === zone);
  return near.length === 0 || near.length === pods.length ? undefined : { near, far: pods.filter(({ route }) => route.zone !== zone) };
};

/**
 * A pod of the gateway's own zone, while it has room and is not loaded much more than another: what crosses zones takes longer and is billed. The far pod that it is compared with is one
 * of two chosen at random, as everywhere.
 */
export const pickByZone = ({ near, far }: Zones, target: string, limit: number | undefined, random: Random, now?: number): Pod | undefined => {
  const close = pickPod(near, target, limit, random, now);
  if (close !== undefined && close.inFlight <= margin) return close;
  const distant = pickPod(far, target, limit, random, now);
  if (close === undefined || distant === undefined) return close ?? distant;
  return close.inFlight > 2 * distant.inFlight + margin ? distant : close;
};
