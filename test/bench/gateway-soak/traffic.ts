import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Failure, Seen } from './tally.ts';

/** The process of the clients. */
export interface Traffic {
  readonly failures: readonly Failure[];
  /** Begins nothing new; what they saw, when all that was under way is over. */
  finish(): Promise<Seen>;
  /** Resolves when it has ended, asked or not. */
  readonly ended: Promise<unknown>;
  stop(): Promise<void>;
}

export const startTraffic = (port: number, tcpPort: number, clients: number, seed: number, onFailure: (failure: Failure) => void): Traffic => {
  const program = join(import.meta.dirname, 'programs', 'traffic.ts');
  const child = spawn(process.execPath, [program, ...[port, tcpPort, clients, seed].map(String)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const failures: Failure[] = [];
  let seen: Seen | undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const said = JSON.parse(line) as { readonly failure: Failure } | { readonly seen: Seen };
    if ('seen' in said) seen = said.seen;
    else {
      failures.push(said.failure);
      onFailure(said.failure);
    }
  });
  const ended = once(child, 'close');
  return {
    failures,
    ended,
    finish: async () => {
      child.stdin.end();
      await ended;
      if (seen === undefined) throw new Error(`the clients ended with ${String(child.exitCode ?? child.signalCode)}`);
      return seen;
    },
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await ended;
    },
  };
};
