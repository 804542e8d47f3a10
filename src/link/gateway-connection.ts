import { millis, type Clock, type GatewayInfo, type Logger, type Timer } from '../core/index.ts';
import type { RawData, WebSocket } from 'ws';
import { readUpMessage, type DownMessage, type UpMessage } from './messages.ts';

/** Past this many unsent bytes the gateway is not reading: it is cut, and gets one full snapshot when it comes back. */
const mostUnsentBytes = 64 * 1024 * 1024;

export interface ConnectionLimits {
  readonly pingPeriodMs: number;
  /** Without a word for this long the other side is lost. */
  readonly silenceMs: number;
}

export interface ConnectionEvents {
  message(message: UpMessage): void;
  closed(how: 'left' | 'lost'): void;
}

/** The text of one WebSocket message. */
export const textOf = (data: RawData): string =>
  Buffer.isBuffer(data) ? data.toString('utf8') : Array.isArray(data) ? Buffer.concat(data).toString('utf8') : Buffer.from(data).toString('utf8');

/** The controller's end of the link to one gateway: reads what comes, notices silence, and tells "left" from "lost". */
export class GatewayConnection {
  info: GatewayInfo;
  /** It has said that it will go: nothing new is to be pointed at it. */
  leaving = false;
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #limits: ConnectionLimits;
  readonly #events: ConnectionEvents;
  readonly #heartbeat: Timer;
  #heardAt: number;
  #saidGoodbye = false;
  #closed = false;

  constructor(socket: WebSocket, info: GatewayInfo, clock: Clock, logger: Logger, limits: ConnectionLimits, events: ConnectionEvents) {
    this.info = info;
    this.#socket = socket;
    this.#clock = clock;
    this.#logger = logger;
    this.#limits = limits;
    this.#events = events;
    this.#heardAt = clock.monotonic();
    this.#heartbeat = clock.every(millis(limits.pingPeriodMs), () => this.#beat());
    socket.on('message', (data) => this.#received(textOf(data)));
    socket.on('pong', () => this.#heard());
    socket.on('ping', () => this.#heard());
    socket.on('error', (error) => logger.debug('link to a gateway failed', { gateway: info.id, error }));
    socket.on('close', () => this.#ended());
  }

  send(message: DownMessage): void {
    this.sendText(JSON.stringify(message));
  }

  /** For a message that goes to many: made into text once. */
  sendText(text: string): void {
    if (this.#closed) return;
    if (this.#socket.bufferedAmount > mostUnsentBytes) {
      this.#logger.warn('a gateway does not read its link; it is cut and will get everything anew', { gateway: this.info.id });
      this.#socket.terminate();
      return;
    }
    this.#socket.send(text);
  }

  /** Ends the connection; with `silent` nobody is told (it was replaced, or we close down). */
  close(code: number, reason: string, silent: boolean): void {
    if (silent) this.#closed = true;
    this.#heartbeat.cancel();
    this.#socket.close(code, reason);
    // A peer that does not answer the close would keep the socket for 30 s.
    this.#clock.after(millis(1000), () => this.#socket.terminate());
  }

  #received(text: string): void {
    this.#heard();
    const message = readUpMessage(text);
    if (!message.ok) {
      this.#logger.warn('a gateway sent a message that cannot be read; its link is closed', { gateway: this.info.id, problem: message.problem });
      this.close(1008, message.problem.slice(0, 120), false);
      return;
    }
    if (message.value.type === 'left') this.#saidGoodbye = true;
    if (!this.#closed) this.#events.message(message.value);
  }

  #heard(): void {
    this.#heardAt = this.#clock.monotonic();
  }

  #beat(): void {
    if (this.#clock.monotonic() - this.#heardAt > this.#limits.silenceMs) this.#socket.terminate();
    else this.#socket.ping();
  }

  #ended(): void {
    this.#heartbeat.cancel();
    if (this.#closed) return;
    this.#closed = true;
    this.#events.closed(this.#saidGoodbye ? 'left' : 'lost');
  }
}
