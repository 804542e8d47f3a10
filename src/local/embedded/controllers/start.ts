import type { Clock, Logger, Random } from '../../../core/index.ts';
import type { InProcessApi } from '../in-process-api.ts';
import { ControllerContext } from './context.ts';
import { DeploymentController } from './deployment/controller.ts';
import { EndpointSliceController } from './endpoints/slice-controller.ts';
import { ReplicaSetController } from './replica-set/controller.ts';
import { Scheduler } from './scheduler.ts';

/** Starts what kube-controller-manager and kube-scheduler do in a cluster, as far as the embedded one needs it. All of it ends with `close`. */
export const startControllers = (api: InProcessApi, clock: Clock, random: Random, logger: Logger): { close(): void } => {
  const context = new ControllerContext(api, clock, random, logger);
  new DeploymentController(context);
  new ReplicaSetController(context);
  new Scheduler(context);
  new EndpointSliceController(context);
  return {
    close: () => {
      context.close();
    },
  };
};
