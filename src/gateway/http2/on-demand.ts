import type { Clock } from '../../core/index.ts';
import type { AccessLog } from '../access-log/access-log.ts';
import type { ListeningSockets } from '../open-listener.ts';
import type { Pod } from '../pod.ts';
import type { Http2Entry, Http2Listener } from './listener.ts';
import type { PodSessions } from './pod-sessions.ts';

export interface OnDemandSurroundings {
  readonly clock: Clock;
  readonly accessLog: AccessLog | undefined;
  connections(change: 1 | -1): void;
  readonly sockets: ListeningSockets;
}

/** The door to HTTP/2. What is behind it is loaded with the first listener that needs it: most gateways serve HTTP/1.1 alone. */
export class Http2OnDemand {
  readonly #around: OnDemandSurroundings;
  #sessions: PodSessions | undefined;

  constructor(around: OnDemandSurroundings) {
    this.#around = around;
  }

  async listener(entry: Http2Entry): Promise<Http2Listener> {
    const [{ Http2Listener: Listener }, { createPodSessions }] = await Promise.all([import('./listener.ts'), import('./pod-sessions.ts')]);
    this.#sessions ??= createPodSessions(this.#around.clock);
    return new Listener(entry, { ...this.#around, sessions: this.#sessions });
  }

  /** Idle connections to it are closed; calls in flight run to their end. */
  forget(pod: Pod): void {
    this.#sessions?.forget(pod);
  }

  close(): void {
    this.#sessions?.close();
  }
}
