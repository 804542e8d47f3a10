import type { Clock, Logger, Random } from '../../../core/index.ts';
import type { InProcessApi } from '../in-process-api.ts';
import { ControllerContext } from './context.ts';
import { DeploymentController } from './deployment/controller.ts';
import { EndpointsController } from './endpoints/endpoints-controller.ts';
import { EndpointSliceMirroringController } from './endpoints/mirroring-controller.ts';
import { EndpointSliceController } from './endpoints/slice-controller.ts';
import { EveryObject } from './every-object.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { NamespaceController } from './namespace-controller.ts';
import { NamespaceFurniture } from './namespace-furniture.ts';
import { ReplicaSetController } from './replica-set/controller.ts';
import { Scheduler } from './scheduler.ts';
import { startStatefulSetStatus } from './stateful-set-status.ts';

export interface ControllersOptions {
  /** Published in every namespace as ConfigMap `kube-root-ca.crt`. */
  readonly caPem?: string;
}

/** Starts what kube-controller-manager and kube-scheduler do in a cluster, as far as the embedded one needs it. All of it ends with `close`. */
export const startControllers = (api: InProcessApi, clock: Clock, random: Random, logger: Logger, options: ControllersOptions = {}): { close(): void } => {
  const context = new ControllerContext(api, clock, random, logger);
  const every = new EveryObject(api);
  context.onClose(() => {
    every.close();
  });
  new DeploymentController(context);
  new ReplicaSetController(context);
  new Scheduler(context);
  new EndpointSliceController(context);
  new EndpointsController(context);
  new EndpointSliceMirroringController(context);
  new GarbageCollector(context, every);
  new NamespaceController(context, every);
  new NamespaceFurniture(context, options.caPem);
  startStatefulSetStatus(context);
  return {
    close: () => {
      context.close();
    },
  };
};
