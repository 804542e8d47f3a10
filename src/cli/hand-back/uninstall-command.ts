import { onCluster, timeoutFlag } from './cluster-command.ts';
import { CommandError, type ExitCode } from '../exit-code.ts';
import type { UninstallFlags } from '../flags.ts';
import type { Terminal } from '../terminal.ts';
import { uninstall } from './uninstall.ts';

/** `rouse uninstall`. */
export const runUninstall = (flags: UninstallFlags, terminal: Terminal): Promise<ExitCode> => {
  const { dryRun = false, handBackOnly = false, cancel = false } = flags;
  if (cancel && (dryRun || handBackOnly)) throw new CommandError('usage', '--cancel goes with neither --dry-run nor --hand-back-only');
  const timeout = timeoutFlag(flags.timeout);
  return onCluster(flags, terminal, (environment, signal) => uninstall({ ...environment, dryRun, handBackOnly, cancel, timeout }, signal));
};
