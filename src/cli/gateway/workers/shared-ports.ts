import type { PortProblem, SocketHandle } from './messages.ts';

/** A worker, as far as ports go. */
export interface PortUser {
  /** The port is not open yet: this one is to open it, and to say how that went. */
  open(key: string): void;
  take(key: string, handle: SocketHandle): void;
  refuse(key: string, problem: PortProblem): void;
}

interface Port {
  /** Undefined while `opener` is at it. */
  handle: SocketHandle | undefined;
  opener: PortUser | undefined;
  readonly waiting: PortUser[];
  readonly users: Set<PortUser>;
}

const takenHere: PortProblem = { code: 'EADDRINUSE', message: 'it is open already, for something else of this gateway' };

/**
 * The listening sockets of a gateway whose workers accept from them. The first worker that wants a port opens it, as a gateway that is alone would; the parent keeps the socket and
 * passes it on. So the end of a worker, however it comes, closes no socket: connections that the kernel has made and nobody has accepted yet wait for the next worker. A port is closed
 * when the last of its users has said that it is done with it.
 */
export class SharedPorts {
  readonly #ports = new Map<string, Port>();

  want(user: PortUser, key: string): void {
    const port = this.#ports.get(key);
    if (port === undefined) {
      this.#ports.set(key, { handle: undefined, opener: user, waiting: [], users: new Set() });
      user.open(key);
    } else if (port.handle === undefined) port.waiting.push(user);
    else this.#give(port, user, key, port.handle);
  }

  opened(user: PortUser, key: string, handle: SocketHandle): void {
    const port = this.#ports.get(key);
    if (port?.opener !== user) return handle.close();
    port.handle = handle;
    port.opener = undefined;
    port.users.add(user);
    for (const waiting of port.waiting.splice(0)) this.#give(port, waiting, key, handle);
  }

  /** It could not be opened, which will be no different for those that wait. */
  refused(user: PortUser, key: string, problem: PortProblem): void {
    const port = this.#ports.get(key);
    if (port?.opener !== user) return;
    this.#ports.delete(key);
    for (const waiting of port.waiting) waiting.refuse(key, problem);
  }

  closed(user: PortUser, key: string): void {
    const port = this.#ports.get(key);
    if (port?.users.delete(user) === true) this.#closeUnused(key, port);
  }

  /** The process has ended. What it alone used stays open for whoever comes in its place, until `closeUnused`. */
  gone(user: PortUser): void {
    for (const [key, port] of this.#ports) {
      port.users.delete(user);
      const at = port.waiting.indexOf(user);
      if (at !== -1) port.waiting.splice(at, 1);
      if (port.opener !== user) continue;
      port.opener = port.waiting.shift();
      if (port.opener === undefined) this.#ports.delete(key);
      else port.opener.open(key);
    }
  }

  /** Nobody is missing any more, so a port that nobody uses is one that no route wants. */
  closeUnused(): void {
    for (const [key, port] of this.#ports) this.#closeUnused(key, port);
  }

  #give(port: Port, user: PortUser, key: string, handle: SocketHandle): void {
    if (port.users.has(user)) return user.refuse(key, takenHere);
    port.users.add(user);
    user.take(key, handle);
  }

  #closeUnused(key: string, port: Port): void {
    if (port.handle === undefined || port.users.size > 0) return;
    this.#ports.delete(key);
    port.handle.close();
  }
}
