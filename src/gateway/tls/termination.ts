import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { Clock } from '../../core/index.ts';
import type { TlsFailure } from '../counters.ts';
import { printAnswer, problemAnswer } from '../http1/problem.ts';
import { tcpOf } from '../peer.ts';
import { malformed } from '../refusals.ts';
import type { Certificates } from './certificates.ts';
import { protocolOptions } from './key-pair.ts';

/** What client and gateway have agreed upon (ALPN); undefined where the client has offered nothing. */
export type Agreed = 'h2' | 'http/1.1' | undefined;
/** Begins TLS over a connection; says by `secured` or `failed` what became of it, or nothing where the client leaves. */
export type BeginTls = (tcp: Socket, secured: (tls: Socket, agreed: Agreed) => void, failed: (failure: TlsFailure) => void) => void;

/** A fatal alert, unrecognized_name (RFC 8446 §6, RFC 6066 §3), as a record of its own; Node has no way to send one. */
const unrecognizedName = Buffer.from([21, 3, 3, 0, 2, 2, 112]);
class UnrecognizedName extends Error {}

/** HTTP/2 and HTTP/1.1 over TLS by the certificates in force at each handshake. Handshakes take as long as whoever begins them lets them. */
export const createTlsTermination = (certificates: Certificates, clock: Clock): BeginTls => {
  const begun = new WeakMap<Socket, { readonly secured: (tls: Socket, agreed: Agreed) => void; readonly failed: (failure: TlsFailure) => void }>();
  const server = createServer({
    ...protocolOptions,
    // Best first; a client that offers neither is refused (RFC 7301 §3.2).
    ALPNProtocols: ['h2', 'http/1.1'] satisfies Agreed[],
    SNICallback(this: TLSSocket, serverName, found) {
      const context = certificates.find(serverName);
      if (context !== undefined || certificates.fallback !== undefined) found(null, context);
      else {
        tcpOf(this).write(unrecognizedName);
        found(new UnrecognizedName(serverName));
      }
    },
  });
  certificates.changed = () => server.setSecureContext(certificates.fallback?.options ?? protocolOptions);
  certificates.changed();
  server.on('secureConnection', (tls) => {
    // Told by now whether a client that ends its side is gone: from here on it may still wait for its answer.
    tls.allowHalfOpen = true;
    const { alpnProtocol } = tls;
    begun.get(tcpOf(tls))?.secured(tls, alpnProtocol === 'h2' || alpnProtocol === 'http/1.1' ? alpnProtocol : undefined);
  });
  server.on('tlsClientError', (error: Error & { readonly code?: string }, tls) => {
    const tcp = tcpOf(tls);
    if (error.code === 'ECONNRESET') return;
    if (error.code === 'ERR_SSL_HTTP_REQUEST') {
      const refusal = malformed('this port speaks HTTPS, and the request came without TLS');
      tcp.write(printAnswer(problemAnswer(refusal), new Date(clock.now()).toUTCString(), 'close'), 'latin1');
      return begun.get(tcp)?.failed('plain-http');
    }
    begun.get(tcp)?.failed(error instanceof UnrecognizedName ? 'tls-unrecognized-name' : 'tls-handshake-failed');
  });
  return (tcp, secured, failed) => {
    begun.set(tcp, { secured, failed });
    // Until HTTP begins, a client that ends its side is gone.
    tcp.allowHalfOpen = false;
    server.emit('connection', tcp);
  };
};
