import { millis, systemNamespace, type Clock } from '../core/index.ts';
import { resources, type KubeClient } from '../kube/index.ts';
import { CommandError } from './exit-code.ts';

/** The Lease that the leader of the controllers holds. */
export const controllerLease = { namespace: systemNamespace, name: 'rouse-controller' };

const lookEvery = millis(1000);
/** A leader renews every 2 s; the rest is for an API server that is slow. */
const longestSilence = millis(12_000);

interface Seen {
  readonly holder: string;
  readonly version: string;
}

const look = async (client: Pick<KubeClient, 'get'>, signal: AbortSignal): Promise<Seen | undefined> => {
  const lease = await client.get(resources.leases, controllerLease, signal);
  if (!lease.ok) {
    if (lease.problem.kind === 'not-found') return undefined;
    throw new CommandError('failure', `cannot read the Lease ${controllerLease.namespace}/${controllerLease.name}: ${lease.problem.message}`);
  }
  const holder = lease.value.spec?.holderIdentity ?? '';
  return holder === '' ? undefined : { holder, version: lease.value.metadata?.resourceVersion ?? '' };
};

/**
 * Who leads: the holder of a Lease that is renewed before our eyes. The times in it are not believed (clocks disagree), so it takes up to 2 s to see
 * that somebody leads, and 12 s that a Lease was left behind.
 */
export const currentLeader = async (client: Pick<KubeClient, 'get'>, clock: Clock, signal: AbortSignal): Promise<string | undefined> => {
  const first = await look(client, signal);
  if (first === undefined) return undefined;
  const begun = clock.monotonic();
  while (clock.monotonic() - begun < longestSilence) {
    await clock.sleep(lookEvery, signal);
    const now = await look(client, signal);
    if (now === undefined) return undefined;
    if (now.version !== first.version) return now.holder;
  }
  return undefined;
};
