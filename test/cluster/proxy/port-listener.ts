import { connect, createServer, type Server, type Socket } from 'node:net';
import { isOfNodes } from '../harness/addresses.ts';
import type { ServicePort } from './backends.ts';

/**
 * Takes the connections of one ClusterIP and port. Where there is no backend nothing listens, so that a client is refused as kube-proxy refuses it.
 * Connections that are made stay where they are, whatever becomes of the endpoints.
 */
export class PortListener {
  #target: ServicePort;
  #server: Server | undefined;
  /** Client address → its backend and when it was last used. */
  readonly #affinity = new Map<string, { readonly index: string; at: number }>();

  constructor(target: ServicePort) {
    this.#target = target;
    this.update(target);
  }

  update(target: ServicePort): void {
    this.#target = target;
    if (target.backends.length === 0) this.close();
    else this.#server ??= this.#listen();
  }

  close(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  #listen(): Server {
    const { address, port } = this.#target;
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
      this.#forward(client);
    });
    server.on('error', (failure) => {
      process.stderr.write(`${address}:${port}: ${failure.message}\n`);
      if (this.#server === server) this.#server = undefined;
    });
    server.listen({ host: address, port, backlog: 4096 });
    return server;
  }

  #forward(client: Socket): void {
    const backend = this.#choose(client.remoteAddress ?? '');
    if (backend === undefined || client.remoteAddress === undefined) {
      client.resetAndDestroy();
      return;
    }
    // From the client's own address where that is local here too: the backend sees who it is, as it does behind kube-proxy. A pod's is not.
    const from = isOfNodes(client.remoteAddress) ? {} : { localAddress: client.remoteAddress };
    const upstream = connect({ host: backend.address, port: backend.port, ...from, allowHalfOpen: true, noDelay: true });
    client.on('error', () => upstream.resetAndDestroy());
    upstream.on('error', () => client.resetAndDestroy());
    upstream.on('connect', () => {
      client.pipe(upstream);
      upstream.pipe(client);
    });
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroySoon());
  }

  #choose(client: string): ServicePort['backends'][number] | undefined {
    const { backends, affinityMs } = this.#target;
    const random = backends[Math.floor(Math.random() * backends.length)];
    if (affinityMs === undefined || random === undefined) return random;
    const now = performance.now();
    const before = this.#affinity.get(client);
    const kept = before !== undefined && now - before.at < affinityMs ? backends.find(({ address, port }) => `${address} ${port}` === before.index) : undefined;
    const chosen = kept ?? random;
    this.#affinity.set(client, { index: `${chosen.address} ${chosen.port}`, at: now });
    return chosen;
  }
}
