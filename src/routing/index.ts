/**
 * How traffic is pointed: which Services and pods are a workload's, what the gateways have to know of them, and the takeover and hand-back of Services.
 * It never scales anything and never touches a request. Every replica of the controller publishes the same routes; only the leader writes.
 * Start with `routing.ts` (the loop), then `takeover.ts` and `hand-back.ts` (the steps), `world.ts` (who belongs to whom) and `route-snapshots.ts`.
 */
export { GatewayPods, LostGateways } from './gateway-pods.ts';
export { rangeAllotter } from './gateway-ports.ts';
export { heldServices } from './hand-back.ts';
export type {
  PortAllotter,
  RouteChange,
  RoutedWorkload,
  RoutePublisher,
  RoutingNotice,
  WakeContextSource,
  WakeFailureSource,
  WorkloadSource,
} from './ports.ts';
export type { RoutingOptions, RoutingTiming } from './options.ts';
export { createRouting, type Routing } from './routing.ts';
export type { RoutingSnapshots } from './world.ts';
