import { createHash } from 'node:crypto';
import type { AccessVerdict, PageAccess } from '../../api/index.ts';
import { seconds, systemNamespace, type Clock } from '../../core/index.ts';
import type { KubeClient, KubeObject, Resource } from '../../kube/index.ts';

/** Tokens for the page carry this audience: none of them is of use at the API server, and none for the API server is given to a page. */
export const pageAudience = 'rouse-page';

/** The right that reading the controller through the API server takes too (docs/explain.md): one right, whichever way somebody comes. */
const wanted = { namespace: systemNamespace, verb: 'get', group: '', resource: 'services', subresource: 'proxy', name: 'rouse-controller:metrics' };

interface AccessReview extends KubeObject {
  readonly spec: { readonly user: string; readonly groups: readonly string[]; readonly resourceAttributes: Readonly<Record<string, string>> };
  readonly status?: { readonly allowed?: boolean };
}

const accessReviews: Resource<AccessReview> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  plural: 'subjectaccessreviews',
  kind: 'SubjectAccessReview',
  namespaced: false,
};

/** A page asks again whenever somebody sorts or filters; who has lost the right is out after so long. */
const remembered = seconds(30);
const mostRemembered = 64;
/** Anybody may send tokens: the API server is not to be flooded with them. */
const mostAtOnce = 4;

/** Asks the API server who holds a token, and whether they may. */
export const pageAccess = (client: Pick<KubeClient, 'reviewToken' | 'create'>, clock: Pick<Clock, 'monotonic'>): PageAccess => {
  const allowed = new Map<string, number>();
  let underWay = 0;
  const review = async (token: string): Promise<AccessVerdict> => {
    const found = await client.reviewToken(token, [pageAudience]);
    if (!found.ok) return { kind: 'busy', detail: `the API server cannot be asked about the token: ${found.problem.message}` };
    if (found.value === undefined)
      return { kind: 'unknown', detail: `the API server does not know this token as one for the audience ${pageAudience}: it may have expired` };
    const { user, groups } = found.value;
    const access = await client.create(accessReviews, { spec: { user, groups, resourceAttributes: wanted } });
    if (!access.ok) return { kind: 'busy', detail: `the API server cannot be asked what ${user} may: ${access.problem.message}` };
    if (access.value.status?.allowed === true) return { kind: 'allowed' };
    return {
      kind: 'forbidden',
      detail: `${user} may not get services/proxy "${wanted.name}" in namespace ${wanted.namespace} (docs/live-page.md shows the Role)`,
    };
  };
  return {
    kind: 'token',
    check: async (token) => {
      const digest = createHash('sha256').update(token).digest('base64');
      const now = clock.monotonic();
      if ((allowed.get(digest) ?? -Infinity) > now) return { kind: 'allowed' };
      if (underWay >= mostAtOnce) return { kind: 'busy', detail: 'many tokens are looked at: try again in a moment' };
      underWay += 1;
      const verdict = await review(token).finally(() => (underWay -= 1));
      allowed.delete(digest);
      if (verdict.kind !== 'allowed') return verdict;
      allowed.set(digest, now + remembered);
      const [oldest] = allowed.keys();
      if (allowed.size > mostRemembered && oldest !== undefined) allowed.delete(oldest);
      return verdict;
    },
  };
};
