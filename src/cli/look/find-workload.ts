import { nearest } from '../../core/index.ts';
import { resources, type KubeObject, type Resource } from '../../kube/index.ts';
import { CommandError } from '../exit-code.ts';
import { refusedTo, type FoundCluster } from './find-cluster.ts';

export interface FoundWorkload {
  readonly resource: Resource;
  readonly object: KubeObject;
}

const kinds: readonly Resource[] = [resources.deployments, resources.statefulSets];
const shortNames = new Map<string, Resource>([
  ['deploy', resources.deployments],
  ['sts', resources.statefulSets],
]);

/** `deployment/web`, `deploy/web`, `statefulsets.apps/db`, or a name alone. */
const parsed = (text: string): { readonly kinds: readonly Resource[]; readonly name: string } => {
  const [first = '', name, more] = text.split('/');
  if (name === undefined && first !== '') return { kinds, name: first };
  const word = first.toLowerCase().replace(/\.apps$/, '');
  const kind = shortNames.get(word) ?? kinds.find(({ plural }) => plural === word || plural === `${word}s`);
  if (kind === undefined || name === undefined || name === '' || more !== undefined)
    throw new CommandError('usage', `${text}: want the name of a workload, e.g. hello, or its kind and name: deployment/hello, statefulset/db`);
  return { kinds: [kind], name };
};

/** The Deployment or StatefulSet that `text` names; undefined where there is none, and `suggestion` may be the name that was meant. Throws a `CommandError`. */
export const findWorkload = async (
  { client, connection, namespace }: FoundCluster,
  text: string,
): Promise<{ readonly found: FoundWorkload | undefined; readonly name: string; readonly suggestion: string | undefined }> => {
  const asked = parsed(text);
  const found: FoundWorkload[] = [];
  for (const resource of asked.kinds) {
    const got = await client.get(resource, { namespace, name: asked.name });
    if (got.ok) found.push({ resource, object: got.value });
    else if (got.problem.kind !== 'not-found') throw refusedTo(`read the ${resource.kind} ${namespace}/${asked.name}`, got.problem, connection);
  }
  if (found.length > 1)
    throw new CommandError('usage', `${asked.name} is a Deployment and a StatefulSet: say deployment/${asked.name} or statefulset/${asked.name}`);
  return { found: found[0], name: asked.name, suggestion: found.length === 0 ? await suggested({ client, namespace }, asked) : undefined };
};

/** Whoever may not list is told no name. */
const suggested = async ({ client, namespace }: Pick<FoundCluster, 'client' | 'namespace'>, asked: ReturnType<typeof parsed>): Promise<string | undefined> => {
  const lists = await Promise.all(asked.kinds.map((resource) => client.list(resource, { namespace })));
  return nearest(
    asked.name,
    lists.flatMap((list) => (list.ok ? list.value.items.map(({ metadata }) => metadata?.name ?? '') : [])),
  );
};

/** What is said of a name that no workload has. */
export const noSuchWorkload = (namespace: string, name: string, suggestion: string | undefined): string =>
  `there is no Deployment or StatefulSet ${namespace}/${name}${suggestion === undefined ? '' : `; did you mean ${suggestion}?`}`;
