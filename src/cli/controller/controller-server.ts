import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import { isIP } from 'node:net';
import { fieldManager, systemNamespace, workloadKey } from '../../core/index.ts';
import type { KubeClient } from '../../kube/index.ts';
import type { LinkServer } from '../../link/index.ts';
import type { ControllerInstruments } from '../../metrics/index.ts';
import type { WorkloadKinds, WorkloadRegistry } from '../../scaler/index.ts';
import { autoscalerLookup, createWebhookApp, type WebhookAddress } from '../../webhooks/index.ts';
import type { CertificateKeeper, CertificateKeeperOptions } from './certificate-keeper.ts';
import type { ClusterWatches } from './cluster-watches.ts';
import type { ControllerOptions } from './controller-options.ts';
import type { LazyFormulas } from './formulas.ts';
import { admittedKinds } from './further-kinds.ts';
import { listenOn } from '../listen.ts';
import type { Placing } from './placing.ts';

/** Webhooks, extender and link, over TLS, on one port. */
export interface ControllerServer {
  readonly port: number;
  /** Where the API server is to call the webhooks. */
  webhookAddress(): WebhookAddress;
  close(): Promise<void>;
}

interface Around {
  readonly options: ControllerOptions;
  readonly client: KubeClient;
  readonly watches: ClusterWatches;
  readonly formulas: LazyFormulas;
  readonly registry: WorkloadRegistry;
  readonly kinds: WorkloadKinds;
  readonly link: LinkServer;
  readonly certificates: CertificateKeeper;
  readonly placing: Placing | undefined;
  readonly instruments: Pick<ControllerInstruments, 'reviewed'>;
}

/** The Service by which the API server calls the webhooks, and the one by which gateways find every replica. */
const services = ['rouse-controller', 'rouse-link'];
const names = ['localhost', ...services.flatMap((name) => [name, `${name}.${systemNamespace}`, `${name}.${systemNamespace}.svc`])];
/** What controllers are in a cluster: other replicas may be that while we run as somebody else, outside. */
const controllerUser = `system:serviceaccount:${systemNamespace}:rouse-controller`;

/** What a controller's certificate says it is. */
export const servingNames = ({ advertise }: Pick<ControllerOptions, 'advertise'>): CertificateKeeperOptions['names'] => ({
  commonName: 'rouse-controller',
  dnsNames: advertise === undefined || isIP(advertise) > 0 ? names : [...names, advertise],
  ipAddresses: ['127.0.0.1', ...(advertise !== undefined && isIP(advertise) > 0 ? [advertise] : [])],
});

export const startControllerServer = async (around: Around): Promise<ControllerServer> => {
  const { options, certificates, link } = around;
  const { advertise, listen } = options;
  const server = secureServer(certificates, webhooks(around));
  link.attach(server);
  const port = await listenOn(server, listen);
  return {
    port,
    webhookAddress: () => {
      const caBundle = Buffer.from(certificates.caPem).toString('base64');
      return advertise === undefined
        ? { service: { namespace: systemNamespace, name: 'rouse-controller', port: listen.port }, caBundle }
        : { url: `https://${isIP(advertise) === 6 ? `[${advertise}]` : advertise}:${port}`, caBundle };
    },
    close: () => close(server, link),
  };
};

/** Gateways and API servers open a few each. Nobody has shown who they are when they connect, so there is an end to it. */
const mostConnections = 1024;
/** For the TLS handshake, and for a whole request: the API server itself waits 2 s. */
const patienceMs = 10_000;

/**
 * Longer than Go's clients keep a connection that they do not use (net/http: `DefaultTransport.IdleConnTimeout`, 90 s). So it is they who close it: a scheduler finds
 * none closed under its call, and needs no new handshake within its 30 ms.
 */
const keptMs = 100_000;

/** A TLS server with the newest certificate that keeps strangers' connections within bounds, in number and in time. */
export const secureServer = (certificates: Pick<CertificateKeeper, 'serving' | 'onChange'>, handler: RequestListener, most = mostConnections): Server => {
  const limits = { handshakeTimeout: patienceMs, requestTimeout: patienceMs, connectionsCheckingInterval: 1000, keepAliveTimeout: keptMs };
  const server = createServer({ ...served(certificates), ...limits }, handler);
  server.maxConnections = most;
  // Connections that are open stay as they are; new ones get the new certificate.
  certificates.onChange(() => server.setSecureContext(served(certificates)));
  return server;
};

const served = ({ serving: { certificatePem, keyPem } }: Pick<CertificateKeeper, 'serving'>): { cert: string; key: string } => ({
  cert: certificatePem,
  key: keyPem,
});

/** What the API server calls, and what schedulers call. */
const webhooks = (around: Around): RequestListener => {
  const [admission, extender] = [admissionApp(around), around.placing?.extender.app];
  if (extender === undefined) return admission;
  return (request, response) => {
    if (request.url?.startsWith('/extender/') === true) extender(request, response);
    else admission(request, response);
  };
};

const admissionApp = ({ options, client, watches, formulas, registry, kinds, placing, instruments }: Around): ReturnType<typeof createWebhookApp> =>
  createWebhookApp({
    isSelf: ({ user, fieldManager: manager }) => user === controllerUser || (user === options.user && manager === fieldManager),
    inherited: (namespace) => ({
      cluster: registry.config.defaults,
      namespace: watches.namespaces.get(namespace)?.annotations ?? {},
      checkFormula: formulas.check,
      maxScaleLimit: registry.config.maxScaleLimit,
      places: placing !== undefined,
    }),
    servicesIn: (namespace) => watches.services.inNamespace(namespace),
    kinds: () => admittedKinds(kinds),
    autoscalerOf: autoscalerLookup(client, () => admittedKinds(kinds)),
    onboarded: (ref) => registry.get(workloadKey(ref))?.spec,
    handsBackAll: () => registry.handsBackAll,
    ...(placing === undefined ? {} : { placement: placing.pods }),
    loadFormulas: () => formulas.load().then(() => undefined),
    answered: (webhook, outcome, tookMs) => instruments.reviewed(webhook, outcome, tookMs),
    clock: options.clock,
    logger: options.logger.child({ part: 'webhooks' }),
  });

const close = async (server: Server, link: LinkServer): Promise<void> => {
  link.close();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
};
