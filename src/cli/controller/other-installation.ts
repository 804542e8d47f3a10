import { systemNamespace, type Clock } from '../../core/index.ts';
import { resources, type KubeClient } from '../../kube/index.ts';
import { CommandError } from '../exit-code.ts';
import { currentLeader } from './leadership.ts';

type ClientConfig = NonNullable<NonNullable<(typeof resources.mutatingWebhookConfigurations)['type']>['webhooks']>[number]['clientConfig'];

/**
 * Two installations would undo each other's work. Throws a `CommandError` where the webhooks that are registered belong to another one: in another
 * namespace, or, while its leader is alive, outside the cluster where we are inside (or the other way round). Controllers of one kind are replicas of each other.
 */
export const refuseOtherInstallation = async (client: KubeClient, advertise: string | undefined, clock: Clock, signal: AbortSignal): Promise<void> => {
  const found = await client.get(resources.mutatingWebhookConfigurations, { name: 'rouse' }, signal);
  const registered = found.ok ? found.value.webhooks?.[0]?.clientConfig : undefined;
  if (registered === undefined) return;
  const where = whereTo(registered);
  if (registered.service !== undefined && registered.service.namespace !== systemNamespace)
    throw new CommandError('failure', `another Rouse is installed in this cluster: its webhooks lead to ${where}; uninstall that one first`);
  const inside = advertise === undefined;
  if (inside === (registered.service !== undefined)) return;
  const leader = await currentLeader(client, clock, signal);
  if (leader === undefined) return;
  const remedy = inside ? 'stop that one first' : `stop it first: kubectl -n ${systemNamespace} scale deployment rouse-controller --replicas=0`;
  const place = inside ? 'outside the cluster' : 'in the cluster';
  throw new CommandError('failure', `another controller runs ${place} already: ${leader} leads, and the webhooks lead to ${where}; ${remedy}`);
};

const whereTo = ({ service, url }: ClientConfig): string => (service === undefined ? (url ?? 'nowhere') : `the Service ${service.namespace}/${service.name}`);
