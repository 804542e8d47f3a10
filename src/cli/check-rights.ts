import { millis, seconds, systemNamespace } from '../core/index.ts';
import type { KubeClient, KubeObject, Resource } from '../kube/index.ts';
import type { ControllerOptions } from './controller-options.ts';
import { CommandError } from './exit-code.ts';
import { placementRights, rights, type Right } from './rights.ts';

interface AccessReview extends KubeObject {
  readonly spec: { readonly resourceAttributes: Readonly<Record<string, string>> };
  readonly status?: { readonly allowed?: boolean };
}

interface SelfReview extends KubeObject {
  readonly status?: { readonly userInfo?: { readonly username?: string } };
}

const accessReviews: Resource<AccessReview> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  plural: 'selfsubjectaccessreviews',
  kind: 'SelfSubjectAccessReview',
  namespaced: false,
};
const selfReviews: Resource<SelfReview> = {
  group: 'authentication.k8s.io',
  version: 'v1',
  plural: 'selfsubjectreviews',
  kind: 'SelfSubjectReview',
  namespaced: false,
};

/** Who the API server says we are; undefined where it does not tell. */
export const ownUser = async (client: KubeClient): Promise<string | undefined> => {
  const answer = await client.create(selfReviews, {});
  return answer.ok ? answer.value.status?.userInfo?.username : undefined;
};

/** A right, and where; no namespace: in all of them. */
interface Wanted extends Right {
  readonly namespace?: string;
}

/** What is needed where the controller looks at these namespaces alone; undefined: at all. Of the Namespace objects it then reads only theirs. */
const wantedIn = (namespaces: readonly string[] | undefined, places: boolean): readonly Wanted[] => {
  const ofNamespaces = (right: Right): readonly Wanted[] =>
    namespaces === undefined || right.resource !== 'namespaces' ? [right] : namespaces.map((name) => ({ ...right, name }));
  return [
    ...rights.cluster.flatMap(ofNamespaces),
    ...(namespaces?.flatMap((namespace) => rights.workloads.map((right) => ({ ...right, namespace }))) ?? rights.workloads),
    ...rights.system.map((right) => ({ ...right, namespace: systemNamespace })),
    ...(places ? [...placementRights.cluster, ...placementRights.system.map((right) => ({ ...right, namespace: systemNamespace }))] : []),
  ];
};

const asked = async (client: KubeClient, { verb, group, resource, name, namespace }: Wanted): Promise<boolean> => {
  const [kind = '', subresource] = resource.split('/');
  const resourceAttributes = {
    verb,
    group,
    resource: kind,
    ...(subresource === undefined ? {} : { subresource }),
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
  };
  const answer = await client.create(accessReviews, { spec: { resourceAttributes } });
  // A cluster that does not say lets us find out.
  return !answer.ok || answer.value.status?.allowed !== false;
};

const questionsAtOnce = 8;

const missing = async (client: KubeClient, wanted: readonly Wanted[]): Promise<readonly Wanted[]> => {
  const lacking: Wanted[] = [];
  for (let from = 0; from < wanted.length; from += questionsAtOnce) {
    const some = wanted.slice(from, from + questionsAtOnce);
    const allowed = await Promise.all(some.map((right) => asked(client, right)));
    lacking.push(...some.filter((_, index) => allowed[index] === false));
  }
  return lacking;
};

/** `get, list deployments.apps in team-a` */
const described = (lacking: readonly Wanted[]): string => {
  const verbs = new Map<string, string[]>();
  for (const { verb, group, resource, name, namespace } of lacking) {
    const kind = `${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : ` "${name}"`}${namespace === undefined ? '' : ` in ${namespace}`}`;
    verbs.set(kind, [...(verbs.get(kind) ?? []), verb]);
  }
  return [...verbs].map(([kind, all]) => `${all.join(', ')} ${kind}`).join('; ');
};

/** Roles that have just been written take a moment to be in force. */
const patience = seconds(10);
const pause = millis(500);

/** Throws a `CommandError` that names every right that is missing. */
export const checkRights = async (
  client: KubeClient,
  { namespaces, clock, placement }: Pick<ControllerOptions, 'namespaces' | 'clock' | 'placement'>,
  signal: AbortSignal,
): Promise<void> => {
  const begun = clock.monotonic();
  let lacking = await missing(client, wantedIn(namespaces, placement));
  while (lacking.length > 0 && clock.monotonic() - begun < patience) {
    await clock.sleep(pause, signal);
    lacking = await missing(client, lacking);
  }
  if (lacking.length > 0)
    throw new CommandError(
      'failure',
      `the controller may not ${described(lacking)}; the roles in deploy/base/controller-roles.yaml grant it${placement ? ', and those in deploy/components/placement' : ''}`,
    );
};
