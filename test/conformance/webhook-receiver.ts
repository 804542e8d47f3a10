import { createServer, type Server } from 'node:https';
import { isIP } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createAuthority } from '../../src/certificates/index.ts';
import { systemClock } from '../../src/core/index.ts';
import { at, textAt } from './json.ts';

/** The `response` of an AdmissionReview without its uid; a promise that never settles is a webhook that hangs. */
export type Handler = (request: unknown, url: URL) => object | Promise<object>;

/** An HTTPS server for AdmissionReviews, one path a webhook. */
export class Receiver {
  readonly caBundle: string;
  readonly #server: Server;
  readonly #host: string;
  readonly #handlers = new Map<string, Handler>();

  constructor(server: Server, host: string, caPem: string) {
    this.#server = server;
    this.#host = host;
    this.caBundle = Buffer.from(caPem).toString('base64');
    server.on('request', (incoming, answer) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const url = new URL(incoming.url ?? '/', 'https://webhook');
        void this.#answer(url, Buffer.concat(chunks).toString()).then(({ status, body }) => {
          answer.writeHead(status, { 'content-type': 'application/json' }).end(body);
        });
      });
    });
  }

  url(path: string): string {
    const address: AddressInfo | string | null = this.#server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    return `https://${this.#host.includes(':') ? `[${this.#host}]` : this.#host}:${port}/${path}`;
  }

  on(path: string, handler: Handler): () => void {
    this.#handlers.set(`/${path}`, handler);
    return () => {
      this.#handlers.delete(`/${path}`);
    };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  async #answer(url: URL, text: string): Promise<{ status: number; body: string }> {
    const handler = this.#handlers.get(url.pathname);
    if (handler === undefined) return { status: 404, body: '' };
    const review: unknown = JSON.parse(text);
    const request = at(review, 'request');
    const response = await handler(request, url);
    const uid = 'uid' in response ? {} : { uid: textAt(request, 'uid') };
    return { status: 200, body: JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { ...uid, ...response } }) };
  }
}

/** Starts the receiver with a certificate of an authority of its own. `host` is where the API server reaches us. */
export const startReceiver = async (host: string): Promise<Receiver> => {
  const authority = await createAuthority({ commonName: 'rouse conformance', clock: systemClock, validDays: 2 });
  const names = isIP(host) === 0 ? { dnsNames: [host] } : { ipAddresses: [host] };
  const { certificatePem, keyPem } = await authority.issue({ commonName: 'webhook', ...names, validDays: 1 });
  const server = createServer({ cert: certificatePem, key: keyPem });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, isIP(host) === 0 ? undefined : host, resolve);
  });
  return new Receiver(server, host, authority.certificatePem);
};
