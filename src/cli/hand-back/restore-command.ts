import { onCluster, timeoutFlag } from './cluster-command.ts';
import type { ExitCode } from '../exit-code.ts';
import type { RestoreFlags } from '../flags.ts';
import type { Terminal } from '../terminal.ts';
import { restoreCluster } from './restore.ts';

/** `rouse restore`. */
export const runRestore = (flags: RestoreFlags, terminal: Terminal): Promise<ExitCode> => {
  const timeout = timeoutFlag(flags.timeout);
  return onCluster(flags, terminal, (environment, signal) => restoreCluster({ ...environment, dryRun: flags.dryRun ?? false, timeout }, signal));
};
