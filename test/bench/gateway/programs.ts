import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A process that runs until it is stopped. */
export interface Program {
  readonly pid: number;
  /** The first line of its standard output. Rejects if the process ends before. */
  firstLine(): Promise<string>;
  /** Throws, with what it has said, if the process has ended. */
  check(): void;
  /** Its standard output when it has ended by itself. Rejects where it failed. */
  output(): Promise<string>;
  stop(): Promise<void>;
}

/** As many open files as may be: 65,536, or what the machine allows. */
const withManyFiles = 'ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -H -n)"; exec "$@"';
const patienceMs = 5000;
const mostErrors = 16 * 1024;

/** All processes that the bench has started, so that none is left behind. Our own helpers end with their standard input too, should nobody be there to stop them. */
export class Programs {
  readonly #running = new Set<Program>();
  #stopped = false;

  start(name: string, command: string, args: readonly string[]): Program {
    if (this.#stopped) throw new Error('the bench is being stopped');
    const child = spawn('sh', ['-c', withManyFiles, 'sh', command, ...args], { stdio: 'pipe' });
    const ended = once(child, 'close');
    let errors = '';
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-mostErrors)));
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
    const failure = (): Error => new Error(`${name} ended with ${String(child.exitCode ?? child.signalCode)}\n${output}${errors}`);
    const program: Program = {
      pid: child.pid ?? 0,
      firstLine: async () => {
        while (!output.includes('\n')) {
          if (hasEnded()) throw failure();
          await Promise.race([once(child.stdout, 'data'), ended]);
        }
        return output.slice(0, output.indexOf('\n'));
      },
      check: () => {
        if (hasEnded()) throw failure();
      },
      output: async () => {
        await ended;
        if (child.exitCode !== 0) throw failure();
        return output;
      },
      stop: async () => {
        if (!hasEnded()) child.kill('SIGTERM');
        const harder = setTimeout(() => child.kill('SIGKILL'), patienceMs);
        await ended;
        clearTimeout(harder);
      },
    };
    this.#running.add(program);
    void ended.then(() => this.#running.delete(program));
    return program;
  }

  /** Runs a program to its end: its standard output. */
  run(name: string, command: string, args: readonly string[]): Promise<string> {
    return this.start(name, command, args).output();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#running].map((program) => program.stop()));
  }
}
