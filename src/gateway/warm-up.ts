import { millis, workloadKey, type Millis, type PodRoute, type RouteSnapshot, type WorkloadRoute } from '../core/index.ts';
import { createServer, get } from './node-http.ts';

/** What of a gateway is needed for that. */
export interface SpareGateway {
  readonly sharedPort: number | undefined;
  open(): Promise<void>;
  apply(snapshot: RouteSnapshot): Promise<unknown>;
  drain(options: { readonly settle: Millis; readonly limit: Millis }): Promise<unknown>;
}

const host = 'warm-up.invalid';

const routeTo = (port: number): WorkloadRoute => {
  const pod: PodRoute = {
    id: 'warm-up',
    name: 'warm-up',
    address: '127.0.0.1',
    ports: { http: port },
    state: 'starting',
    probe: { kind: 'tcp', port, timeoutMs: 1000 },
    revision: '',
  };
  return {
    workload: workloadKey({ resource: 'deployments.apps', namespace: 'warm-up', name: 'warm-up' }),
    listeners: [],
    hosts: [{ host, protocol: 'http1', target: 'http' }],
    pods: [pod],
    wakeFailure: undefined,
    containerConcurrency: undefined,
    holdQueueDepth: 1,
    holdTimeoutMs: 5000,
    waitingPage: false,
    requestTimeoutMs: 5000,
    responseStartTimeoutMs: 5000,
    idleTimeoutMs: 5000,
    ignoreRequests: [],
    sessionAffinity: 'none',
  };
};

const ask = (port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, headers: { host }, agent: false }, (response) => {
      response.on('end', resolve).on('error', reject);
      response.resume();
    });
    request.on('error', reject);
  });

/**
 * Sends a request through `gateway`, a spare one that is closed afterwards: the first request through a process that has just started would wait for the compilation of our path, which
 * would be added to somebody's cold start. One is enough; more of them cost memory that an idle gateway has no use for.
 */
export const warmUp = async (gateway: SpareGateway): Promise<void> => {
  const origin = createServer((_request, response) => response.end('warm'));
  try {
    const port = await new Promise<number>((resolve, reject) => {
      origin.on('error', reject);
      origin.listen(0, '127.0.0.1', () => {
        const address = origin.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    await gateway.open();
    await gateway.apply({ revision: 1, full: true, upsert: [routeTo(port)], remove: [] });
    await ask(gateway.sharedPort ?? 0);
  } finally {
    await gateway.drain({ settle: millis(0), limit: millis(0) });
    origin.close();
    origin.closeAllConnections();
  }
};
