import type { GatewayId, PodRoute } from '../core/index.ts';
import type { Pod } from './pod.ts';

const named = ({ permits }: PodRoute, id: GatewayId): number | undefined => (permits !== undefined && Object.hasOwn(permits, id) ? permits[id] : undefined);

/** How many requests gateway `id` may have in a pod; undefined where that is not divided among gateways. `before`: how many it might until now. */
export const shareOf = (route: PodRoute, id: GatewayId, before: number | undefined): number | undefined =>
  route.permits === undefined ? undefined : (named(route, id) ?? before ?? 0);

/** What it has in the pod, or keeps for it, beyond what the routes give it by name; 0 where there is nothing. */
export const inUse = ({ route, share, inFlight }: Pod, id: GatewayId): number => {
  const given = named(route, id);
  if (share === undefined) return 0;
  return given === undefined ? Math.max(share, inFlight) : inFlight > given ? inFlight : 0;
};
