/**
 * The data plane: accepts connections, finds the workload, meters, holds while nothing runs, picks a pod and forwards. It holds no Kubernetes credentials and
 * decides nothing about scale; all that it knows comes down the link (or out of a routes file), and it serves on when nobody is at the other end.
 * Start with `gateway.ts` (the parts and the life of the whole), then `workload-gate.ts` (a call's way from arrival to a pod), then `http1/exchange.ts`.
 */
export { compileAccessLog } from './access-log/template.ts';
export { type GatewayCounters, type HoldSeconds, type WorkloadCounters } from './counters.ts';
export { createGateway, type DrainOptions, type Gateway, type GatewayOptions, type GatewayUplink } from './gateway.ts';
export { holdSlots } from './hold-budget.ts';
export { backlog, listening, ownSockets, type ListeningSockets } from './open-listener.ts';
export { PokePace } from './poke-pace.ts';
export type { LoggedRequest } from './request.ts';
export type { PodChoice, PodFields, RequestClient, RequestTrace, TracedCall, TracedWorkload, Tracer } from './tracing.ts';
export { followRoutesFile, type FollowedRoutes, type FollowRoutesOptions } from './follow-routes-file.ts';
export { turn } from './turn.ts';
export type { EdgePortsOptions } from './edge-ports.ts';
export type { FollowedCertificates } from './tls/follow-certificates.ts';
export { followCertificates } from './tls/on-demand.ts';
