import { messageOf, type ListenerRoute, type Logger, type Protocol, type WorkloadKey, type WorkloadRoute } from '../core/index.ts';
import type { RouteProblem } from '../link/index.ts';
import type { Refusal } from './call.ts';
import type { HttpEntry } from './http-entry.ts';
import { HttpListener, type HttpSurroundings } from './http1/listener.ts';
import { TcpListener } from './tcp.ts';
import type { WorkloadGate } from './workload-gate.ts';

export interface ListenerSurroundings extends HttpSurroundings {
  readonly logger: Logger;
  /** Where ports are opened whose route names no address; undefined: on every one of this host. */
  readonly host: string | undefined;
  unrouted(refusal: Refusal): void;
}

type AnyListener = HttpListener | TcpListener;

interface Open {
  readonly listener: AnyListener;
  readonly protocol: Protocol;
  readonly route: ListenerRoute;
  gate: WorkloadGate;
}

const keyOf = ({ address, port }: ListenerRoute): string => `${address ?? '*'} ${port}`;

/** The ports of all workloads: opened and closed as routes say. Closing one never cuts what goes through it. */
export class Listeners {
  readonly #around: ListenerSurroundings;
  readonly #open = new Map<string, Open>();
  readonly #closing = new Set<AnyListener>();
  #problems: RouteProblem[] = [];

  constructor(around: ListenerSurroundings) {
    this.#around = around;
  }

  get problems(): readonly RouteProblem[] {
    return this.#problems;
  }

  /** Brings the open ports in line with the routes of `gates`. Resolves when every port that can be opened is open. */
  async reconcile(gates: ReadonlyMap<WorkloadKey, WorkloadGate>): Promise<void> {
    this.#problems = [];
    const wanted = new Map<string, { readonly route: ListenerRoute; readonly gate: WorkloadGate }>();
    for (const gate of gates.values())
      for (const route of gate.route.listeners) {
        const taken = wanted.get(keyOf(route));
        if (taken !== undefined) this.#problem(gate.route, route.port, `port ${route.port} is given to ${taken.gate.key} already`);
        else wanted.set(keyOf(route), { route, gate });
      }
    for (const [key, open] of this.#open) {
      const next = wanted.get(key);
      if (next === undefined || next.route.protocol !== open.protocol) this.#close(key, open);
      else this.#point(open, next.route, next.gate);
    }
    await Promise.all([...wanted].filter(([key]) => !this.#open.has(key)).map(([key, { route, gate }]) => this.#openOne(key, route, gate)));
  }

  sayGoodbye(): void {
    for (const { listener } of this.#open.values()) listener.sayGoodbye();
  }

  /** Closes every port; resolves when the last connection has ended. */
  async closeAll(): Promise<void> {
    for (const [key, open] of this.#open) this.#close(key, open);
    await Promise.all([...this.#closing].map((listener) => listener.close().catch(() => undefined)));
  }

  destroyAll(): void {
    for (const listener of this.#closing) listener.destroy();
    for (const { listener } of this.#open.values()) listener.destroy();
  }

  async #openOne(key: string, route: ListenerRoute, gate: WorkloadGate): Promise<void> {
    const { address, port, protocol } = route;
    try {
      const listener = await this.#make(route, gate);
      await listener.open(address ?? this.#around.host, port);
      this.#open.set(key, { listener, protocol, route, gate });
    } catch (error) {
      this.#problem(gate.route, port, `port ${port} cannot be opened: ${messageOf(error)}`);
    }
  }

  async #make({ protocol, target }: ListenerRoute, gate: WorkloadGate): Promise<AnyListener> {
    if (protocol === 'tcp') return new TcpListener({ gate, target }, this.#around);
    const listener = new HttpListener(this.#entry(gate, target, protocol), this.#around);
    if (protocol !== 'http1') await listener.prepareHttp2();
    return listener;
  }

  #point(open: Open, { target, protocol }: ListenerRoute, gate: WorkloadGate): void {
    open.gate = gate;
    if (open.listener instanceof TcpListener) open.listener.entry = { gate, target };
    else if (protocol !== 'tcp') open.listener.entry = this.#entry(gate, target, protocol);
  }

  /** Of a port of its own: whatever comes in is for the one workload. */
  #entry(gate: WorkloadGate, target: string, protocol: Exclude<Protocol, 'tcp'>): HttpEntry {
    const destination = { gate, target, protocol };
    return { edge: false, find: () => destination, unrouted: (refusal) => this.#around.unrouted(refusal) };
  }

  #close(key: string, { listener }: Open): void {
    this.#open.delete(key);
    this.#closing.add(listener);
    void listener.close().finally(() => this.#closing.delete(listener));
  }

  #problem({ workload }: WorkloadRoute, port: number, message: string): void {
    this.#around.logger.error('a route cannot be served', { workload, port, message });
    this.#problems.push({ workload, port, message });
  }
}
