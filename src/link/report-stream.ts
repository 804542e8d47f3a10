import type { Clock } from '../core/index.ts';
import type { ControllerConnection } from './controller-connection.ts';
import { reportMessage, type ReportHistory } from './history.ts';

/** So much of the reports may be on its way to the socket; what comes after it waits in the history, where it takes no further memory. */
const mostUnwritten = 256 * 1024;

/**
 * The reports on one connection, oldest first and each once: those that the controller missed, then every one as it comes. A new one leaves at once unless
 * older ones wait; nothing but reports ever waits here, so a long replay is in nobody's way.
 */
export class ReportStream {
  readonly #history: ReportHistory;
  readonly #clock: Clock;
  readonly #connection: Pick<ControllerConnection, 'sendText'>;
  #sent: number;
  #unwritten = 0;

  /** Begins after report number `after`. */
  constructor(history: ReportHistory, clock: Clock, connection: Pick<ControllerConnection, 'sendText'>, after: number) {
    this.#history = history;
    this.#clock = clock;
    this.#connection = connection;
    this.#sent = after;
  }

  /** Sends what the history has beyond what was sent, as far as the socket keeps up; goes on by itself when that is written. */
  flow(): void {
    while (this.#unwritten < mostUnwritten) {
      const report = this.#history.next(this.#sent);
      if (report === undefined) return;
      this.#sent = report.sequence;
      const text = reportMessage(report, this.#clock.monotonic());
      const { length } = text;
      this.#unwritten += length;
      this.#connection.sendText(text, () => {
        this.#unwritten -= length;
        this.flow();
      });
    }
  }
}
