import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';

export interface ComponentSpec {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Told when it ends without having been told to. */
  readonly onLost: (name: string, how: string) => void;
}

/** A process of the cluster that can be killed, paused and started again. */
export class Component {
  readonly spec: ComponentSpec;
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(spec: ComponentSpec) {
    this.spec = spec;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Its output goes to the end of the log file. Does nothing where it runs. */
  start(): void {
    if (this.#child !== undefined) return;
    const { name, command, env, logFile, onLost } = this.spec;
    const log = openSync(logFile, 'a');
    const child = spawn(command[0] ?? '', command.slice(1), { env, stdio: ['ignore', log, log] });
    closeSync(log);
    this.#child = child;
    this.#ended = once(child, 'close').catch((failure: unknown) => failure);
    void this.#ended.then(() => {
      if (this.#child !== child) return;
      this.#child = undefined;
      onLost(name, child.signalCode ?? `exit code ${String(child.exitCode)}`);
    });
  }

  /** SIGKILL, as a crash; resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    child?.kill('SIGKILL');
    await this.#ended;
  }

  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }
}
