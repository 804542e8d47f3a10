import { millis, systemNamespace, type Clock } from '../../core/index.ts';
import { resources, type KubeClient } from '../../kube/index.ts';
import { CommandError } from '../exit-code.ts';

/** The Lease that the leader of the controllers holds. */
export const controllerLease = { namespace: systemNamespace, name: 'rouse-controller' };

const lookEvery = millis(1000);
/** The longest that a standby takes to come forward beyond the Lease (15 s): it looks every 2 to 4.4 s, and counts from the look that saw the last renewal. */
const standbyComes = millis(10_000);
const usualLease = 15;

interface Seen {
  readonly version: string;
  /** Empty: handed back. */
  readonly holder: string;
  readonly runsOutAfter: number;
}

const look = async (client: Pick<KubeClient, 'get'>, signal: AbortSignal): Promise<Seen | undefined> => {
  const lease = await client.get(resources.leases, controllerLease, signal);
  if (!lease.ok) {
    if (lease.problem.kind === 'not-found') return undefined;
    throw new CommandError('failure', `cannot read the Lease ${controllerLease.namespace}/${controllerLease.name}: ${lease.problem.message}`);
  }
  const { holderIdentity = '', leaseDurationSeconds = usualLease } = lease.value.spec ?? {};
  return {
    version: lease.value.metadata?.resourceVersion ?? '',
    holder: holderIdentity,
    runsOutAfter: holderIdentity === '' ? 0 : leaseDurationSeconds * 1000,
  };
};

/**
 * Who leads: the holder of a Lease that is renewed before our eyes. The times in it are not believed (clocks disagree), so it takes up to 2 s to see
 * that somebody leads, and 25 s that a Lease was left behind and nobody is there to take it over.
 */
export const currentLeader = async (client: Pick<KubeClient, 'get'>, clock: Clock, signal: AbortSignal): Promise<string | undefined> => {
  const first = await look(client, signal);
  if (first === undefined) return undefined;
  const begun = clock.monotonic();
  while (clock.monotonic() - begun < first.runsOutAfter + standbyComes) {
    await clock.sleep(lookEvery, signal);
    const now = await look(client, signal);
    if (now === undefined) return undefined;
    if (now.holder !== '' && now.version !== first.version) return now.holder;
  }
  return undefined;
};
