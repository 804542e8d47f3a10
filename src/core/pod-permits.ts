import type { GatewayId } from './report.ts';
import type { PodRoute } from './route-snapshot.ts';

type Permits = Pick<PodRoute, 'permits'>;

const named = ({ permits }: Permits, id: GatewayId): number | undefined => (permits !== undefined && Object.hasOwn(permits, id) ? permits[id] : undefined);

/** How many requests gateway `id` may have in a pod; undefined where that is not divided among gateways. `before`: how many it might until now. */
export const shareOf = (route: Permits, id: GatewayId, before: number | undefined): number | undefined =>
  route.permits === undefined ? undefined : (named(route, id) ?? before ?? 0);

/** What it has in the pod, or keeps for it, beyond what the routes give it by name; 0 where there is nothing. */
export const permitsInUse = (route: Permits, id: GatewayId, share: number | undefined, inFlight: number): number => {
  const given = named(route, id);
  if (share === undefined) return 0;
  return given === undefined ? Math.max(share, inFlight) : inFlight > given ? inFlight : 0;
};
