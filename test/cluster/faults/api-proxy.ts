import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request as secureRequest } from 'node:https';
import type { Socket } from 'node:net';
import { createAuthority } from '../../../src/certificates/index.ts';
import { systemClock } from '../../../src/core/index.ts';

/** What becomes of a request: it is passed on, or answered by the proxy itself. */
export type Fate = 'pass' | { readonly status: number; readonly reason: string; readonly retryAfterSeconds?: number };

export interface ApiProxy {
  readonly url: string;
  readonly caPem: string;
  /** Decides for each request; passes all until told otherwise. */
  decide(fate: (request: { readonly method: string; readonly path: string; readonly isWatch: boolean }) => Fate): void;
  /** Cuts every watch that is open, without a word. Gives their number. */
  cutWatches(): number;
  /** Ends every watch with an ERROR event: its place is forgotten (410). Gives their number. */
  expireWatches(): number;
  close(): Promise<void>;
}

const status = (code: number, reason: string, message: string): string =>
  JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message });

/** An HTTPS proxy in front of the API server that makes trouble when asked to. Whoever comes keeps its own credentials. */
export const startApiProxy = async (server: { readonly url: string; readonly caPem: string }, host = '127.0.0.1'): Promise<ApiProxy> => {
  const authority = await createAuthority({ commonName: 'trouble', clock: systemClock, validDays: 1 });
  const { certificatePem, keyPem } = await authority.issue({ commonName: 'trouble', ipAddresses: [host], validDays: 1 });
  const agent = new Agent({ ca: server.caPem, keepAlive: true });
  /** Open watches, each with what the API server says to it. */
  const watches = new Map<ServerResponse, IncomingMessage>();
  const sockets = new Set<Socket>();
  let fate: Parameters<ApiProxy['decide']>[0] = () => 'pass';
  const pass = (incoming: IncomingMessage, outgoing: ServerResponse, isWatch: boolean): void => {
    const { method = 'GET', url = '/', headers } = incoming;
    const upstream = secureRequest(new URL(url, server.url), { method, headers, agent }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      if (isWatch) watches.set(outgoing, answer);
      answer.on('error', () => outgoing.destroy());
      answer.pipe(outgoing);
    });
    upstream.on('error', () => outgoing.destroy());
    outgoing.on('close', () => {
      watches.delete(outgoing);
      upstream.destroy();
    });
    incoming.pipe(upstream);
  };
  const proxy = createServer({ cert: certificatePem, key: keyPem }, (incoming, outgoing) => {
    const { method = 'GET', url = '/' } = incoming;
    const isWatch = /[?&]watch=(true|1)/.test(url);
    const what = fate({ method, path: url, isWatch });
    if (what === 'pass') {
      pass(incoming, outgoing, isWatch);
      return;
    }
    incoming.resume();
    outgoing.writeHead(what.status, {
      'content-type': 'application/json',
      ...(what.retryAfterSeconds === undefined ? {} : { 'retry-after': String(what.retryAfterSeconds) }),
    });
    outgoing.end(status(what.status, what.reason, 'trouble, as asked for'));
  });
  proxy.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  proxy.listen(0, host);
  await once(proxy, 'listening');
  const address = proxy.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `https://${host}:${port}`,
    caPem: authority.certificatePem,
    decide: (decision) => (fate = decision),
    cutWatches: () => {
      const cut = [...watches.keys()];
      for (const watch of cut) watch.destroy();
      return cut.length;
    },
    expireWatches: () => {
      const expired = [...watches];
      for (const [watch, answer] of expired) {
        // An event that comes until the end is out would be written after it, which ends this process.
        answer.unpipe(watch);
        watch.end(`${JSON.stringify({ type: 'ERROR', object: JSON.parse(status(410, 'Expired', 'too old resource version')) as unknown })}\n`);
      }
      return expired.length;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
      agent.destroy();
      await once(proxy, 'close');
    },
  };
};
