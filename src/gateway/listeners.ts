import { messageOf, type ListenerRoute, type Logger, type Protocol, type WorkloadKey } from '../core/index.ts';
import type { RouteProblem } from '../link/index.ts';
import type { Refusal } from './call.ts';
import type { HttpEntry } from './http-entry.ts';
import { HttpListener, type HttpSurroundings } from './http1/listener.ts';
import { PortClaims } from './port-claims.ts';
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

/** What a message of the system does not say. */
const adviceOn = (error: unknown): string =>
  error instanceof Error && 'code' in error && (error.code === 'EMFILE' || error.code === 'ENFILE')
    ? '; raise the limit of open files (ulimit -n, LimitNOFILE): each port takes one, each request two'
    : '';

/** The ports of all workloads: opened and closed as routes say. Closing one never cuts what goes through it. */
export class Listeners {
  readonly #around: ListenerSurroundings;
  readonly #open = new Map<string, Open>();
  readonly #closing = new Set<AnyListener>();
  readonly #claims = new PortClaims<WorkloadGate>();
  /** Ports that could not be opened. */
  readonly #failed = new Map<string, RouteProblem>();

  constructor(around: ListenerSurroundings) {
    this.#around = around;
  }

  get problems(): readonly RouteProblem[] {
    return [...this.#failed.values(), ...this.#claims.conflicts()];
  }

  /** Brings the open ports in line with the routes of those that have changed and of those that are gone. Resolves when every port that can be opened is open. */
  async reconcile(changed: Iterable<WorkloadGate>, gone: Iterable<WorkloadKey>): Promise<void> {
    // A port that could not be opened may be free by now.
    const touched = new Set(this.#failed.keys());
    for (const key of gone) for (const port of this.#claims.delete(key)) touched.add(port);
    for (const gate of changed)
      for (const port of this.#claims.set(gate)) {
        touched.add(port);
        for (const problem of this.#claims.conflicts(port)) if (problem.workload === gate.key) this.#tell(problem);
      }
    this.#failed.clear();
    const opening: Promise<void>[] = [];
    for (const port of touched) {
      const claim = this.#claims.of(port);
      const open = this.#open.get(port);
      if (open !== undefined && claim !== undefined && claim.route.protocol === open.protocol) this.#point(open, claim.route, claim.gate);
      else {
        if (open !== undefined) this.#close(port, open);
        if (claim !== undefined) opening.push(this.#openOne(port, claim.route, claim.gate));
      }
    }
    await Promise.all(opening);
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
      const problem = { workload: gate.key, port, message: `port ${port} cannot be opened: ${messageOf(error)}${adviceOn(error)}` };
      this.#failed.set(key, problem);
      this.#tell(problem);
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
    return { edge: false, http2Only: protocol !== 'http1', find: () => destination, unrouted: (refusal) => this.#around.unrouted(refusal) };
  }

  #close(key: string, { listener }: Open): void {
    this.#open.delete(key);
    this.#closing.add(listener);
    void listener.close().finally(() => this.#closing.delete(listener));
  }

  #tell(problem: RouteProblem): void {
    this.#around.logger.error('a route cannot be served', { ...problem });
  }
}
