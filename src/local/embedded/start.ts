import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { stringify } from 'yaml';
import { createAuthority } from '../../certificates/index.ts';
import type { Clock, Logger, Random } from '../../core/index.ts';
import { WebhookAdmission } from './admission/webhook-admission.ts';
import { bootstrap } from './bootstrap.ts';
import { expireEvents } from './event-expiry.ts';
import { requestListener } from './http/server.ts';
import { ApiError } from './api-error.ts';
import { apiAudience, Identity } from './identity/identity.ts';
import type { InProcessApi } from './in-process-api.ts';
import { Deleter } from './operations/delete.ts';
import { inProcessApi } from './operations/in-process.ts';
import type { Operations } from './operations/operations.ts';
import { Writer } from './operations/writer.ts';
import type { PodLogSource } from './pod-log-source.ts';
import type { PodUsageSource } from './pod-usage-source.ts';
import { findResource } from './registry.ts';
import { defaultLimits, ObjectStore, type StoreLimits } from './store/object-store.ts';

export interface EmbeddedApiOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** 0: any free port. */
  readonly httpsPort: number;
  /** Plain HTTP on 127.0.0.1, open to every tool of this machine; 0: any free port. Default: none. */
  readonly httpPort?: number | 'none';
  readonly logSource: PodLogSource;
  /** Left out: nothing is measured. */
  readonly usageSource?: PodUsageSource;
  /** How much is kept, where it is to be other than `defaultLimits`. */
  readonly limits?: Partial<StoreLimits>;
}

/** A running embedded API. */
export interface EmbeddedApi {
  readonly api: InProcessApi;
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
  /** `http://127.0.0.1:PORT`, if asked for. */
  readonly httpUrl: string | undefined;
  /** The authority behind the certificate of `url`. */
  readonly caPem: string;
  /** Bearer token of the administrator. */
  readonly adminToken: string;
  /** A kubeconfig (YAML) for the administrator, or for whom `token` is. */
  kubeconfig(token?: string): string;
  /** A token for a ServiceAccount that exists; without audiences it is for the API itself. */
  serviceAccountToken(namespace: string, name: string, audiences?: readonly string[]): string;
  /** Ends all watches and connections. */
  close(): Promise<void>;
}

const host = '127.0.0.1';
const certificateDays = 365;
const tokenSeconds = certificateDays * 24 * 3600;

/** Watches included: far more than the tools of one machine hold, far less than its file descriptors. */
const mostConnections = 2000;

const listen = (server: Server, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.maxConnections = mostConnections;
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const address: AddressInfo | string | null = server.address();
      resolve(address !== null && typeof address === 'object' ? address.port : port);
    });
  });

const stop = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });

/** Watches and logs stay open for long, and clients keep connections: only the time for the headers is bounded. */
const serverOptions = { requestTimeout: 0, headersTimeout: 30_000, keepAliveTimeout: 90_000 };

const operationsOf = (options: EmbeddedApiOptions): { readonly operations: Operations; readonly admission: WebhookAdmission } => {
  const { clock, random, logger, logSource, usageSource } = options;
  const store = new ObjectStore({ ...defaultLimits, ...options.limits }, Math.max(1, clock.now()));
  const admission = new WebhookAdmission({ store, clock, random, logger });
  const writer = new Writer({ store, admission, clock, random });
  const deleter = new Deleter({ store, admission, clock });
  return {
    operations: { store, writer, deleter, admission, identity: new Identity(store, clock), logs: logSource, usage: usageSource, clock, random, logger },
    admission,
  };
};

const kubeconfigText = (url: string, caPem: string, token: string): string =>
  stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'rouse-local',
    clusters: [{ name: 'rouse-local', cluster: { server: url, 'certificate-authority-data': Buffer.from(caPem).toString('base64') } }],
    users: [{ name: 'rouse-local', user: { token } }],
    contexts: [{ name: 'rouse-local', context: { cluster: 'rouse-local', user: 'rouse-local', namespace: 'default' } }],
  });

/** Starts the API on loopback. Rejects with the system's error where a port is not free. */
export const startEmbeddedApi = async (options: EmbeddedApiOptions): Promise<EmbeddedApi> => {
  const { operations, admission } = operationsOf(options);
  const closing = new AbortController();
  const authority = await createAuthority({ commonName: 'rouse local cluster', clock: options.clock, validDays: certificateDays });
  const serving = await authority.issue({
    commonName: 'kube-apiserver',
    dnsNames: ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'],
    ipAddresses: [host, '::1'],
    validDays: certificateDays,
  });
  const secure = createHttpsServer(
    { ...serverOptions, cert: serving.certificatePem, key: serving.keyPem, ALPNProtocols: ['http/1.1'] },
    requestListener(operations, true, closing.signal),
  );
  const plain =
    options.httpPort === undefined || options.httpPort === 'none'
      ? undefined
      : createHttpServer(serverOptions, requestListener(operations, false, closing.signal));
  await bootstrap(operations);
  const stopExpiry = expireEvents(operations.store, options.clock);
  const url = `https://${host}:${String(await listen(secure, options.httpsPort))}`;
  let httpUrl: string | undefined;
  try {
    if (plain !== undefined) httpUrl = `http://${host}:${String(await listen(plain, Number(options.httpPort)))}`;
  } catch (error) {
    await stop(secure);
    throw error;
  }
  const { adminToken } = operations.identity;
  return {
    api: inProcessApi(operations, operations.store),
    url,
    httpUrl,
    caPem: authority.certificatePem,
    adminToken,
    kubeconfig: (token = adminToken) => kubeconfigText(url, authority.certificatePem, token),
    serviceAccountToken: (namespace, name, audiences = [apiAudience]) => {
      const serviceAccounts = findResource('', 'v1', 'serviceaccounts');
      const account = serviceAccounts && operations.store.get(serviceAccounts, namespace, name);
      if (account === undefined) throw ApiError.notFound({ group: '', plural: 'serviceaccounts', kind: 'ServiceAccount' }, name);
      const { uid } = account.metadata;
      return operations.identity.mint({ namespace, serviceAccount: { name, uid }, pod: undefined, audiences, expirationSeconds: tokenSeconds }).token;
    },
    close: async () => {
      closing.abort();
      stopExpiry();
      await Promise.all([stop(secure), ...(plain === undefined ? [] : [stop(plain)])]);
      admission.close();
    },
  };
};
