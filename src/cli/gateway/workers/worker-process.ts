import { fork, type ChildProcess } from 'node:child_process';
import { extname, join } from 'node:path';
import type { StopGateway } from '../linked-gateway.ts';
import type { EdgePortNumbers } from '../../listen.ts';
import { onWord, type FromWorker, type PortProblem, type SocketHandle, type StartWorker, type ToWorker } from './messages.ts';
import { Outbox } from './outbox.ts';
import { passLines } from './pass-lines.ts';
import type { PortUser, SharedPorts } from './shared-ports.ts';

const program = join(import.meta.dirname, `worker-main${extname(import.meta.filename)}`);

export type FailedStart = Extract<FromWorker, { readonly type: 'failed' }>;

/** How a worker's process ended. `text`: its last figures, where it could still tell them. */
export interface WorkerEnd {
  readonly failed: FailedStart | undefined;
  readonly inOrder: boolean;
  readonly text: string | undefined;
  /** `exit code 1`, `signal SIGKILL`. */
  readonly how: string;
}

/** The parent's view of one worker: a process, what it has said, and what may be asked of it. */
export class WorkerProcess implements PortUser {
  readonly index: number;
  readonly ended: Promise<WorkerEnd>;
  /** Resolves when it runs, though it may not serve yet; never, where it ends before. */
  readonly started: Promise<void>;
  /** Resolves when it serves, with false when it has ended before. */
  readonly serving: Promise<boolean>;
  id: string | undefined;
  ports: EdgePortNumbers | undefined;
  waitsFor: string | undefined = 'it has not started yet';
  readonly #child: ChildProcess;
  readonly #outbox = new Outbox<ToWorker>((message, handle, sent) => {
    // To one that has ended nothing need be said any more.
    if (this.#child.connected) this.#child.send(message, handle, sent);
  });
  readonly #questions = new Map<number, (text: string) => void>();
  #asked = 0;
  #starts: () => void = () => undefined;
  #serves: (serves: boolean) => void = () => undefined;
  #failed: FailedStart | undefined;
  #text: string | undefined;

  constructor(start: Omit<StartWorker, 'type'>, ports: SharedPorts) {
    this.index = start.index;
    this.#child = fork(program, [], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    // The access log, line by line.
    if (this.#child.stdout !== null) passLines(this.#child.stdout, process.stdout);
    this.started = new Promise((resolve) => (this.#starts = resolve));
    this.serving = new Promise((resolve) => (this.#serves = resolve));
    this.ended = new Promise((resolve) => {
      this.#child.on('error', () => undefined); // its end is told by `exit`, or it has never begun
      this.#child.on('exit', (code, signal) => {
        ports.gone(this);
        this.#serves(false);
        const how = signal === null ? `exit code ${String(code)}` : `signal ${signal}`;
        resolve({ failed: this.#failed, inOrder: this.#text !== undefined, text: this.#text, how });
      });
    });
    onWord(this.#child, (message, handle) => this.#heard(message, handle, ports));
    this.#send({ type: 'start', ...start });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get serves(): boolean {
    return this.isAlive && this.waitsFor === undefined;
  }

  stop(how: StopGateway): void {
    this.#send({ type: 'stop', how });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Its exposition; never, where it does not answer. */
  metrics(): Promise<string> {
    const question = ++this.#asked;
    return new Promise((resolve) => {
      // Nobody waits for an older answer any more.
      this.#questions.clear();
      this.#questions.set(question, resolve);
      this.#send({ type: 'metrics', question });
    });
  }

  open(key: string): void {
    this.#send({ type: 'socket', key, answer: 'open' });
  }

  take(key: string, handle: SocketHandle): void {
    this.#send({ type: 'socket', key, answer: 'take' }, handle);
  }

  refuse(key: string, problem: PortProblem): void {
    this.#send({ type: 'socket', key, answer: 'refused', problem });
  }

  #heard(message: FromWorker, handle: SocketHandle | undefined, ports: SharedPorts): void {
    switch (message.type) {
      case 'want':
        return ports.want(this, message.key);
      case 'opened':
        return handle === undefined ? ports.refused(this, message.key, noDescriptor) : ports.opened(this, message.key, handle);
      case 'refused':
        return ports.refused(this, message.key, message.problem);
      case 'closed':
        return ports.closed(this, message.key);
      case 'started':
        this.id = message.id;
        this.ports = message.ports;
        return this.#starts();
      case 'readiness':
        this.waitsFor = message.waitsFor;
        if (message.waitsFor === undefined) this.#serves(true);
        return;
      case 'failed':
        this.#failed = message;
        return;
      case 'metrics':
        this.#questions.get(message.question)?.(message.text);
        return;
      case 'stopped':
        this.#text = message.text;
        return;
    }
  }

  #send(message: ToWorker, handle?: SocketHandle): void {
    this.#outbox.send(message, handle);
  }
}

const noDescriptor: PortProblem = { code: 'EMFILE', message: 'the socket could not be shared: too many open files (EMFILE); raise the limit (ulimit -n)' };
