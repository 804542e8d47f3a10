import { readdir, readFile } from 'node:fs/promises';
import { markerVariable } from './protocol.ts';

/** Ends a process, or with a negative id a process group; one that is gone already is no error. */
export const kill = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch {
    // ESRCH: gone already. EPERM: it changed its user; nothing we can do.
  }
};

/** True while any process of the group lives. */
export const isGroupAlive = (group: number): boolean => {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
};

/** Windows has no process groups: there only the process itself is ended. */
export const killGroup = (group: number, signal: NodeJS.Signals): void => {
  kill(process.platform === 'win32' ? group : -group, signal);
};

/** The id behind `GUARD/` in the marker of a process, if it is one of this guard. */
const markedId = (environment: string, guard: string): number | undefined => {
  const start = `${markerVariable}=${guard}/`;
  const entry = environment.split('\0').find((one) => one.startsWith(start));
  return entry === undefined ? undefined : Number(entry.slice(start.length));
};

/**
 * Kills every process of this guard that `isLive` does not know: those that a container started in a session of their own, so that
 * killing its group missed them. Needs /proc; elsewhere it does nothing.
 */
export const sweep = async (guard: string, isLive: (id: number) => boolean): Promise<void> => {
  if (process.platform !== 'linux') return;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
    const id = markedId(environment, guard);
    if (id !== undefined && !isLive(id)) kill(Number(pid), 'SIGKILL');
  }
};
