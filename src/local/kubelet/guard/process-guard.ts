import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { messageOf, millis, type Clock, type Logger } from '../../../core/index.ts';
import { KubeletError } from '../errors.ts';
import { frame, FrameReader, type ExitedPayload, type FailedPayload, type Frame, type GuardCommand, type StartedPayload, type StopSignal } from './protocol.ts';
import { killGroup, sweep } from './sweep.ts';

export interface ProcessSpec {
  /** Program and arguments; a program without a slash is looked for in `env.PATH`. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly onOutput: (stream: 'stdout' | 'stderr', chunk: Buffer) => void;
}

export interface ProcessExit {
  /** 128 + the signal's number where a signal ended it, as a shell counts. */
  readonly exitCode: number;
  readonly signal: string | undefined;
  /** The guard died, and the process was killed for that. */
  readonly isLost: boolean;
}

export interface GuardedProcess {
  readonly pid: number;
  /** Resolves when nothing of the process and its group is left and its output is complete. Never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** To the whole group. */
  signal(signal: StopSignal): void;
}

export type StartOutcome =
  { readonly kind: 'started'; readonly process: GuardedProcess } | { readonly kind: 'failed'; readonly code: string; readonly message: string };

interface Entry {
  readonly onOutput: ProcessSpec['onOutput'];
  readonly settleStart: (outcome: StartOutcome) => void;
  readonly settleExit: (exit: ProcessExit) => void;
  readonly exited: Promise<ProcessExit>;
  pid: number | undefined;
}

interface Running {
  readonly name: string;
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly ready: Promise<unknown>;
}

const signalNumbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGABRT: 6,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
};

/** `main.ts` from the sources, `main.js` in the built package. */
const guardFile = fileURLToPath(new URL(`./main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));

/** The guard is small: nothing of the host's NODE_OPTIONS, and little memory. */
const guardArguments = ['--max-old-space-size=64', '--max-semi-space-size=2', '--no-warnings', guardFile];

/** Deaths of the guard that are made good within a minute; more than that is a broken machine. */
const mostRestarts = 5;

/**
 * Starts processes by way of the guard, so that none outlives us. If the guard itself dies, what it started is killed, reported as
 * lost, and a new guard takes over; if that goes on, starting fails with `guard-lost`.
 */
export class ProcessGuard {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #entries = new Map<number, Entry>();
  #deaths: number[] = [];
  #running: Running;
  #lastId = 0;
  #closed = false;

  private constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
    this.#running = this.#launch();
  }

  /** Resolves when the guard is ready; throws `guard-lost` if it cannot be started. */
  static async start(clock: Clock, logger: Logger): Promise<ProcessGuard> {
    const guard = new ProcessGuard(clock, logger);
    await guard.#running.ready;
    return guard;
  }

  /** Process id of the guard. */
  get pid(): number | undefined {
    return this.#running.child.pid;
  }

  /** Never rejects. */
  async start(spec: ProcessSpec): Promise<StartOutcome> {
    if (this.#closed) return { kind: 'failed', code: 'GUARD', message: 'the kubelet ends' };
    try {
      await this.#running.ready;
    } catch (thrown) {
      return { kind: 'failed', code: 'GUARD', message: messageOf(thrown) };
    }
    const id = (this.#lastId = (this.#lastId + 1) % 0x100000000);
    const { promise: exited, resolve: settleExit } = Promise.withResolvers<ProcessExit>();
    const { promise: outcome, resolve: settleStart } = Promise.withResolvers<StartOutcome>();
    this.#entries.set(id, { onOutput: spec.onOutput, settleStart, settleExit, exited, pid: undefined });
    this.#send({ op: 'start', id, argv: spec.argv, env: spec.env, cwd: spec.cwd });
    return outcome;
  }

  /** Ends every process and the guard; resolves when all of them are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    const { child } = this.#running;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.stdin.end();
    await gone;
  }

  #send(command: GuardCommand): void {
    this.#running.child.stdin.write(`${JSON.stringify(command)}\n`);
  }

  #launch(): Running {
    const name = randomUUID();
    const env = Object.fromEntries(Object.entries(process.env).filter(([variable]) => variable !== 'NODE_OPTIONS' && !variable.startsWith('NODE_V8_')));
    const child = spawn(process.execPath, [...guardArguments, name], { env, detached: true, stdio: ['pipe', 'pipe', 'inherit'] });
    const { promise: ready, resolve, reject } = Promise.withResolvers<undefined>();
    ready.catch(() => undefined);
    const reader = new FrameReader();
    child.stdout.on('data', (chunk: Buffer) => {
      for (const one of reader.push(chunk)) {
        if (one.type === frame.ready) resolve(undefined);
        else this.#handle(one);
      }
    });
    child.stdin.on('error', () => undefined);
    const lost = (why: string): void => {
      reject(new KubeletError('guard-lost', `the guard process that runs containers ended: ${why}`, {}));
      this.#lost(name, why);
    };
    child.once('error', (error) => {
      lost(messageOf(error));
    });
    child.once('exit', (code, signal) => {
      lost(signal ?? `exit code ${String(code)}`);
    });
    return { name, child, ready };
  }

  #handle({ type, id, payload }: Frame): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    if (type === frame.stdout) entry.onOutput('stdout', payload);
    else if (type === frame.stderr) entry.onOutput('stderr', payload);
    else if (type === frame.started) this.#started(id, entry, JSON.parse(payload.toString()) as StartedPayload);
    else if (type === frame.failed) {
      this.#entries.delete(id);
      entry.settleStart({ kind: 'failed', ...(JSON.parse(payload.toString()) as FailedPayload) });
    } else if (type === frame.exited) {
      this.#entries.delete(id);
      const { code, signal } = JSON.parse(payload.toString()) as ExitedPayload;
      entry.settleExit({ exitCode: code ?? 128 + (signalNumbers[signal ?? ''] ?? 0), signal: signal ?? undefined, isLost: false });
    }
  }

  #started(id: number, entry: Entry, { pid }: StartedPayload): void {
    entry.pid = pid;
    const signal = (name: StopSignal): void => {
      if (this.#entries.get(id) === entry) this.#send({ op: 'signal', id, signal: name });
    };
    entry.settleStart({ kind: 'started', process: { pid, exited: entry.exited, signal } });
  }

  /** The guard is gone: kill what it ran, by group and by marker, say so, and start another. */
  #lost(name: string, why: string): void {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    for (const { pid } of entries) if (pid !== undefined) killGroup(pid, 'SIGKILL');
    void sweep(name, () => false).catch(() => undefined);
    const isExpected = this.#closed;
    if (!isExpected) this.#relaunch(why);
    for (const entry of entries) {
      entry.settleStart({ kind: 'failed', code: 'GUARD', message: `the guard process ended: ${why}` });
      entry.settleExit({ exitCode: 137, signal: 'SIGKILL', isLost: !isExpected });
    }
  }

  #relaunch(why: string): void {
    const now = this.#clock.monotonic();
    this.#deaths = [...this.#deaths.filter((at) => now - at < millis(60_000)), now];
    if (this.#deaths.length > mostRestarts) {
      this.#logger.error('the guard process ends again and again: no container can be started any more', { why, deaths: this.#deaths.length });
      const ready = Promise.reject(new KubeletError('guard-lost', `the guard process that runs containers ends again and again: ${why}`, {}));
      ready.catch(() => undefined);
      this.#running = { ...this.#running, ready };
      return;
    }
    this.#logger.error('the guard process ended; its containers were killed and another guard takes over', { why });
    this.#running = this.#launch();
  }
}
