import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

/** Real servers and clients of this machine, as Debian packs them. */

export interface ProgramOptions {
  /** Given to the program whole, and ended; by default nothing. null: the test writes to `child.stdin` itself. */
  readonly stdin?: string | Buffer | null;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** After which it is killed; default 30 s. */
  readonly limitMs?: number;
}

export interface ProgramResult {
  /** null: ended by a signal. */
  readonly code: number | null;
  readonly output: Buffer;
  readonly text: string;
  readonly errors: string;
}

export interface RunningProgram {
  readonly child: ChildProcessWithoutNullStreams;
  /** Standard output so far. */
  readonly text: () => string;
  /** Standard error so far. */
  readonly errors: () => string;
  readonly ended: Promise<ProgramResult>;
  /** Sends the signal if it still runs, and waits for its end. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<ProgramResult>;
}

/** Debian keeps the programs of a PostgreSQL server out of the usual path. */
const postgresRoot = '/usr/lib/postgresql';
const postgresPrograms = (): readonly string[] => {
  try {
    return readdirSync(postgresRoot).map((version) => join(postgresRoot, version, 'bin'));
  } catch {
    return [];
  }
};
const path = [process.env.PATH ?? '', ...postgresPrograms()].join(':');

/** Starts `command` with nothing of this machine's own settings (proxies, rc files, passwords). Killed at the end of the test, should it still run. */
export const startProgram = (
  t: Pick<ExecutionContext, 'teardown'>,
  command: string,
  args: readonly string[],
  { stdin = '', env = {}, cwd = tmpdir(), limitMs = 30_000 }: ProgramOptions = {},
): RunningProgram => {
  const child = spawn(command, args, { cwd, env: { PATH: path, HOME: cwd, LANG: 'C.UTF-8', ...env }, timeout: limitMs, killSignal: 'SIGKILL' });
  const output: Buffer[] = [];
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
  child.stdin.on('error', () => undefined); // it need not read all of it
  if (stdin !== null) child.stdin.end(stdin);
  child.on('error', (error) => (errors += `${error.message} (bash .ci/install-tools installs what is missing)\n`));
  const text = (): string => Buffer.concat(output).toString();
  const ended = once(child, 'close').then(
    ([code]) => ({ code: code as number | null, output: Buffer.concat(output), text: text(), errors }),
    () => ({ code: null, output: Buffer.alloc(0), text: '', errors }),
  );
  const stop = (signal: NodeJS.Signals = 'SIGKILL'): Promise<ProgramResult> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return ended;
  };
  t.teardown(() => stop());
  return { child, text, errors: () => errors, ended, stop };
};

/** Runs it to its end, whatever that is. */
export const runProgram = (t: Pick<ExecutionContext, 'teardown'>, command: string, args: readonly string[], options?: ProgramOptions): Promise<ProgramResult> =>
  startProgram(t, command, args, options).ended;
