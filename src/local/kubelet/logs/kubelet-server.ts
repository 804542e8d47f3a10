import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { createAuthority } from '../../../certificates/index.ts';
import { messageOf, type Clock, type Logger } from '../../../core/index.ts';
import type { PodLogSource } from '../../embedded/pod-log-source.ts';

export interface KubeletServerOptions {
  readonly host: string;
  readonly port: number;
  readonly logs: PodLogSource;
  /** `namespace/name` of a pod → its uid; undefined: it is not here. */
  readonly uidOf: (pod: string) => string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface KubeletServer {
  close(): void;
}

/**
 * What an API server asks a kubelet for on behalf of `kubectl logs`: `GET /containerLogs/NAMESPACE/POD/CONTAINER`, with the options of PodLogOptions as they come
 * (kubernetes `pkg/kubelet/server`). Serves whoever reaches it: it belongs into a network that only the cluster is in.
 */
export const startKubeletServer = async ({ host, port, logs, uidOf, clock, logger }: KubeletServerOptions): Promise<KubeletServer> => {
  const authority = await createAuthority({ commonName: 'kubelet', clock, validDays: 365 });
  const { certificatePem, keyPem } = await authority.issue({ commonName: 'kubelet', ipAddresses: [host], validDays: 365 });
  const server = createServer({ cert: certificatePem, key: keyPem }, (request, response) => {
    answer(request, response, { logs, uidOf, clock }).catch((thrown: unknown) => {
      logger.warn('a log could not be sent', { path: request.url, error: messageOf(thrown) });
      response.destroy();
    });
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
};

const answer = async (
  request: IncomingMessage,
  response: ServerResponse,
  { logs, uidOf, clock }: Pick<KubeletServerOptions, 'logs' | 'uidOf' | 'clock'>,
): Promise<void> => {
  const url = new URL(request.url ?? '/', 'https://kubelet');
  const [, section, namespace = '', pod = '', container = ''] = url.pathname.split('/').map(decodeURIComponent);
  const podUid = uidOf(`${namespace}/${pod}`);
  if (section !== 'containerLogs' || podUid === undefined) {
    response.writeHead(404).end(`pod does not exist: ${namespace}/${pod}\n`);
    return;
  }
  const ended = new AbortController();
  response.once('close', () => {
    ended.abort();
  });
  const number = (name: string): number | undefined => (url.searchParams.has(name) ? Number(url.searchParams.get(name)) : undefined);
  const sinceSeconds = number('sinceSeconds');
  const sinceTime = url.searchParams.get('sinceTime');
  const log = logs.open({
    namespace,
    pod,
    podUid,
    container,
    previous: url.searchParams.get('previous') === 'true',
    follow: url.searchParams.get('follow') === 'true',
    timestamps: url.searchParams.get('timestamps') === 'true',
    tailLines: number('tailLines'),
    sinceMs: sinceTime === null ? (sinceSeconds === undefined ? undefined : clock.now() - sinceSeconds * 1000) : Date.parse(sinceTime),
    limitBytes: number('limitBytes'),
    signal: ended.signal,
  });
  if (log.kind === 'missing') {
    response.writeHead(400).end(`${log.message}\n`);
    return;
  }
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  await pipeline(log.chunks, response).catch((thrown: unknown) => {
    if (!ended.signal.aborted) throw thrown;
  });
};
