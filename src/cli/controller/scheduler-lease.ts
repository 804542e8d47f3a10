import { seconds, systemNamespace, type Clock } from '../../core/index.ts';
import { leaseView, resources, watchResource, type LeaseView, type ResourceWatch, type Snapshot } from '../../kube/index.ts';
import type { ControllerOptions } from './controller-options.ts';

/** The Lease of the second scheduler (`deploy/components/placement`). */
const name = 'rouse-scheduler';
/** A scheduler that leads renews its Lease every 2 s, and loses it after 15 s. */
const aliveFor = seconds(20);

/** Whether the second scheduler is there. Told by when we saw its Lease change, not by its clock. */
export interface SchedulerLease {
  isAlive(): boolean;
  run(signal: AbortSignal): Promise<void>;
}

export const followSchedulerLease = ({
  connection,
  clock,
  random,
  logger,
}: Pick<ControllerOptions, 'connection' | 'clock' | 'random' | 'logger'>): SchedulerLease => {
  const watch: ResourceWatch<LeaseView> = watchResource({
    connection,
    clock,
    random,
    logger: logger.child({ part: 'scheduler-lease' }),
    resource: resources.leases,
    selection: { namespace: systemNamespace, fieldSelector: `metadata.name=${name}` },
    view: leaseView,
  });
  return { isAlive: signOfLife(watch.snapshot, clock), run: (signal) => watch.run(signal) };
};

/** Whether the Lease in `leases`, of which there is one at most, has been renewed lately. */
export const signOfLife = (leases: Pick<Snapshot<LeaseView>, 'subscribe'>, clock: Pick<Clock, 'monotonic'>): (() => boolean) => {
  let renewedAt: number | undefined;
  leases.subscribe((event) => {
    const isHeld = event.type === 'set' && event.value.holder !== '';
    if (!isHeld) renewedAt = undefined;
    // A Lease that was there before us may be a dead one's: only a change of it is a sign of life.
    else if (event.previous !== undefined && event.previous.renewTime !== event.value.renewTime) renewedAt = clock.monotonic();
  });
  return () => renewedAt !== undefined && clock.monotonic() - renewedAt < aliveFor;
};
