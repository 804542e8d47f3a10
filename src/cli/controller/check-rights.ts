import { millis, seconds, systemNamespace } from '../../core/index.ts';
import type { KubeClient, KubeObject, Resource } from '../../kube/index.ts';
import type { ControllerOptions } from './controller-options.ts';
import { CommandError } from '../exit-code.ts';
import { placementRights, rights, type Right } from './rights.ts';

interface AccessReview extends KubeObject {
  readonly spec: { readonly resourceAttributes: Readonly<Record<string, string>>; readonly user?: string; readonly groups?: readonly string[] };
  readonly status?: { readonly allowed?: boolean };
}

interface SelfReview extends KubeObject {
  readonly status?: { readonly userInfo?: { readonly username?: string } };
}

const reviewed = (plural: string, kind: string): Resource<AccessReview> => ({ group: 'authorization.k8s.io', version: 'v1', plural, kind, namespaced: false });
const ownReviews = reviewed('selfsubjectaccessreviews', 'SelfSubjectAccessReview');
const reviewsOfOthers = reviewed('subjectaccessreviews', 'SubjectAccessReview');

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
export interface Wanted extends Right {
  readonly namespace?: string;
}

/** What is needed where the controller looks at these namespaces alone; undefined: at all. Of the Namespace objects it then reads only theirs. */
export const wantedIn = (namespaces: readonly string[] | undefined, places: boolean): readonly Wanted[] => {
  const ofNamespaces = (right: Right): readonly Wanted[] =>
    namespaces === undefined || right.resource !== 'namespaces' ? [right] : namespaces.map((name) => ({ ...right, name }));
  return [
    ...rights.cluster.flatMap(ofNamespaces),
    ...(namespaces?.flatMap((namespace) => rights.workloads.map((right) => ({ ...right, namespace }))) ?? rights.workloads),
    ...rights.system.map((right) => ({ ...right, namespace: systemNamespace })),
    ...(places ? [...placementRights.cluster, ...placementRights.system.map((right) => ({ ...right, namespace: systemNamespace }))] : []),
  ];
};

/** Whether somebody may do that; undefined where the cluster does not say. */
type MayDo = (wanted: Wanted) => Promise<boolean | undefined>;

/** Asks about ourselves, or about `other`. */
export const reviewsOf = (client: Pick<KubeClient, 'create'>, other?: { readonly user: string; readonly groups: readonly string[] }): MayDo => {
  const resource = other === undefined ? ownReviews : reviewsOfOthers;
  return async ({ verb, group, resource: what, name, namespace }) => {
    const [kind = '', subresource] = what.split('/');
    const resourceAttributes = {
      verb,
      group,
      resource: kind,
      ...(subresource === undefined ? {} : { subresource }),
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
    };
    const answer = await client.create(resource, { spec: { ...other, resourceAttributes } });
    return answer.ok ? answer.value.status?.allowed : undefined;
  };
};

const questionsAtOnce = 8;

/** Those of `wanted` that are denied. A cluster that does not say lets us find out. */
export const missingRights = async (may: MayDo, wanted: readonly Wanted[]): Promise<readonly Wanted[]> => {
  const lacking: Wanted[] = [];
  for (let from = 0; from < wanted.length; from += questionsAtOnce) {
    const some = wanted.slice(from, from + questionsAtOnce);
    const allowed = await Promise.all(some.map(may));
    lacking.push(...some.filter((_, index) => allowed[index] === false));
  }
  return lacking;
};

/** `get, list deployments.apps in team-a` */
export const describedRights = (lacking: readonly Wanted[]): string => {
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
  const may = reviewsOf(client);
  let lacking = await missingRights(may, wantedIn(namespaces, placement));
  while (lacking.length > 0 && clock.monotonic() - begun < patience) {
    await clock.sleep(pause, signal);
    lacking = await missingRights(may, lacking);
  }
  if (lacking.length > 0)
    throw new CommandError(
      'failure',
      `the controller may not ${describedRights(lacking)}; the roles in deploy/base/controller-roles.yaml grant it${placement ? ', and those in deploy/components/placement' : ''}`,
    );
};
