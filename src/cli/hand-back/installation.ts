import { millis, systemNamespace, type Clock, type Millis } from '../../core/index.ts';
import { resources, type KubeClient, type KubeObject, type Refusal, type Resource } from '../../kube/index.ts';
import { unregisterWebhooks } from '../../webhooks/index.ts';
import { CommandError } from '../exit-code.ts';

/** On everything that deploy/ makes. */
const partOfRouse = 'app.kubernetes.io/part-of=rouse';
const podsOf = (component: string): string => `app.kubernetes.io/name=rouse,app.kubernetes.io/component=${component}`;

const rbac = (plural: string, kind: string, namespaced: boolean): Resource => ({ group: 'rbac.authorization.k8s.io', version: 'v1', plural, kind, namespaced });
/** What lies outside our namespace, in the order in which it goes: a right that is bound is taken away before it ceases to exist. */
const outside: readonly Resource[] = [
  rbac('clusterrolebindings', 'ClusterRoleBinding', false),
  rbac('rolebindings', 'RoleBinding', true),
  rbac('clusterroles', 'ClusterRole', false),
];
/** Gateways go first: no Service leads to them any more, and a controller says so to each of them. */
const components = ['gateway', 'controller'] as const;

interface Found {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly name: string;
}

/** What makes Rouse work in a cluster; nothing of the users'. */
export interface Installation {
  readonly namespace: boolean;
  /** The namespace takes nothing new: an earlier uninstall has come as far as deleting it, or somebody else has. */
  readonly isGoing: boolean;
  readonly deployments: readonly (Found & { readonly component: string })[];
  readonly outside: readonly Found[];
}

/** A kind that the API server does not have has no objects. */
const list = async (
  client: KubeClient,
  resource: Resource,
  selection: Parameters<KubeClient['list']>[1],
  signal: AbortSignal,
): Promise<readonly KubeObject[]> => {
  const listed = await client.list(resource, selection, signal);
  if (listed.ok) return listed.value.items;
  if (listed.problem.kind === 'not-found') return [];
  throw problem(`cannot list ${resource.plural}`, listed.problem);
};

const problem = (what: string, { message }: Refusal): CommandError => new CommandError('failure', `${what}: ${message}`);

export const findInstallation = async (client: KubeClient, signal: AbortSignal): Promise<Installation> => {
  const namespace = await client.get(resources.namespaces, { name: systemNamespace }, signal);
  if (!namespace.ok && namespace.problem.kind !== 'not-found') throw problem(`cannot read the Namespace ${systemNamespace}`, namespace.problem);
  const found = (resource: Resource, { metadata }: KubeObject): Found => ({ resource, namespace: metadata?.namespace, name: metadata?.name ?? '' });
  const deployments = await list(client, resources.deployments, { namespace: systemNamespace }, signal);
  const others: Found[] = [];
  for (const resource of outside) {
    const objects = await list(client, resource, { labelSelector: partOfRouse }, signal);
    others.push(...objects.filter(({ metadata }) => metadata?.namespace !== systemNamespace).map((object) => found(resource, object)));
  }
  return {
    namespace: namespace.ok,
    isGoing: namespace.ok && namespace.value.metadata?.deletionTimestamp !== undefined,
    deployments: components.flatMap((component) =>
      deployments
        .filter(({ metadata }) => metadata?.labels?.['app.kubernetes.io/name'] === 'rouse' && metadata.labels['app.kubernetes.io/component'] === component)
        .map((object) => ({ ...found(resources.deployments, object), component })),
    ),
    outside: others,
  };
};

/** In the order in which it is done. */
export const removalPlan = (installation: Installation): readonly string[] => [
  'webhook configurations rouse',
  ...installation.deployments.map(({ name }) => `Deployment ${systemNamespace}/${name}`),
  ...installation.outside.map(({ resource, namespace, name }) => `${resource.kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`),
  ...(installation.namespace ? [`Namespace ${systemNamespace} with everything in it`] : []),
];

export interface Removal {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly print: (line: string) => void;
}

const lookEvery = millis(500);
/** A gateway ends what is in flight first: 25 s to be out of every slice, 60 s for requests. */
const podsLimit = millis(120_000);
const namespaceLimit = millis(120_000);

/** Removes the installation. Nothing may be held any more. Safe to begin again. */
export const removeInstallation = async (removal: Removal, installation: Installation, signal: AbortSignal): Promise<void> => {
  const { client, clock, print } = removal;
  await removeWebhooks(client, signal);
  print('removed: webhook configurations rouse');
  for (const deployment of installation.deployments) {
    await remove(removal, deployment, signal);
    const gone = (): Promise<boolean> =>
      list(client, resources.pods, { namespace: systemNamespace, labelSelector: podsOf(deployment.component) }, signal).then((pods) => pods.length === 0);
    if (!(await until(clock, gone, podsLimit, signal))) print(`the pods of ${deployment.name} are still ending after ${podsLimit / 1000} s`);
  }
  // A controller that came to lead in between has registered them anew.
  await removeWebhooks(client, signal);
  for (const each of installation.outside) await remove(removal, each, signal);
  if (!installation.namespace) return;
  const namespace = { resource: resources.namespaces, namespace: undefined, name: systemNamespace };
  await remove(removal, namespace, signal, 'being removed');
  const gone = async (): Promise<boolean> => {
    const found = await client.get(resources.namespaces, { name: systemNamespace }, signal);
    return !found.ok && found.problem.kind === 'not-found';
  };
  if (!(await until(clock, gone, namespaceLimit, signal)))
    throw new CommandError(
      'failure',
      `the Namespace ${systemNamespace} is still there after ${namespaceLimit / 1000} s: kubectl describe namespace ${systemNamespace} says why`,
    );
  print(`removed: Namespace ${systemNamespace}`);
};

const removeWebhooks = async (client: KubeClient, signal: AbortSignal): Promise<void> => {
  const removed = await unregisterWebhooks(client, signal);
  if (!removed.ok) throw problem('cannot delete the webhook configurations', removed.problem);
};

const remove = async ({ client, print }: Removal, { resource, namespace, name }: Found, signal: AbortSignal, how = 'removed'): Promise<void> => {
  const removed = await client.delete(resource, { namespace, name }, { propagation: 'Background' }, signal);
  if (!removed.ok && removed.problem.kind !== 'not-found') throw problem(`cannot delete ${resource.kind} ${name}`, removed.problem);
  print(`${how}: ${resource.kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`);
};

const until = async (clock: Clock, condition: () => Promise<boolean>, limit: Millis, signal: AbortSignal): Promise<boolean> => {
  const begun = clock.monotonic();
  while (!(await condition())) {
    if (clock.monotonic() - begun >= limit) return false;
    await clock.sleep(lookEvery, signal);
  }
  return true;
};

export const isInstalled = ({ namespace, deployments, outside: others }: Installation): boolean => namespace || deployments.length + others.length > 0;
