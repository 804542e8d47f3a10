import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Scope {
  teardown(end: () => void): void;
}

/** Serves `handler` on loopback until the test is over; resolves with its URL. */
export const served = async (t: Scope, handler: RequestListener): Promise<string> => {
  const server = createServer(handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

/** Answers as a controller that leads does: `workloads` gives the rows of `GET /workloads`, anew each time. */
export const controllerOf =
  (workloads: () => readonly object[]): RequestListener =>
  (_request, response) =>
    void response
      .setHeader('rouse-leads', 'true')
      .setHeader('rouse-api-version', '1')
      .end(JSON.stringify({ workloads: workloads() }));

/** A row of `GET /workloads`. */
export const activeRow = {
  namespace: 'default',
  name: 'web',
  resource: 'deployments.apps',
  phase: 'active',
  mode: 'enforce',
  pause: 'none',
  desired: 1,
  replicas: 1,
  ready: 1,
  starting: 0,
  held: 0,
  inFlight: 0,
  reason: 'steady',
};
