import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const source = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');

/** A `rouse` command as a real process. */
export interface RouseProcess {
  readonly child: ChildProcess;
  /** Lines of standard output so far. */
  readonly lines: readonly string[];
  /** Standard error so far. */
  errors(): string;
  /** The first line, past or future, that matches. Rejects if the process ends before. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Ends with the signal and gives the exit code (null: ended by the signal). */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  readonly ended: Promise<number | null>;
}

export const startRouse = (args: readonly string[], env: Readonly<Record<string, string>> = {}, main = source): RouseProcess => {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const lines: string[] = [];
  const waiting = new Set<(line: string) => void>();
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    errors = (errors + chunk).slice(-64 * 1024);
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    for (const listener of waiting) listener(line);
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return {
    child,
    lines,
    errors: () => errors,
    ended,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (line: string): boolean => {
          const match = pattern.exec(line);
          if (match !== null) {
            waiting.delete(look);
            resolve(match);
          }
          return match !== null;
        };
        if (lines.some(look)) return;
        waiting.add(look);
        void ended.then((code) =>
          reject(new Error(`rouse ${args.join(' ')} ended with ${String(code)} before a line ${String(pattern)}\n${lines.join('\n')}\n${errors}`)),
        );
      }),
    stop: (signal = 'SIGTERM') => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return ended;
    },
  };
};
