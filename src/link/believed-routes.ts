import { isAbort, type Logger, type RouteSnapshot } from '../core/index.ts';
import type { ControllerConnection } from './controller-connection.ts';
import type { RouteProblem } from './messages.ts';

/** What the gateway does with routes: resolves when they are applied, with all that it cannot do of its present routes. */
export type ApplyRoutes = (snapshot: RouteSnapshot) => Promise<readonly RouteProblem[]>;

/** What the gateway has in pods beyond what the routes give it: see `GatewayInfo`. */
export type PermitsInUse = Readonly<Record<string, number>>;

type Connection = Pick<ControllerConnection, 'send' | 'terminate'>;

/** A controller that may send routes. */
export interface Speaker {
  readonly url: string;
  /** The one that is open now. */
  readonly connection: Connection | undefined;
}

/**
 * Whose routes count, of all the controllers that send some. A full snapshot of the newest leader or a later one begins anew; changes count only from the
 * controller that gave the last full one. So neither a late word of an old leader nor a standby can move traffic.
 */
export class BelievedRoutes {
  readonly #apply: ApplyRoutes;
  readonly #permitsInUse: () => PermitsInUse;
  readonly #logger: Logger;
  readonly #doubted = new WeakSet<Connection>();
  /** Routes are applied one after the other. */
  #applying: Promise<void> = Promise.resolve();
  #epoch = -1;
  #source: Speaker | undefined;
  #acknowledged: { readonly connection: Connection; readonly revision: number; readonly problems: readonly RouteProblem[] } | undefined;

  constructor(apply: ApplyRoutes, permitsInUse: () => PermitsInUse, logger: Logger) {
    this.#apply = apply;
    this.#permitsInUse = permitsInUse;
    this.#logger = logger;
  }

  /** Applies the routes that came over `connection` if they count, and acknowledges them there. */
  heard(speaker: Speaker, connection: Connection, epoch: number, snapshot: RouteSnapshot): void {
    this.#applying = this.#applying.then(() => this.#judge(speaker, connection, epoch, snapshot));
  }

  /** Says the last acknowledgement again: fewer permits are in use beyond it. */
  acknowledgeAgain(): void {
    if (this.#acknowledged === undefined || this.#source?.connection !== this.#acknowledged.connection) return;
    const { connection, revision, problems } = this.#acknowledged;
    connection.send({ type: 'ack', epoch: this.#epoch, revision, problems, permitsInUse: this.#permitsInUse() });
  }

  async #judge(speaker: Speaker, connection: Connection, epoch: number, snapshot: RouteSnapshot): Promise<void> {
    if (speaker.connection !== connection) return;
    const believed = snapshot.full ? epoch >= this.#epoch : epoch === this.#epoch && speaker === this.#source;
    if (!believed) {
      this.#doubt(speaker, connection, epoch, snapshot);
      return;
    }
    this.#epoch = epoch;
    this.#source = speaker;
    if (snapshot.full) this.#acknowledged = undefined;
    try {
      const problems = await this.#apply(snapshot);
      this.#acknowledged = { connection, revision: snapshot.revision, problems };
      connection.send({ type: 'ack', epoch, revision: snapshot.revision, problems, permitsInUse: this.#permitsInUse() });
    } catch (error) {
      if (!isAbort(error)) this.#logger.error('routes could not be applied; the link starts anew', { error });
      connection.terminate('routes could not be applied');
    }
  }

  /** An old leader that lingers says little; one that goes on (a Lease that an older build has made anew counts from 0) must not be ignored in silence. */
  #doubt({ url }: Speaker, connection: Connection, epoch: number, { full }: RouteSnapshot): void {
    if (!full || this.#doubted.has(connection)) return;
    this.#doubted.add(connection);
    this.#logger.warn('the routes of a controller are not believed: they are of an earlier leader than those that are applied', {
      url,
      epoch,
      believedEpoch: this.#epoch,
    });
  }
}
