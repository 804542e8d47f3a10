import { createSocket, type Socket } from 'node:dgram';
import { createServer } from 'node:net';
import { millis, type Clock, type Random, type Timer } from '../../../core/index.ts';
import { KubeletError } from '../errors.ts';

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Below the ephemeral ports of every system, below NodePorts and the ports of gateways: nobody takes them by chance. */
export const defaultRange: PortRange = { first: 10_000, last: 19_999 };

/** Ports checked and kept ready, so that a pod does not wait for it. */
const keptReady = 16;
const refillAfter = millis(200);

/** A free TCP port, ours until `release`. */
export interface LeasedPort {
  readonly port: number;
  release(): void;
}

/** Two kubelets of one machine never hold the same port: whoever holds UDP `port` of 127.0.0.1 has the right to TCP `port`. The kernel drops it with the process. */
const lock = (port: number): Promise<Socket | undefined> =>
  new Promise((resolve) => {
    const socket = createSocket({ type: 'udp4', reuseAddr: false });
    socket.once('error', () => {
      socket.close();
      resolve(undefined);
    });
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => {
      socket.unref();
      resolve(socket);
    });
  });

/** True if a program could listen there, on all addresses as well as on 127.0.0.1. */
const canListen = (port: number, host: string): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ port, host, exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });

/** Ports on 127.0.0.1 for pods, handed out in turn, so that one comes again as late as possible. */
export class PortPool {
  readonly #clock: Clock;
  readonly #range: PortRange;
  readonly #ready: LeasedPort[] = [];
  readonly #held = new Set<Socket>();
  #next: number;
  #filling: Promise<void> | undefined;
  #refill: Timer | undefined;
  #closed = false;

  constructor(range: PortRange, clock: Clock, random: Random) {
    this.#clock = clock;
    this.#range = range;
    this.#next = range.first + Math.floor(random() * (range.last - range.first + 1));
    this.#fill();
  }

  /** Throws `no-free-port` when the whole range is taken. */
  async take(): Promise<LeasedPort> {
    const leased = this.#ready.shift() ?? (await this.#find());
    // Later: the pod that this port is for is being started right now.
    this.#refill ??= this.#clock.after(refillAfter, () => {
      this.#refill = undefined;
      this.#fill();
    });
    return leased;
  }

  close(): void {
    this.#closed = true;
    this.#refill?.cancel();
    for (const socket of this.#held) socket.close();
    this.#held.clear();
  }

  #fill(): void {
    if (this.#filling !== undefined || this.#closed) return;
    this.#filling = this.#fillUp()
      .catch(() => undefined)
      .finally(() => {
        this.#filling = undefined;
      });
  }

  async #fillUp(): Promise<void> {
    while (this.#ready.length < keptReady && !this.#closed) this.#ready.push(await this.#find());
  }

  async #find(): Promise<LeasedPort> {
    const size = this.#range.last - this.#range.first + 1;
    for (let tried = 0; tried < size; tried += 1) {
      const port = this.#next;
      this.#next = port === this.#range.last ? this.#range.first : port + 1;
      const leased = await this.#lease(port);
      if (leased !== undefined) return leased;
    }
    throw new KubeletError('no-free-port', `no free port is left for a pod: all of ${this.#range.first}–${this.#range.last} are taken`, { retryable: true });
  }

  async #lease(port: number): Promise<LeasedPort | undefined> {
    const socket = await lock(port);
    if (socket === undefined) return undefined;
    if (this.#closed || !(await canListen(port, '0.0.0.0')) || !(await canListen(port, '127.0.0.1'))) {
      socket.close();
      return undefined;
    }
    this.#held.add(socket);
    const release = (): void => {
      if (this.#held.delete(socket)) socket.close();
    };
    return { port, release };
  }
}
