import type { IncomingMessage } from 'node:http';
import { millis, type Clock, type Logger, type Timer } from '../core/index.ts';
import { WebSocket } from 'ws';
import { textOf, type ConnectionLimits } from './gateway-connection.ts';
import { helloHeader, linkPath } from './handshake.ts';
import { readDownMessage, type DownMessage, type Hello, type UpMessage } from './messages.ts';

/** Past this many unsent bytes the controller is not reading: the link is cut, and the reports it missed are replayed when it is back. */
const mostUnsentBytes = 16 * 1024 * 1024;
const mostReasonBytes = 4096;
const mostSnapshotBytes = 256 * 1024 * 1024;

export interface Dialling {
  readonly url: string;
  readonly token: string | undefined;
  readonly ca: string | undefined;
  readonly serverName: string | undefined;
  readonly hello: Hello;
}

/** The reason in a problem (RFC 9457) as `refuse` of the handshake makes it. */
const detailOf = (body: string): string => {
  try {
    const problem: unknown = JSON.parse(body);
    return typeof problem === 'object' && problem !== null && 'detail' in problem && typeof problem.detail === 'string' ? problem.detail : body;
  } catch {
    return body;
  }
};

/** One connection to one controller, from the dial to its end. `closed` is always called, once. */
export class ControllerConnection {
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #limits: ConnectionLimits;
  readonly #logger: Logger;
  readonly #heartbeat: Timer;
  /** It was not the network: a controller said no. */
  wasRefused = false;
  #heardAt: number;
  #problem = 'the connection ended';

  constructor(
    dialling: Dialling,
    clock: Clock,
    logger: Logger,
    limits: ConnectionLimits,
    message: (message: DownMessage) => void,
    closed: (problem: string) => void,
  ) {
    this.#clock = clock;
    this.#limits = limits;
    this.#logger = logger;
    this.#heardAt = clock.monotonic();
    this.#socket = new WebSocket(new URL(linkPath, dialling.url.replace(/^http/, 'ws')), {
      headers: {
        [helloHeader]: Buffer.from(JSON.stringify(dialling.hello)).toString('base64url'),
        ...(dialling.token === undefined ? {} : { authorization: `Bearer ${dialling.token}` }),
      },
      ...(dialling.ca === undefined ? {} : { ca: dialling.ca }),
      ...(dialling.serverName === undefined ? {} : { servername: dialling.serverName }),
      handshakeTimeout: limits.silenceMs,
      maxPayload: mostSnapshotBytes,
      perMessageDeflate: false,
    });
    this.#heartbeat = clock.every(millis(limits.pingPeriodMs), () => this.#beat());
    this.#socket.on('message', (data) => this.#received(textOf(data), message));
    this.#socket.on('ping', () => this.#heard());
    this.#socket.on('pong', () => this.#heard());
    this.#socket.on('error', (error) => {
      if (!this.wasRefused) this.#problem = error.message;
    });
    this.#socket.on('unexpected-response', (_request, response) => this.#refused(response));
    this.#socket.on('close', (code, reason) => {
      this.#heartbeat.cancel();
      closed(reason.length > 0 ? `${code} ${reason.toString()}` : this.#problem);
    });
  }

  send(message: UpMessage): void {
    this.sendText(JSON.stringify(message));
  }

  /** `written`: the socket has taken it. Never called once the connection ends. */
  sendText(text: string, written?: () => void): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    if (this.#socket.bufferedAmount > mostUnsentBytes) {
      this.#problem = 'the controller does not read the link';
      this.#socket.terminate();
      return;
    }
    if (written === undefined) this.#socket.send(text);
    else
      this.#socket.send(text, () => {
        if (this.#socket.readyState === WebSocket.OPEN) written();
      });
  }

  /** Closes in order; a controller that does not answer that is not waited for. */
  close(): void {
    this.#socket.close(1000);
    this.#clock.after(millis(1000), () => this.#socket.terminate());
  }

  terminate(problem: string): void {
    this.#problem = problem;
    this.#socket.terminate();
  }

  /** The controller answered, and does not want us: its reason is in the body. */
  #refused(response: IncomingMessage): void {
    let body = '';
    const status = response.statusCode ?? 0;
    const end = (): void => {
      this.wasRefused = true;
      this.terminate(`${status} ${detailOf(body)}`);
    };
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => (body = (body + chunk).slice(0, mostReasonBytes)));
    response.on('end', end);
    response.on('error', end);
  }

  #received(text: string, deliver: (message: DownMessage) => void): void {
    this.#heard();
    const message = readDownMessage(text);
    if (message.ok) deliver(message.value);
    else {
      this.#logger.error('a controller sent a message that cannot be read; its link is closed', { problem: message.problem });
      this.terminate(message.problem);
    }
  }

  #heard(): void {
    this.#heardAt = this.#clock.monotonic();
  }

  #beat(): void {
    if (this.#clock.monotonic() - this.#heardAt > this.#limits.silenceMs) this.terminate('nothing was heard for too long');
    else if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
  }
}
