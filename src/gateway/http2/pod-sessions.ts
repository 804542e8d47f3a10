import type { Clock } from '../../core/index.ts';
import type { ConnectFailure, PodConnectionCounts } from '../counters.ts';
import { PodPools, type PodPool } from '../pod-pools.ts';
import { keepPodSessionIdleMs, mostPodSessions } from './limits.ts';
import { assumedStreams, PodSession, type SessionOwner, type SessionProblem } from './pod-session.ts';

/** Who wants a stream to a pod. */
export interface StreamTaker {
  /** There is room in this session: take it now. */
  opened(session: PodSession): void;
  /** No connection that could be used, so nothing was written. */
  unreachable(problem: string, failure?: ConnectFailure): void;
  /** The pod takes nothing new any more. */
  turnedAway(): void;
}

/** The connections to one port of one pod, and who waits for a stream in one of them. */
export class SessionPool implements SessionOwner, PodPool {
  /** The address as it stands in a URL. */
  readonly authority: string;
  readonly #clock: Clock;
  readonly #address: string;
  readonly #port: number;
  readonly #sessions: PodSession[] = [];
  readonly #waiting = new Set<StreamTaker>();
  /** What one session of this pod takes, as learnt from the last one. */
  #perSession = assumedStreams;
  readonly #counts: PodConnectionCounts;
  /** What of them is this pool's. */
  #countedOpen = 0;
  #countedIdle = 0;

  constructor(clock: Clock, address: string, port: number, counts: PodConnectionCounts) {
    this.#clock = clock;
    this.#address = address;
    this.#port = port;
    this.#counts = counts;
    this.authority = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  }

  /** Gives a stream to `taker`, now or when there is one, until `leave`. Throws at an address that is none. */
  take(taker: StreamTaker): void {
    const session = this.#waiting.size === 0 ? this.#roomiest() : undefined;
    if (session !== undefined) {
      taker.opened(session);
      return this.#count();
    }
    this.#waiting.add(taker);
    try {
      this.#dial();
    } catch (error) {
      this.#waiting.delete(taker);
      throw error;
    }
  }

  leave(taker: StreamTaker): void {
    this.#waiting.delete(taker);
  }

  // From the sessions.

  room(): void {
    for (const taker of this.#waiting) {
      const session = this.#roomiest();
      if (session === undefined) break;
      this.#perSession = session.limit;
      this.#waiting.delete(taker);
      taker.opened(session);
    }
    if (this.#waiting.size > 0) this.#dial();
    this.#count();
  }

  gone(session: PodSession, problem: SessionProblem | undefined): void {
    const at = this.#sessions.indexOf(session);
    if (at >= 0) this.#sessions.splice(at, 1);
    this.#count();
    if (problem === undefined) {
      if (this.#waiting.size > 0) this.#dial();
    } else if (this.#sessions.length === 0) {
      // Whoever is told may come back at once.
      const told = [...this.#waiting];
      this.#waiting.clear();
      for (const taker of told) taker.unreachable(problem.text, problem.failure);
    }
  }

  sweep(): void {
    const now = this.#clock.monotonic();
    for (const session of [...this.#sessions]) {
      session.sweep();
      if (session.idle && now - session.idleSince >= keepPodSessionIdleMs) session.retire();
    }
  }

  /** Whoever waits goes elsewhere, and no connection is made any more; those that there are stay for what is in them. */
  turnAway(): void {
    const told = [...this.#waiting];
    this.#waiting.clear();
    for (const session of [...this.#sessions]) if (session.dialling) session.retire();
    for (const taker of told) taker.turnedAway();
  }

  close(): void {
    this.turnAway();
    for (const session of [...this.#sessions]) session.retire();
  }

  /** The session with most room; undefined where none has any. */
  #roomiest(): PodSession | undefined {
    let best: PodSession | undefined;
    let most = 0;
    for (const session of this.#sessions) {
      const { room } = session;
      if (room > most) [best, most] = [session, room];
    }
    return best;
  }

  /** Opens as many connections as those who wait will fill. A pod that takes no streams for now will take none over another one, either. */
  #dial(): void {
    let coming = this.#sessions.filter(({ dialling, limit }) => dialling || limit === 0).length * this.#perSession;
    while (coming < this.#waiting.size && this.#sessions.length < mostPodSessions) {
      this.#sessions.push(new PodSession(this.#clock, this, this.#address, this.#port, this.authority));
      this.#counts.opened += 1;
      coming += Math.max(1, this.#perSession);
    }
    this.#count();
  }

  #count(): void {
    const open = this.#sessions.length;
    let idle = 0;
    for (const session of this.#sessions) if (session.idle) idle += 1;
    this.#counts.open += open - this.#countedOpen;
    this.#counts.idle += idle - this.#countedIdle;
    this.#countedOpen = open;
    this.#countedIdle = idle;
  }
}

/** HTTP/2 connections to pods. */
export type PodSessions = PodPools<SessionPool>;
export const createPodSessions = (clock: Clock): PodSessions =>
  new PodPools(clock, (pod, port) => new SessionPool(clock, pod.route.address, port, pod.connections));
