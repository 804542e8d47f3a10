import { RouseError, type RouteSnapshot, type WorkloadRoute } from '../../../core/index.ts';
import { holdSlots } from '../../../gateway/index.ts';

export interface Place {
  readonly index: number;
  readonly workers: number;
}

/** A worker's part of what all workers of a gateway may hold together. */
export const holdSlotsOf = (workers: number): number => Math.floor(holdSlots / workers);

/** A worker's part of what routes allow a gateway: which worker a request comes to is chance, so each may hold the same; rounded up, so that nobody gets nothing. */
export const shareOf = (snapshot: RouteSnapshot, { workers }: Place): RouteSnapshot => withRoutes(snapshot, (route) => shareOfHolding(route, workers));

/** The same for routes of a file: no controller divides `containerConcurrency`, so that is done here. Throws where there are fewer places in a pod than workers. */
export const shareOfFile = (snapshot: RouteSnapshot, place: Place): RouteSnapshot =>
  withRoutes(snapshot, (route) => shareOfPods(shareOfHolding(route, place.workers), place));

const withRoutes = (snapshot: RouteSnapshot, change: (route: WorkloadRoute) => WorkloadRoute): RouteSnapshot => ({
  ...snapshot,
  upsert: snapshot.upsert.map(change),
});

const shareOfHolding = (route: WorkloadRoute, workers: number): WorkloadRoute => ({ ...route, holdQueueDepth: Math.ceil(route.holdQueueDepth / workers) });

const shareOfPods = (route: WorkloadRoute, { index, workers }: Place): WorkloadRoute => {
  const { workload, containerConcurrency: limit } = route;
  if (limit === undefined) return route;
  if (limit < workers)
    throw new RouseError(
      'routes-invalid',
      `${workload}: containerConcurrency ${limit} cannot be divided among --workers ${workers}: want at least ${workers}, 0 for no limit, or fewer workers`,
    );
  return { ...route, containerConcurrency: Math.floor(limit / workers) + (index < limit % workers ? 1 : 0) };
};
