import { systemNamespace, zoneLabel, type Logger } from '../../core/index.ts';
import { resources, type KubeClient } from '../../kube/index.ts';
import type { Authenticate } from '../../link/index.ts';

/** Tokens for the link carry this audience, so that a token for the API server is of no use here, and the other way round. */
export const linkAudience = 'rouse-controller';
const gatewayUser = `system:serviceaccount:${systemNamespace}:rouse-gateway`;

/**
 * Who is at the other end of a link: the token must be the gateways' and for us. Where the gateway can be reached comes from the pod that the
 * token is bound to; what it claims counts only with `allowExternal`.
 */
export const authenticateGateway =
  (client: KubeClient, logger: Logger, allowExternal: boolean): Authenticate =>
  async (token, claimed) => {
    if (token === undefined) return undefined;
    const review = await client.reviewToken(token, [linkAudience]);
    if (!review.ok) throw new Error(`the token cannot be reviewed: ${review.problem.message}`);
    const identity = review.value;
    if (identity?.user !== gatewayUser) {
      logger.warn('a link was asked for by somebody who is no gateway', { user: identity?.user });
      return undefined;
    }
    if (identity.podName === undefined) {
      if (!allowExternal || claimed.address === undefined) {
        logger.warn('a gateway outside the cluster was refused; --allow-external-gateways lets it in', { gateway: claimed.id });
        return undefined;
      }
      return { address: claimed.address, podName: undefined, podUid: undefined, nodeName: claimed.nodeName, zone: claimed.zone };
    }
    const pod = await client.get(resources.pods, { namespace: systemNamespace, name: identity.podName });
    if (!pod.ok) throw new Error(`the gateway's pod ${identity.podName} cannot be read: ${pod.problem.message}`);
    const { metadata, status, spec } = pod.value;
    if (metadata?.uid !== identity.podUid || status?.podIP === undefined) return undefined;
    const otherAddresses = (status.podIPs ?? []).flatMap(({ ip }) => (ip === undefined || ip === status.podIP ? [] : ip));
    return {
      address: status.podIP,
      otherAddresses,
      podName: metadata?.name,
      podUid: metadata?.uid,
      nodeName: spec?.nodeName,
      zone: metadata?.labels?.[zoneLabel],
    };
  };
