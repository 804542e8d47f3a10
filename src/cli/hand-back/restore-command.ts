import { onCluster, timeoutFlag } from './cluster-command.ts';
import type { ExitCode } from '../exit-code.ts';
import type { RestoreFlags } from '../flags.ts';
import { restoreCluster } from './restore.ts';

/** `rouse restore`. */
export const runRestore = (flags: RestoreFlags, print: (line: string) => void): Promise<ExitCode> => {
  const timeout = timeoutFlag(flags.timeout);
  return onCluster(flags, print, (environment, signal) => restoreCluster({ ...environment, dryRun: flags.dryRun ?? false, timeout }, signal));
};
