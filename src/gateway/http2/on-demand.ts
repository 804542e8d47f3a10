import type { Clock } from '../../core/index.ts';
import type { Pod } from '../pod.ts';
import type { ClientSessions, SessionPort } from './client-sessions.ts';
import type { PodSessions } from './pod-sessions.ts';

/** The door to HTTP/2. What is behind it is loaded with the first port or connection that needs it: most gateways serve HTTP/1.1 alone. */
export class Http2OnDemand {
  readonly #clock: Clock;
  #sessions: PodSessions | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** For the clients of one port. */
  async clientsOf(port: SessionPort): Promise<ClientSessions> {
    const [{ ClientSessions: Sessions }, { createPodSessions }] = await Promise.all([import('./client-sessions.ts'), import('./pod-sessions.ts')]);
    this.#sessions ??= createPodSessions(this.#clock);
    return new Sessions(port, this.#sessions);
  }

  /** It takes nothing new: whoever waits for a connection to it goes elsewhere. */
  turnAway(pod: Pod): void {
    for (const pool of this.#sessions?.to(pod) ?? []) pool.turnAway();
  }

  /** Idle connections to it are closed; calls in flight run to their end. */
  forget(pod: Pod): void {
    this.#sessions?.forget(pod);
  }

  close(): void {
    this.#sessions?.close();
  }
}
