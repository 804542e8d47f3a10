import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../core/index.ts';
import { Call } from './call.ts';
import { connectDeadline } from './pod-deadline.ts';
import { portOf, type ListeningSockets, type OpenListener } from './open-listener.ts';
import type { Pod } from './pod.ts';
import { connectionStatus } from './refusals.ts';
import { breakOff, bytesThrough, keepAlive, splice } from './splice.ts';
import type { WorkloadGate } from './workload-gate.ts';

export interface TcpEntry {
  readonly gate: WorkloadGate;
  readonly target: string;
}

export interface TcpSurroundings {
  readonly clock: Clock;
  connections(change: 1 | -1): void;
  readonly sockets: ListeningSockets;
}

/** Any protocol by port: a connection wakes the workload, counts as one request for as long as it is open, and is joined to one of a pod. */
export class TcpListener implements OpenListener {
  entry: TcpEntry;
  readonly #around: TcpSurroundings;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(entry: TcpEntry, around: TcpSurroundings) {
    this.entry = entry;
    this.#around = around;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      around.connections(1);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        around.connections(-1);
      });
      const { gate, target } = this.entry;
      gate.admit(new TcpCall(socket, target, around.clock, gate.route.idleTimeoutMs));
    });
  }

  get port(): number {
    return portOf(this.#server);
  }

  open(address: string | undefined, port: number): Promise<void> {
    return this.#around.sockets.listen(this.#server, address, port);
  }

  sayGoodbye(): void {
    // There is no way to tell a client of an unknown protocol.
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#around.sockets.close(this.#server, resolve));
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** A socket and a call. Nothing is read before the pod's connection is there. */
const connectionBytes = 8 * 1024;

class TcpCall extends Call {
  readonly request = undefined;
  readonly clientAddress: string;
  readonly target: string;
  readonly heldBytes = connectionBytes;
  readonly #client: Socket;
  readonly #clock: Clock;
  readonly #idleTimeoutMs: number;
  #upstream: Socket | undefined;
  #joined = false;
  #over = false;
  #bytes = 0;
  #movedAt = 0;

  constructor(client: Socket, target: string, clock: Clock, idleTimeoutMs: number) {
    super();
    this.#client = client;
    this.target = target;
    this.#clock = clock;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.clientAddress = client.remoteAddress ?? '';
    client.on('error', () => client.destroy());
    client.on('close', () => {
      if (!this.#joined) this.#gone();
    });
  }

  get requestBytes(): number {
    return this.#joined ? this.#client.bytesRead : 0;
  }

  get responseBytes(): number {
    return this.#upstream?.bytesRead ?? 0;
  }

  start(pod: Pod, port: number): void {
    const upstream = connect({ host: pod.route.address, port, allowHalfOpen: true, noDelay: true });
    this.#upstream = upstream;
    let failed = false;
    const unreachable = (problem: string): void => {
      if (failed || this.#over) return;
      failed = true;
      upstream.destroy();
      this.progress?.unreachable(this, problem);
    };
    const timer = connectDeadline(this.#clock, () => unreachable('no answer to the connection attempt'));
    const onError = (error: Error): void => {
      timer.cancel();
      unreachable(error.message);
    };
    upstream.once('error', onError);
    upstream.once('connect', () => {
      timer.cancel();
      if (failed) return;
      upstream.off('error', onError);
      this.#join(upstream);
    });
  }

  /** There is no answer that every protocol understands: the connection is reset. */
  refuse(): void {
    breakOff(this.#client);
    this.#finish();
  }

  timedOut(now: number): void {
    if (this.#upstream === undefined || !this.#joined) return;
    const bytes = bytesThrough(this.#client, this.#upstream);
    if (bytes !== this.#bytes) this.#movedAt = now;
    this.#bytes = bytes;
    if (now >= this.#movedAt + this.#idleTimeoutMs) this.cut();
    else this.dueAt = now + Math.max(50, this.#idleTimeoutMs / 4);
  }

  cut(): void {
    breakOff(this.#client);
    if (this.#upstream !== undefined) breakOff(this.#upstream);
  }

  #join(upstream: Socket): void {
    this.#joined = true;
    keepAlive(this.#client);
    keepAlive(upstream);
    this.progress?.answering(this, connectionStatus);
    this.#movedAt = this.#clock.monotonic();
    if (this.#idleTimeoutMs > 0) this.dueAt = this.#movedAt + this.#idleTimeoutMs;
    splice(this.#client, upstream, () => this.#finish());
  }

  #gone(): void {
    if (this.#over) return;
    this.#upstream?.destroy();
    this.#over = true;
    if (this.state === 'held') this.progress?.abandoned(this);
    else this.progress?.ended(this, connectionStatus);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.progress?.ended(this, connectionStatus);
  }
}
