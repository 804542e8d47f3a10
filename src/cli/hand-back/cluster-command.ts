import { parseDuration, systemClock, systemRandom, type LogLevel, type Millis } from '../../core/index.ts';
import { KubeError, loadKubeConfig } from '../../kube/index.ts';
import { CommandError, exitCode, type ExitCode } from '../exit-code.ts';
import { untilTold } from '../lifetime.ts';
import { withProgress } from '../progress.ts';
import type { Terminal } from '../terminal.ts';
import { plainLogger } from './plain-logger.ts';
import type { CommandEnvironment } from './whole-cluster.ts';

/** Runs a command that works on a cluster to its end, or until a signal; the real clock's timers alone would not keep the process. */
export const onCluster = async (
  flags: { readonly kubeconfig?: string; readonly logLevel: LogLevel },
  terminal: Terminal,
  work: (environment: CommandEnvironment, signal: AbortSignal) => Promise<ExitCode>,
): Promise<ExitCode> => {
  const logger = plainLogger(terminal.note, flags.logLevel);
  const connection = await loadKubeConfig(flags.kubeconfig === undefined ? { kind: 'default' } : { kind: 'file', path: flags.kubeconfig }).catch(
    (failure: unknown) => {
      throw failure instanceof KubeError ? new CommandError('usage', failure.message, failure) : failure;
    },
  );
  const signal = untilTold(logger);
  const print = (line: string): void => terminal.write(`${line}\n`);
  let doing = 'asking the API server';
  const alive = setInterval(() => undefined, 60_000);
  try {
    const environment: CommandEnvironment = { connection, clock: systemClock, random: systemRandom, logger, print, doing: (what) => (doing = what) };
    return await withProgress(
      terminal,
      () => doing,
      () => work(environment, signal),
    );
  } catch (failure) {
    if (!signal.aborted) throw failure;
    print('stopped; run it again to go on');
    return exitCode.failure;
  } finally {
    clearInterval(alive);
  }
};

/** Go style, as everywhere: `90s`, `10m`. */
export const timeoutFlag = (text: string): Millis => {
  const parsed = parseDuration(text);
  if (parsed === undefined || parsed <= 0) throw new CommandError('usage', `--timeout ${text}: want a duration, e.g. 10m`);
  return parsed;
};
