/**
 * The stream between gateways and controllers, over one WebSocket each: reports, pokes and acknowledgements up, route snapshots down.
 * It never decides anything and never touches traffic or the cluster; it makes sure that what one side says reaches the other once, in order, or that
 * its absence is noticed. Start with `messages.ts` (what crosses), then `server.ts` (the controller's side) and `client.ts` (the gateway's).
 */
export type { ApplyRoutes } from './believed-routes.ts';
export { createLinkClient, type ControllerAddress, type LinkClient, type LinkClientOptions } from './client.ts';
export type { Authenticate, GatewayIdentity } from './handshake.ts';
export { readDownMessage, readHello, readUpMessage, type GatewayClaim, type RouteProblem } from './messages.ts';
export type { RouteChange } from './published-routes.ts';
export { createLinkServer, type LinkListener, type LinkServer, type LinkServerOptions } from './server.ts';
