import { systemNamespace } from '../../core/index.ts';
import { podView, resources, watchResource, type PodView, type ResourceWatch } from '../../kube/index.ts';
import type { ControllerOptions } from './controller-options.ts';

/** The labels that `deploy/` gives the gateways' pods. */
const gatewayLabels = 'app.kubernetes.io/name=rouse,app.kubernetes.io/component=gateway';

/** The gateways' own pods: whether a gateway that has lost its link can still be alive. Nothing waits for it; where it cannot be read, that stays unknown. */
export const watchGatewayPods = ({ connection, clock, random, logger }: ControllerOptions): ResourceWatch<PodView> =>
  watchResource({
    connection,
    clock,
    random,
    logger: logger.child({ part: 'gateway-pods' }),
    resource: resources.pods,
    selection: { namespace: systemNamespace, labelSelector: gatewayLabels },
    view: podView,
  });
