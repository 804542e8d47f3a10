import { parseDuration, systemClock, systemRandom, type LogLevel, type Millis } from '../../core/index.ts';
import { KubeError, loadKubeConfig } from '../../kube/index.ts';
import { CommandError, exitCode, type ExitCode } from '../exit-code.ts';
import { untilTold } from '../lifetime.ts';
import { plainLogger } from './plain-logger.ts';
import type { CommandEnvironment } from './whole-cluster.ts';

/** Runs a command that works on a cluster to its end, or until a signal; the real clock's timers alone would not keep the process. */
export const onCluster = async (
  flags: { readonly kubeconfig?: string; readonly logLevel: LogLevel },
  print: (line: string) => void,
  work: (environment: CommandEnvironment, signal: AbortSignal) => Promise<ExitCode>,
): Promise<ExitCode> => {
  const logger = plainLogger((line) => process.stderr.write(`${line}\n`), flags.logLevel);
  const connection = await loadKubeConfig(flags.kubeconfig === undefined ? { kind: 'default' } : { kind: 'file', path: flags.kubeconfig }).catch(
    (failure: unknown) => {
      throw failure instanceof KubeError ? new CommandError('usage', failure.message, failure) : failure;
    },
  );
  const signal = untilTold(logger);
  const alive = setInterval(() => undefined, 60_000);
  try {
    return await work({ connection, clock: systemClock, random: systemRandom, logger, print }, signal);
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
